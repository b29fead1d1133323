/* Stops, who has spoken against a source and what is normal for it, across restarts:
 * rows of STORE_STOP.
 *
 * No test of its own: tests/relay/test_stops.c crashes and looks. */

#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/fields.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/stops_parts.h"
#include "relay/store.h"

/* ---- writing ---- */

static void put(struct core *core, const char *key, const struct fields *fields,
                struct store_ticket *ticket)
{
    store_put(core->store,
              &(struct store_row){.kind = STORE_STOP, .key = key, .value = fields->text},
              ticket);
}

void stops_book_stop(struct core *core, const struct source *source,
                     const struct lane *lane, struct store_ticket *ticket)
{
    const struct stop *stop = lane != NULL ? &lane->stop : &source->stop;
    char key[STORE_KEY_BYTES];
    if (lane == NULL) {
        (void)snprintf(key, sizeof key, "source|%s", source->name);
    } else {
        (void)snprintf(key, sizeof key, "lane|%s|%s", source->name, lane->site->name);
    }
    if (stop->state == STOP_CLEAR && stop->times == 0) {
        store_del(core->store, STORE_STOP, key, ticket);
        return;
    }
    struct fields fields;
    fields_init(&fields);
    fields_add_int(&fields, "state", stop->state);
    fields_add_int(&fields, "cause", stop->cause);
    fields_add_int(&fields, "reach", stop->reach);
    fields_add_int(&fields, "list_kind", stop->list_kind);
    fields_add_int(&fields, "pinned", stop->pinned);
    fields_add_int(&fields, "was_listed", stop->was_listed);
    fields_add_int(&fields, "since", stop->since_unix_ms);
    fields_add_int(&fields, "until", stop->until_unix_ms);
    fields_add_int(&fields, "proved", stop->proved_unix_ms);
    fields_add_int(&fields, "hold", stop->hold_ms);
    fields_add_int(&fields, "canary_accepted", stop->canary_accepted);
    fields_add_int(&fields, "canary_step", stop->canary_step);
    fields_add_int(&fields, "clean_days", stop->clean_days);
    fields_add_int(&fields, "times", stop->times);
    fields_add_int(&fields, "step", stop->step_unix_ms);
    fields_add_text(&fields, "list", stop->list);
    fields_add_text(&fields, "ip", stop->ip);
    fields_add_text(&fields, "site", stop->site);
    fields_add_text(&fields, "why", stop->why);
    put(core, key, &fields, ticket);
}

/* ---- waiting ---- */

struct landing {
    struct mailbox box;
    struct store_ticket ticket;
    sem_t landed;
};

static void on_posted(void *owner)
{
    struct landing *landing = owner;
    (void)sem_post(&landing->landed);
}

static void on_landed(struct letter *letter)
{
    (void)letter; /* the semaphore has told */
}

void stops_book_wait(struct core *core)
{
    struct landing landing = {.ticket = {.done_cb = on_landed}};
    mailbox_init(&landing.box, on_posted, &landing);
    landing.ticket.home = &landing.box;
    (void)sem_init(&landing.landed, 0, 0);
    store_sync(core->store, &landing.ticket);
    while (sem_wait(&landing.landed) != 0) {
        /* a signal came between */
    }
    (void)mailbox_run(&landing.box);
    if (landing.ticket.status != 0) {
        log_error("a stop is not on the disk: a crash now would forget it");
    }
    (void)sem_destroy(&landing.landed);
}

/* "listed3_site": the field of the fourth witness. */
static const char *witness_field(char out[48], const char *prefix, unsigned i,
                                 const char *what)
{
    (void)snprintf(out, 48, "%s%u_%s", prefix, i, what);
    return out;
}

static void add_witnesses(struct fields *fields, const char *prefix,
                          const struct stop_witnesses *witnesses)
{
    char name[48];
    for (unsigned i = 0; i < witnesses->count; i++) {
        const struct stop_witness *one = &witnesses->seen[i];
        fields_add_int(fields, witness_field(name, prefix, i, "site"),
                       (int64_t)one->site);
        fields_add_int(fields, witness_field(name, prefix, i, "network"),
                       (int64_t)one->network);
        fields_add_int(fields, witness_field(name, prefix, i, "at"), one->unix_ms);
        fields_add_int(fields, witness_field(name, prefix, i, "big"), one->big);
        fields_add_double(fields, witness_field(name, prefix, i, "share"), one->share);
    }
}

void stops_book_witnesses(struct core *core, const struct source *source)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    (void)snprintf(key, sizeof key, "witness|%s", source->name);
    fields_init(&fields);
    add_witnesses(&fields, "listed", &source->listed_by);
    add_witnesses(&fields, "refused", &source->refused_by);
    put(core, key, &fields, NULL);
}

void stops_book_volume(struct core *core, const struct source *source)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    (void)snprintf(key, sizeof key, "volume|%s", source->name);
    fields_init(&fields);
    fields_add_int(&fields, "day", source->volume.day);
    for (unsigned i = 0; i < VOLUME_DAYS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "d%u", i);
        if (source->volume.counts[i] != 0) {
            fields_add_int(&fields, name, source->volume.counts[i]);
        }
    }
    put(core, key, &fields, NULL);
}

/* ---- reading ---- */

