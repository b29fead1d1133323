/* The suppression list, page by page; entries put in and taken off by hand or from a
 * file. An act is answered when the store has it. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/store.h"
#include "relay/suppression_csv.h"
#include "relay/suppression_parts.h"
#include "relay/view_parts.h"

/* ---- the list ---- */

static void put_row(const struct suppression_entry *entry, struct api_answer *answer)
{
    struct api_suppression row = {.address = entry->address,
                                  .stream = entry->stream,
                                  .site = entry->site,
                                  .cause = suppress_cause_name(entry->cause),
                                  .why = entry->why,
                                  .since_unix_ms = entry->since_ms,
                                  .until_unix_ms =
                                      entry->until_ms == INT64_MAX ? 0 : entry->until_ms};
    api_answer_suppression(answer, &row);
}

/* One address: its entry in each stream, and that of all streams. */
static void put_address(struct core *core, const char *address, struct api_answer *answer)
{
    const struct config *config = core->snapshot->config;
    struct suppression_entry entry;
    for (size_t i = 0; i <= config->stream_count; i++) {
        const char *stream = i < config->stream_count ? config->streams[i].name : "";
        if (suppression_find(&core->suppression, stream, address, &entry) &&
            entry.until_ms > now_unix_ms()) {
            put_row(&entry, answer);
        }
    }
}

void view_suppressed(void *owner, const char *address, const struct api_page *page,
                     struct api_answer *answer)
{
    struct core *core = ((struct view *)owner)->core;
    uint64_t cursor = strtoull(page->cursor, NULL, 16);
    api_answer_number(answer, "blocking", core->suppression.blocking);
    if (address[0] != '\0') {
        put_address(core, address, answer);
        api_answer_done(answer, API_DONE, "");
        return;
    }
    struct suppression_entry *entries = arena_must(page->limit, sizeof *entries);
    size_t count = suppression_page(&core->suppression, &cursor, entries, page->limit);
    for (size_t i = 0; i < count; i++) {
        put_row(&entries[i], answer);
    }
    free(entries);
    if (cursor != 0) {
        char text[32];
        (void)snprintf(text, sizeof text, "%016" PRIx64, cursor);
        api_answer_more(answer, text);
    }
    api_answer_done(answer, API_DONE, "");
}

/* ---- acts ---- */

struct acting {
    struct store_ticket ticket; /* first */
    struct view *view;
    struct api_answer *answer;
    uint64_t changed;
};

static void on_durable(struct letter *letter)
{
    struct acting *acting =
        (struct acting *)LIST_OWNER(letter, struct store_ticket, letter);
    acting->view->tickets--;
    api_answer_count(acting->answer, acting->changed);
    if (acting->ticket.status == 0) {
        api_answer_done(acting->answer, API_DONE, "");
    } else {
        api_answer_done(acting->answer, API_FAILED,
                        "it is in force, but the store cannot be written: it is "
                        "forgotten at the next start");
    }
    free(acting);
}

/* Answer when all that was given to the store is on the disk. */
static void answer_when_durable(struct view *view, uint64_t changed,
                                struct api_answer *answer)
{
    struct acting *acting = arena_must(1, sizeof *acting);
    acting->view = view;
    acting->answer = answer;
    acting->changed = changed;
    acting->ticket.home = &view->core->mailbox;
    acting->ticket.done_cb = on_durable;
    view->tickets++;
    store_sync(view->core->store, &acting->ticket);
}

static void note(struct core *core, const struct api_suppress_ask *ask, const char *kind,
                 const char *subject, const char *after)
{
    journal_record(core->store, LOG_ADMIN,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = ask->by,
                                           .kind = kind,
                                           .stream = ask->stream,
                                           .subject = subject,
                                           .after = after,
                                           .evidence = ask->why},
                   NULL);
}

static bool stream_is_known(struct core *core, const char *stream)
{
    return stream[0] == '\0' ||
           config_stream_find(core->snapshot->config, stream) != CONFIG_NONE;
}

static const char *refusal_of(int rc)
{
    return rc == -ENOSPC ? "the suppression list is full (a million entries)"
                         : "that is no address";
}

