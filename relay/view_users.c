/* Who may submit: the table in force with what has been used of it; reading the file
 * again. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/roster.h"
#include "relay/snapshot.h"
#include "relay/store.h"
#include "relay/users.h"
#include "relay/view_parts.h"

#define WORDS_BYTES 2048 /* as much of a list as a screen shows */

static void join(char out[WORDS_BYTES], const char *word)
{
    size_t used = strlen(out);
    size_t length = strlen(word);
    if (used + length + 2 < WORDS_BYTES) {
        (void)snprintf(out + used, WORDS_BYTES - used, "%s%s", used == 0 ? "" : " ",
                       word);
    }
}

static void fill_state(struct core *core, const struct users_user *user,
                       struct api_user *row)
{
    const struct freeze *freeze = freezes_find(&core->freezes, FREEZE_USER, user->name);
    const struct vigil_user *conduct = vigil_find(core, user->name);
    row->state = "active";
    row->reason = "";
    if (user->is_disabled) {
        row->state = "disabled";
        row->reason = "mesura user disable";
    } else if (freeze != NULL) {
        row->state = "frozen";
        row->reason = freeze->why;
    } else if (conduct != NULL && conduct->limit.period_ns != 0) {
        row->state = "slowed";
        row->reason = "more volume than its history knows: mesura journal --kind conduct";
    }
}

static void put_user(struct core *core, const struct users_user *user,
                     struct api_answer *answer)
{
    char streams[WORDS_BYTES] = "";
    char from[WORDS_BYTES] = "";
    char networks[WORDS_BYTES] = "";
    for (size_t i = 0; i < user->stream_count; i++) {
        join(streams, user->streams[i]);
    }
    for (size_t i = 0; i < user->from_count; i++) {
        join(from, user->from[i]);
    }
    for (size_t i = 0; i < user->network_count; i++) {
        char text[USERS_NETWORK_BYTES];
        join(networks, users_network_print(&user->networks[i], text));
    }
    struct api_user row = {.name = user->name,
                           .streams = streams,
                           .from = from,
                           .networks = networks,
                           .has_password = user->hash[0] != '\0',
                           .tokens = (unsigned)user->token_count,
                           .certificates = (unsigned)user->certificate_count,
                           .priority_low = user->priority_low,
                           .priority_high = user->priority_high,
                           .max_message_bytes = user->max_message_bytes,
                           .per_minute = user->per_minute,
                           .per_hour = user->per_hour,
                           .per_day = user->per_day,
                           .used_minute =
                               allowances_used(core, user->name, ALLOWANCE_MINUTE),
                           .used_hour = allowances_used(core, user->name, ALLOWANCE_HOUR),
                           .used_day = allowances_used(core, user->name, ALLOWANCE_DAY)};
    fill_state(core, user, &row);
    api_answer_user(answer, &row);
}

void view_users(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    api_answer_file(answer, core->snapshot->config->users);
    for (size_t i = 0; i < users_count(core->users) && i < LIMIT_API_ROWS; i++) {
        put_user(core, users_at(core->users, i), answer);
    }
}

void view_users_reload(void *owner, const char *by, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    struct errmsg err = {.text = ""};
    char before[64];
    char after[64];
    if (core->is_stopping) {
        api_answer_done(answer, API_BUSY, "stopping");
        return;
    }
    (void)snprintf(before, sizeof before, "%zu users", users_count(core->users));
    if (roster_reload(core, &err) != 0) {
        api_answer_done(answer, API_CONFLICT, err.text);
        return;
    }
    (void)snprintf(after, sizeof after, "%zu users", users_count(core->users));
    journal_record(core->store, LOG_ADMIN,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = by,
                                           .kind = "users",
                                           .subject = core->snapshot->config->users,
                                           .before = before,
                                           .after = after},
                   NULL);
    api_answer_done(answer, API_DONE, "the users file is in force");
}

void view_users_expect(void *owner, const char *name, const char *volume,
                       const char *until, const char *by, struct api_answer *answer)
{
    struct view *view = owner;
    char text[200];
    char *end = NULL;
    unsigned long long count = strtoull(volume, &end, 10);
    bool is_good = volume[0] >= '0' && volume[0] <= '9' && *end == '\0' && count > 0 &&
                   count <= UINT32_MAX;
    int64_t until_unix_ms = strtoll(until, &end, 10);
    if (!is_good || *end != '\0' || until_unix_ms <= now_unix_ms()) {
        api_answer_done(answer, API_BAD_ASK,
                        "volume is a number of recipients, until a time to come in "
                        "milliseconds since 1970");
        return;
    }
    if (!vigil_expect(view->core, name, count, until_unix_ms, by)) {
        api_answer_done(answer, API_NOT_FOUND, "there is no user of that name");
        return;
    }
    (void)snprintf(text, sizeof text, "%llu recipients of user %.100s are expected",
                   count, name);
    api_answer_done(answer, API_DONE, text);
}
