/* Good path: a row of STORE_RAMP for each entry (where the ramp stands, the evidence of
 * its day, what its pace owes) and one of STORE_LEDGER (what is reserved of that day).
 *
 * Failure modes: a row that cannot be read, or is of a source that is gone, is left
 * alone; the ramp begins at its first step. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core.h"
#include "relay/fields.h"
#include "relay/now.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"
#include "relay/store.h"

/* Numbers of RAMP_DAYS days with their commas. */
#define DAYS_BYTES (RAMP_DAYS * 21 + 1)

void ramps_key(const struct ramp_entry *entry, char out[])
{
    (void)snprintf(out, STORE_KEY_BYTES, "%s|%s", entry->source->name, entry->site);
}

/* ---- writing ---- */

static void put_u64(struct fields *fields, const char *name, uint64_t value)
{
    fields_add_int(fields, name, value < INT64_MAX ? (int64_t)value : INT64_MAX);
}

static void put_days(struct fields *fields, const char *name, const uint64_t *values,
                     uint32_t count)
{
    char text[DAYS_BYTES] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < count && i < RAMP_DAYS && used < sizeof text; i++) {
        int wrote = snprintf(text + used, sizeof text - used, "%s%llu", i == 0 ? "" : ",",
                             (unsigned long long)values[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    fields_add_text(fields, name, text);
}

static void put_ramp(struct fields *fields, const struct ramp *ramp)
{
    fields_add_int(fields, "day", ramp->day);
    fields_add_int(fields, "step", ramp->step);
    fields_add_int(fields, "idle_days", ramp->idle_days);
    fields_add_int(fields, "clean_low_days", ramp->clean_low_days);
    put_u64(fields, "biggest_day", ramp->biggest_day);
    fields_add_int(fields, "done", ramp->done);
    fields_add_int(fields, "paused", ramp->paused);
    put_u64(fields, "most", ramp->most);
    put_u64(fields, "normal", ramp->normal);
    fields_add_int(fields, "listed_day", ramp->listed_day);
    fields_add_int(fields, "was_grave", ramp->was_grave);
    fields_add_int(fields, "pool_days", ramp->pool.days);
    put_u64(fields, "pool_attempts", ramp->pool.attempts);
    put_u64(fields, "pool_deferrals", ramp->pool.deferrals);
    put_u64(fields, "pool_refusals", ramp->pool.refusals);
    put_u64(fields, "pool_bad", ramp->pool.bad_mailboxes);
    put_days(fields, "past_sent", ramp->past.sent, ramp->past.count);
    put_days(fields, "past_attempts", ramp->past.attempts, ramp->past.count);
    put_days(fields, "past_demand", ramp->past.demand, ramp->past.count);
}

static void put_day(struct fields *fields, const struct ramp_day *day)
{
    put_u64(fields, "accepted", day->accepted);
    put_u64(fields, "released", day->released);
    put_u64(fields, "attempts", day->attempts);
    put_u64(fields, "deferrals", day->deferrals);
    put_u64(fields, "refusals", day->refusals);
    put_u64(fields, "bad", day->bad_mailboxes);
    put_u64(fields, "complaints", day->complaints);
    put_u64(fields, "complaint_base", day->complaint_base);
    fields_add_int(fields, "blocked", day->blocked);
    fields_add_int(fields, "listed", day->listed);
    fields_add_int(fields, "grave", day->grave);
    fields_add_int(fields, "met", day->met);
    fields_add_int(fields, "row", day->row);
    fields_add_int(fields, "row_at", day->row_unix_ms);
}

void ramps_keep(struct ramp_entry *entry, struct store_ticket *ticket)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    ramps_key(entry, key);
    fields_init(&fields);
    put_ramp(&fields, &entry->ramp);
    put_day(&fields, &entry->day);
    if (entry->pace.spent_until_ns != 0) {
        fields_add_int(&fields, "paid_unix_ms",
                       now_to_unix_ms(entry->pace.spent_until_ns));
        fields_add_int(&fields, "gap_ns", entry->pace.gap_ns);
    }
    store_put(entry->core->store,
              &(struct store_row){.kind = STORE_RAMP, .key = key, .value = fields.text},
              ticket);
    entry->is_unsaved = false;
}

/* ---- reading ---- */

static uint64_t get_u64(const struct fields *fields, const char *name)
{
    int64_t value = fields_int_or(fields, name, 0);
    return value > 0 ? (uint64_t)value : 0;
}

static uint32_t get_u32(const struct fields *fields, const char *name)
{
    uint64_t value = get_u64(fields, name);
    return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* How many there were. */
static uint32_t get_days(const struct fields *fields, const char *name, uint64_t *values)
{
    char text[DAYS_BYTES];
    uint32_t count = 0;
    if (!fields_get_text(fields, name, text, sizeof text)) {
        return 0;
    }
    char *at = text;
    while (count < RAMP_DAYS && *at >= '0' && *at <= '9') {
        values[count++] = strtoull(at, &at, 10);
        at += *at == ',' ? 1 : 0;
    }
    return count;
}

static void get_ramp(const struct fields *fields, struct ramp *ramp)
{
    ramp->day = (int32_t)fields_int_or(fields, "day", ramp->day);
    ramp->step = get_u32(fields, "step");
    ramp->idle_days = get_u32(fields, "idle_days");
    ramp->clean_low_days = get_u32(fields, "clean_low_days");
    ramp->biggest_day = get_u64(fields, "biggest_day");
    ramp->done = fields_int_or(fields, "done", 0) != 0;
    ramp->paused = fields_int_or(fields, "paused", 0) != 0;
    ramp->most = get_u64(fields, "most");
    ramp->normal = get_u64(fields, "normal");
    ramp->listed_day = (int32_t)fields_int_or(fields, "listed_day", 0);
    ramp->was_grave = fields_int_or(fields, "was_grave", 0) != 0;
    ramp->pool = (struct ramp_pool){.days = get_u32(fields, "pool_days"),
                                    .attempts = get_u64(fields, "pool_attempts"),
                                    .deferrals = get_u64(fields, "pool_deferrals"),
                                    .refusals = get_u64(fields, "pool_refusals"),
                                    .bad_mailboxes = get_u64(fields, "pool_bad")};
    ramp->past = (struct ramp_past){0};
    ramp->past.count = get_days(fields, "past_sent", ramp->past.sent);
    (void)get_days(fields, "past_attempts", ramp->past.attempts);
    (void)get_days(fields, "past_demand", ramp->past.demand);
}

static void get_day(const struct fields *fields, struct ramp_day *day)
{
    *day = (struct ramp_day){.accepted = get_u64(fields, "accepted"),
                             .released = get_u64(fields, "released"),
                             .attempts = get_u64(fields, "attempts"),
                             .deferrals = get_u64(fields, "deferrals"),
                             .refusals = get_u64(fields, "refusals"),
                             .bad_mailboxes = get_u64(fields, "bad"),
                             .complaints = get_u64(fields, "complaints"),
                             .complaint_base = get_u64(fields, "complaint_base"),
                             .blocked = fields_int_or(fields, "blocked", 0) != 0,
                             .listed = fields_int_or(fields, "listed", 0) != 0,
                             .grave = fields_int_or(fields, "grave", 0) != 0,
                             .met = fields_int_or(fields, "met", 0) != 0,
                             .row = get_u32(fields, "row"),
                             .row_unix_ms = fields_int_or(fields, "row_at", 0)};
}

/* What the pace owes, so that no restart gives a second burst; never more than a day of
 * it, whatever the clock has done. */
static void get_pace(const struct fields *fields, struct ramp_entry *entry)
{
    int64_t now = now_ns();
    int64_t paid_ms = fields_int_or(fields, "paid_unix_ms", 0);
    if (paid_ms <= 0) {
        return;
    }
    int64_t until_ns = now_from_unix_ms(paid_ms);
    int64_t most_ns = now + INT64_C(24) * 3600 * NOW_NS_PER_S;
    entry->pace.spent_until_ns = until_ns < most_ns ? until_ns : most_ns;
    entry->pace.gap_ns = fields_int_or(fields, "gap_ns", 0);
}

void ramps_load(struct core *core, const struct store_row *row)
{
    char name[STORE_KEY_BYTES];
    struct fields fields;
    (void)snprintf(name, sizeof name, "%s", row->key);
    char *site = strchr(name, '|');
    if (site == NULL || !fields_load(&fields, row->value, strlen(row->value))) {
        return;
    }
    *site++ = '\0';
    if (name[0] == '\0') {
        ramps_hours_load(core, site, &fields);
        return;
    }
    struct source *source = sources_find(&core->sources, name);
    if (source == NULL || source->index == CONFIG_NONE) {
        return;
    }
    uint32_t warmup = core->snapshot->config->sources[source->index].warmup;
    if (warmup == CONFIG_NONE) {
        return;
    }
    struct ramp_entry *entry = ramps_find(core, source, site);
    if (entry == NULL) {
        entry = ramps_make(core, source, site, warmup);
    }
    if (row->kind == STORE_LEDGER) {
        struct ledger_record record = {.day = (int32_t)fields_int_or(&fields, "day", 0),
                                       .reserved = get_u64(&fields, "reserved")};
        ledger_open(&entry->ledger, &record, (int32_t)ramps_today(entry).number);
        return;
    }
    get_ramp(&fields, &entry->ramp);
    get_day(&fields, &entry->day);
    get_pace(&fields, entry);
}

/* ---- a configuration, a clean stop ---- */

void ramps_take(struct core *core)
{
    const struct config *config = core->snapshot->config;
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        uint32_t index = entry->source->index;
        entry->warmup =
            index != CONFIG_NONE ? config->sources[index].warmup : CONFIG_NONE;
        if (entry->warmup == CONFIG_NONE) {
            continue;
        }
        ramps_configure(entry);
    }
    (void)ramps_end_days(core); /* those that passed while nobody was there */
}

void ramps_save_all(struct core *core)
{
    list_each (node, &core->ramps.entries) {
        struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        struct ledger_record record = ledger_close(&entry->ledger);
        char key[STORE_KEY_BYTES];
        struct fields fields;
        ramps_key(entry, key);
        fields_init(&fields);
        fields_add_int(&fields, "day", record.day);
        put_u64(&fields, "reserved", record.reserved);
        store_put(
            core->store,
            &(struct store_row){.kind = STORE_LEDGER, .key = key, .value = fields.text},
            NULL);
        ramps_keep(entry, NULL);
    }
}