static void add(struct view *view, const struct api_suppress_ask *ask,
                struct api_answer *answer)
{
    struct core *core = view->core;
    int64_t now_ms = now_unix_ms();
    struct suppression_entry entry = {.cause = SUPPRESS_OPERATOR,
                                      .since_ms = now_ms,
                                      .until_ms = ask->for_ms > 0 ? now_ms + ask->for_ms
                                                                  : INT64_MAX};
    if (ask->cause[0] != '\0' && !suppress_cause_parse(ask->cause, &entry.cause)) {
        api_answer_done(answer, API_BAD_ASK,
                        "cause is bad-mailbox, complaint, unsubscribe or operator");
        return;
    }
    settle_clean(ask->why, entry.why, sizeof entry.why);
    (void)snprintf(entry.stream, sizeof entry.stream, "%s", ask->stream);
    (void)snprintf(entry.address, sizeof entry.address, "%s", ask->address);
    int rc = strlen(ask->address) < sizeof entry.address
                 ? suppression_set(&core->suppression, &entry, NULL)
                 : -EINVAL;
    if (rc != 0) {
        api_answer_done(answer, rc == -ENOSPC ? API_CONFLICT : API_BAD_ASK,
                        refusal_of(rc));
        return;
    }
    note(core, ask, "suppress", ask->address, suppress_cause_name(entry.cause));
    answer_when_durable(view, 1, answer);
}

/* Without a stream: from all of them. */
static void take_off(struct view *view, const struct api_suppress_ask *ask,
                     struct api_answer *answer)
{
    struct core *core = view->core;
    const struct config *config = core->snapshot->config;
    uint64_t changed = 0;
    if (ask->stream[0] != '\0') {
        changed +=
            suppression_remove(&core->suppression, ask->stream, ask->address, NULL);
    } else {
        for (size_t i = 0; i <= config->stream_count; i++) {
            const char *stream = i < config->stream_count ? config->streams[i].name : "";
            changed += suppression_remove(&core->suppression, stream, ask->address, NULL);
        }
    }
    if (changed == 0) {
        api_answer_done(answer, API_NOT_FOUND, "that address is not on the list");
        return;
    }
    note(core, ask, "unsuppress", ask->address, "written to");
    answer_when_durable(view, changed, answer);
}

static void take_file(struct view *view, const struct api_suppress_ask *ask,
                      struct api_answer *answer)
{
    struct core *core = view->core;
    struct suppression_csv csv;
    struct suppression_entry entry;
    uint64_t changed = 0;
    char line[256];
    suppression_csv_init(&csv, ask->csv, strlen(ask->csv), ask->line, now_unix_ms());
    for (;;) {
        const char *wrong = "";
        int rc = suppression_csv_next(&csv, &entry, &wrong);
        if (rc == 0) {
            break;
        }
        if (rc > 0 && !stream_is_known(core, entry.stream)) {
            wrong = "there is no such stream";
            rc = -EINVAL;
        }
        if (rc > 0) {
            rc = suppression_set(&core->suppression, &entry, NULL);
            wrong = rc != 0 ? refusal_of(rc) : "";
            changed += rc == 0;
        }
        if (wrong[0] != '\0') {
            (void)snprintf(line, sizeof line, "line %" PRIu64 ": %s", csv.line, wrong);
            api_answer_note(answer, line);
        }
    }
    (void)snprintf(line, sizeof line, "%" PRIu64 " entries", changed);
    note(core, ask, "suppress-import", "", line);
    answer_when_durable(view, changed, answer);
}

void view_suppress(void *owner, const struct api_suppress_ask *ask,
                   struct api_answer *answer)
{
    struct view *view = owner;
    if (!stream_is_known(view->core, ask->stream)) {
        api_answer_done(answer, API_NOT_FOUND, "there is no such stream");
        return;
    }
    switch (ask->act) {
    case API_SUPPRESS_ADD: add(view, ask, answer); return;
    case API_SUPPRESS_REMOVE: take_off(view, ask, answer); return;
    case API_SUPPRESS_IMPORT: take_file(view, ask, answer); return;
    }
}