static bool read_stop(const struct fields *fields, struct stop *stop)
{
    int64_t state = fields_int_or(fields, "state", STOP_HELD);
    int64_t cause = fields_int_or(fields, "cause", STOP_CAUSE_LISTED);
    int64_t reach = fields_int_or(fields, "reach", STOP_REACH_ALL);
    int64_t kind = fields_int_or(fields, "list_kind", STOP_LIST_UNKNOWN);
    int64_t step = fields_int_or(fields, "canary_step", 0);
    if (state < STOP_CLEAR || state > STOP_RESUMING || cause < 0 ||
        cause > STOP_CAUSE_OPERATOR || reach < 0 || reach > STOP_REACH_ALL || kind < 0 ||
        kind > STOP_LIST_MIXED || step < 0 || step > 3) {
        return false;
    }
    uint32_t accepted = (uint32_t)fields_int_or(fields, "canary_accepted", 0);
    *stop = (struct stop){.state = (enum stop_state)state,
                          .cause = (enum stop_cause)cause,
                          .reach = (enum stop_reach)reach,
                          .list_kind = (enum stop_list)kind,
                          .pinned = fields_int_or(fields, "pinned", 0) != 0,
                          .was_listed = fields_int_or(fields, "was_listed", 0) != 0,
                          .since_unix_ms = fields_int_or(fields, "since", 0),
                          .until_unix_ms = fields_int_or(fields, "until", INT64_MAX),
                          .proved_unix_ms = fields_int_or(fields, "proved", 0),
                          .hold_ms = fields_int_or(fields, "hold", 0),
                          .canary_sent = accepted, /* what was out may go again */
                          .canary_accepted = accepted,
                          .canary_step = (uint32_t)step,
                          .clean_days = (uint32_t)fields_int_or(fields, "clean_days", 0),
                          .times = (uint32_t)fields_int_or(fields, "times", 1),
                          .step_unix_ms = fields_int_or(fields, "step", 0)};
    (void)fields_get_text(fields, "list", stop->list, sizeof stop->list);
    (void)fields_get_text(fields, "ip", stop->ip, sizeof stop->ip);
    (void)fields_get_text(fields, "site", stop->site, sizeof stop->site);
    (void)fields_get_text(fields, "why", stop->why, sizeof stop->why);
    return true;
}

static void read_witnesses(const struct fields *fields, const char *prefix,
                           struct stop_witnesses *out)
{
    char name[48];
    for (unsigned i = 0; i < STOP_WITNESSES; i++) {
        struct stop_witness one = {
            .site = (uint64_t)fields_int_or(fields,
                                            witness_field(name, prefix, i, "site"), 0),
            .network = (uint64_t)fields_int_or(
                fields, witness_field(name, prefix, i, "network"), 0),
            .unix_ms = fields_int_or(fields, witness_field(name, prefix, i, "at"), 0),
            .big = fields_int_or(fields, witness_field(name, prefix, i, "big"), 0) != 0};
        (void)fields_get_double(fields, witness_field(name, prefix, i, "share"),
                                &one.share);
        if (one.unix_ms != 0) {
            stop_witness_add(out, &one);
        }
    }
}

static void read_volume(const struct fields *fields, struct volume *out)
{
    *out = (struct volume){.day = (int32_t)fields_int_or(fields, "day", 0)};
    for (unsigned i = 0; i < VOLUME_DAYS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "d%u", i);
        int64_t count = fields_int_or(fields, name, 0);
        out->counts[i] = count > 0 && count <= UINT32_MAX ? (uint32_t)count : 0;
    }
}

static struct lane *lane_of(struct core *core, struct source *source, const char *name)
{
    const struct config *config = core->snapshot->config;
    uint32_t index = config_site_find(config, name);
    struct site *site = sites_get(&core->sites, name,
                                  index != CONFIG_NONE ? index : config->default_site);
    return sites_lane(site, source, now_ns());
}

/* At start no worker runs yet, and nothing may be written. */
static void take_stop(struct core *core, struct source *source, const char *site_name,
                      const struct stop *stop)
{
    bool shut = stop->state == STOP_CHECKING || stop->state == STOP_HELD;
    if (site_name != NULL) {
        struct lane *lane = lane_of(core, source, site_name);
        lane->stop = *stop;
        atomic_store(&lane->stop_flag, shut);
        return;
    }
    source->stop = *stop;
    atomic_store(&source->stop_flag, shut && !stop_ask(stop, false, 0).go);
    atomic_store(&source->bulk_flag, shut && !stop_ask(stop, true, 0).go);
}

void stops_load(struct core *core, const struct store_row *row)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    struct stop stop;
    (void)snprintf(key, sizeof key, "%s", row->key);
    char *name = strchr(key, '|');
    if (name == NULL || !fields_load(&fields, row->value, strlen(row->value))) {
        log_error("store: the stop %s cannot be read; it is ignored", row->key);
        return;
    }
    *name++ = '\0';
    char *site_name = strchr(name, '|');
    if (site_name != NULL) {
        *site_name++ = '\0';
    }
    struct source *source = sources_find(&core->sources, name);
    if (source == NULL) {
        return; /* its name is gone from the file */
    }
    if (strcmp(key, "witness") == 0) {
        read_witnesses(&fields, "listed", &source->listed_by);
        read_witnesses(&fields, "refused", &source->refused_by);
    } else if (strcmp(key, "volume") == 0) {
        read_volume(&fields, &source->volume);
    } else if (read_stop(&fields, &stop)) {
        take_stop(core, source, site_name, &stop);
    } else {
        log_error("store: the stop %s cannot be read; it is ignored", row->key);
    }
}
