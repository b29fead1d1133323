#include "relay/learnt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/fields.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/store.h"

/* A climbing lane changes every few seconds; a restart may forget so much. */
#define SAVE_AFTER_NS (5 * NOW_NS_PER_S)

/* The month's count is written again when it has grown by so much of itself. */
#define SHARE_NEWS 0.01

/* What was delivered a month ago counts a third, and so on. */
static double month_of(const struct lane *lane, int64_t unix_ms)
{
    static const double month_ms = 30.0 * 86400000.0;
    double age = (double)(unix_ms - lane->month_unix_ms) / month_ms;
    return lane->month_unix_ms == 0 ? 0 : lane->month * exp(age > 0 ? -age : 0);
}

static void save_soon(struct core *core, struct lane *lane)
{
    if (!lane->is_unsaved) {
        lane->is_unsaved = true;
        lane->saver.due_cb = learnt_on_save;
        agenda_set(&core->agenda, &lane->saver, (uint64_t)(now_ns() + SAVE_AFTER_NS));
    }
}

void learnt_delivered(struct core *core, struct lane *lane, uint32_t count)
{
    int64_t now = now_unix_ms();
    lane->month = month_of(lane, now) + count;
    lane->month_unix_ms = now;
    lane->month_unsaved += count;
    if (lane->month_unsaved >= lane->month * SHARE_NEWS) {
        lane->month_unsaved = 0;
        save_soon(core, lane);
    }
}

double learnt_share(const struct lane *lane)
{
    int64_t now = now_unix_ms();
    double all = 0;
    list_each (node, &lane->source->lanes) {
        all += month_of(LIST_OWNER(node, struct lane, by_source), now);
    }
    return all < 100 ? 0 : month_of(lane, now) / all;
}

static void save(struct core *core, struct lane *lane)
{
    struct control_snapshot snapshot;
    control_save(&lane->control, sites_limits(lane->site), now_ns(), &snapshot);
    struct fields fields;
    fields_init(&fields);
    fields_add_double(&fields, "rate", snapshot.rate);
    fields_add_double(&fields, "ceiling", snapshot.ceiling);
    fields_add_int(&fields, "ceiling_age", snapshot.ceiling_age_ns);
    fields_add_int(&fields, "clean_age", snapshot.clean_age_ns);
    fields_add_int(&fields, "pause_left", snapshot.pause_left_ns);
    fields_add_int(&fields, "throttles", snapshot.throttles);
    fields_add_int(&fields, "messages", snapshot.messages);
    fields_add_int(&fields, "window", snapshot.window);
    fields_add_int(&fields, "window_ceiling", snapshot.window_ceiling);
    fields_add_int(&fields, "behaviour", snapshot.behaviour);
    fields_add_double(&fields, "month", lane->month);
    fields_add_int(&fields, "month_at", lane->month_unix_ms);
    fields_add_text(&fields, "cause", lane->cause);
    fields_add_int(&fields, "cause_at", lane->cause_unix_ms);
    char key[STORE_KEY_BYTES];
    (void)snprintf(key, sizeof key, "%s|%s", lane->source->name, lane->site->name);
    store_put(core->store,
              &(struct store_row){.kind = STORE_LEARNT, .key = key, .value = fields.text},
              NULL);
    lane->is_unsaved = false;
}

void learnt_on_save(struct agenda_item *item)
{
    struct lane *lane = LIST_OWNER(item, struct lane, saver);
    save(lane->site->core, lane);
}

/* Growth is saved; what a person wants to read about is also in the journal. */
static bool is_news(enum control_what what)
{
    switch (what) {
    case CONTROL_RATE_CUT:
    case CONTROL_WINDOW_CUT:
    case CONTROL_MESSAGES_CUT:
    case CONTROL_REOPENED:
    case CONTROL_PAUSED_AGAIN:
    case CONTROL_EASED: return true;
    case CONTROL_UNCHANGED:
    case CONTROL_RATE_GROWN:
    case CONTROL_WINDOW_GROWN: break;
    }
    return false;
}

void learnt_note(struct core *core, struct lane *lane,
                 const struct control_change *change, const char *before,
                 const char *after, const char *evidence)
{
    save_soon(core, lane);
    if (!is_news(change->what)) {
        return;
    }
    if (evidence[0] != '\0') {
        (void)snprintf(lane->cause, sizeof lane->cause, "%s", evidence);
        lane->cause_unix_ms = now_unix_ms();
    }
    save(core, lane); /* a cut must not be forgotten */
    agenda_drop(&core->agenda, &lane->saver);
    scheduler_kick(core, lane->site);
    journal_record(core->store, LOG_LIMIT,
                   &(struct journal_entry){
                       .unix_ms = now_unix_ms(),
                       .actor = "control",
                       .kind = control_what_name(change->what),
                       .source = lane->source->name,
                       .site = lane->site->name,
                       .before = before,
                       .after = after,
                       .evidence = evidence,
                       .until_unix_ms =
                           change->until_ns != 0 ? now_to_unix_ms(change->until_ns) : 0},
                   NULL);
}

void learnt_load(struct core *core, const struct store_row *row)
{
    char name[STORE_KEY_BYTES];
    struct fields fields;
    (void)snprintf(name, sizeof name, "%s", row->key);
    char *site_name = strchr(name, '|');
    if (site_name == NULL || !fields_load(&fields, row->value, strlen(row->value))) {
        return;
    }
    *site_name++ = '\0';
    struct source *source = sources_find(&core->sources, name);
    if (source == NULL) {
        return;
    }
    struct control_snapshot snapshot = {
        .ceiling_age_ns = fields_int_or(&fields, "ceiling_age", 0),
        .clean_age_ns = fields_int_or(&fields, "clean_age", 0),
        .pause_left_ns = fields_int_or(&fields, "pause_left", 0),
        .throttles = (uint32_t)fields_int_or(&fields, "throttles", 0),
        .messages = (uint32_t)fields_int_or(&fields, "messages", 0),
        .window = (uint32_t)fields_int_or(&fields, "window", 0),
        .window_ceiling = (uint32_t)fields_int_or(&fields, "window_ceiling", 0),
        .behaviour = (uint8_t)fields_int_or(&fields, "behaviour", 0)};
    (void)fields_get_double(&fields, "rate", &snapshot.rate);
    (void)fields_get_double(&fields, "ceiling", &snapshot.ceiling);

    uint32_t config = config_site_find(core->snapshot->config, site_name);
    struct site *site =
        sites_get(&core->sites, site_name,
                  config != CONFIG_NONE ? config : core->snapshot->config->default_site);
    int64_t now = now_ns();
    struct lane *lane = sites_lane(site, source, now);
    (void)fields_get_double(&fields, "month", &lane->month);
    lane->month_unix_ms = fields_int_or(&fields, "month_at", 0);
    if (!(lane->month >= 0 && lane->month < 1e15)) {
        lane->month = 0;
    }
    (void)fields_get_text(&fields, "cause", lane->cause, sizeof lane->cause);
    lane->cause_unix_ms = fields_int_or(&fields, "cause_at", 0);
    int64_t age_ms = now_unix_ms() - row->unix_ms;
    control_restore(&lane->control, sites_limits(site), &snapshot,
                    age_ms > 0 ? age_ms * NOW_NS_PER_MS : 0, now);
}

void learnt_save_all(struct core *core)
{
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL;
         site = sites_next(&core->sites, site)) {
        list_each (node, &site->lanes) {
            struct lane *lane = LIST_OWNER(node, struct lane, by_site);
            if (lane->is_unsaved) {
                agenda_drop(&core->agenda, &lane->saver);
                save(core, lane);
            }
        }
    }
}
