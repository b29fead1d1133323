#include "relay/stops.h"

#include <stdio.h>
#include <string.h>

#include "relay/alert.h"
#include "relay/core.h"
#include "relay/fields.h"
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/store.h"

/* ---- asking ---- */

static bool is_bulk(const struct config_stream *stream)
{
    return strcmp(stream->name, "bulk") == 0;
}

/* What is over is lifted by the next tick, and holds until then: the workers still see
 * the flag. */
static int64_t to_ns(int64_t unix_ms)
{
    int64_t tick_ns = now_ns() + NOW_NS_PER_S;
    int64_t until_ns = unix_ms == INT64_MAX ? INT64_MAX : now_from_unix_ms(unix_ms);
    return until_ns > tick_ns ? until_ns : tick_ns;
}

bool stops_source_holds(const struct source *source, const struct config_stream *stream,
                        int64_t *out_until_ns)
{
    if (source->stop.state == STOP_CLEAR) {
        /* A worker has raised the flag and core has not heard why yet: it will. */
        *out_until_ns = INT64_MAX;
        return atomic_load_explicit(&source->stop_flag, memory_order_acquire);
    }
    struct stop_answer answer = stop_ask(&source->stop, is_bulk(stream), now_unix_ms());
    *out_until_ns = to_ns(answer.earliest_unix_ms);
    return !answer.go || answer.canary;
}

bool stops_lane_holds(const struct lane *lane, const struct config_stream *stream,
                      int64_t now_ns, int64_t *out_until_ns)
{
    if (lane->stop.state != STOP_CLEAR) {
        struct stop_answer answer = stop_ask(&lane->stop, is_bulk(stream), now_unix_ms());
        if (!answer.go || answer.canary) {
            *out_until_ns = to_ns(answer.earliest_unix_ms);
            return true;
        }
    }
    struct control_answer answer =
        control_ask(&lane->control, sites_limits(lane->site), now_ns);
    *out_until_ns = answer.earliest_ns;
    return !answer.go;
}

bool stops_fallback(struct core *core, uint32_t stream, struct site *site, int64_t now_ns,
                    struct lane **out_lane)
{
    const struct config_stream *config = &core->snapshot->config->streams[stream];
    int64_t until_ns = 0;
    if (config->fallback_source == CONFIG_NONE) {
        return false;
    }
    for (size_t i = 0; i < config->sources.count; i++) {
        struct source *source = sources_at(&core->sources, config->sources.items[i]);
        if (!stops_source_holds(source, config, &until_ns)) {
            return false; /* it only waits its turn */
        }
    }
    struct source *fallback = sources_at(&core->sources, config->fallback_source);
    *out_lane = sites_lane(site, fallback, now_ns);
    return true;
}

/* ---- keeping ---- */

static void key_of(const struct source *source, const struct lane *lane,
                   char out[STORE_KEY_BYTES])
{
    if (lane == NULL) {
        (void)snprintf(out, STORE_KEY_BYTES, "source|%s", source->name);
    } else {
        (void)snprintf(out, STORE_KEY_BYTES, "lane|%s|%s", source->name,
                       lane->site->name);
    }
}

static void keep(struct core *core, const struct source *source, const struct lane *lane,
                 const struct stop *stop, struct store_ticket *ticket)
{
    char key[STORE_KEY_BYTES];
    key_of(source, lane, key);
    if (stop->state == STOP_CLEAR) {
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
    fields_add_int(&fields, "since", stop->since_unix_ms);
    fields_add_int(&fields, "until", stop->until_unix_ms);
    fields_add_int(&fields, "proved", stop->proved_unix_ms);
    fields_add_int(&fields, "hold", stop->hold_ms);
    fields_add_int(&fields, "canary_sent", stop->canary_sent);
    fields_add_int(&fields, "canary_step", stop->canary_step);
    fields_add_int(&fields, "clean_days", stop->clean_days);
    fields_add_int(&fields, "times", stop->times);
    fields_add_int(&fields, "step", stop->step_unix_ms);
    fields_add_text(&fields, "list", stop->list);
    fields_add_text(&fields, "why", stop->why);
    store_put(core->store,
              &(struct store_row){.kind = STORE_STOP, .key = key, .value = fields.text},
              ticket);
}

static bool read_stop(const struct fields *fields, struct stop *stop)
{
    int64_t state = fields_int_or(fields, "state", STOP_HELD);
    int64_t cause = fields_int_or(fields, "cause", STOP_CAUSE_LISTED);
    int64_t reach = fields_int_or(fields, "reach", STOP_REACH_ALL);
    int64_t kind = fields_int_or(fields, "list_kind", STOP_LIST_UNKNOWN);
    if (state <= STOP_CLEAR || state > STOP_RESUMING || cause < 0 ||
        cause > STOP_CAUSE_OPERATOR || reach < 0 || reach > STOP_REACH_ALL || kind < 0 ||
        kind > STOP_LIST_MIXED) {
        return false;
    }
    *stop =
        (struct stop){.state = (enum stop_state)state,
                      .cause = (enum stop_cause)cause,
                      .reach = (enum stop_reach)reach,
                      .list_kind = (enum stop_list)kind,
                      .pinned = fields_int_or(fields, "pinned", 0) != 0,
                      .since_unix_ms = fields_int_or(fields, "since", 0),
                      .until_unix_ms = fields_int_or(fields, "until", INT64_MAX),
                      .proved_unix_ms = fields_int_or(fields, "proved", 0),
                      .hold_ms = fields_int_or(fields, "hold", 0),
                      .canary_sent = (uint32_t)fields_int_or(fields, "canary_sent", 0),
                      .canary_step = (uint32_t)fields_int_or(fields, "canary_step", 0),
                      .clean_days = (uint32_t)fields_int_or(fields, "clean_days", 0),
                      .times = (uint32_t)fields_int_or(fields, "times", 1),
                      .step_unix_ms = fields_int_or(fields, "step", 0)};
    (void)fields_get_text(fields, "list", stop->list, sizeof stop->list);
    (void)fields_get_text(fields, "why", stop->why, sizeof stop->why);
    return true;
}

void stops_load(struct core *core, const struct store_row *row)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    struct stop stop;
    (void)snprintf(key, sizeof key, "%s", row->key);
    char *name = strchr(key, '|');
    if (name == NULL || !fields_load(&fields, row->value, strlen(row->value)) ||
        !read_stop(&fields, &stop)) {
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
    if (site_name == NULL) {
        source->stop = stop;
        atomic_store(&source->stop_flag, true);
        return;
    }
    uint32_t config = config_site_find(core->snapshot->config, site_name);
    struct site *site =
        sites_get(&core->sites, site_name,
                  config != CONFIG_NONE ? config : core->snapshot->config->default_site);
    struct lane *lane = sites_lane(site, source, now_ns());
    lane->stop = stop;
    atomic_store(&lane->stop_flag, true);
}

/* ---- telling ---- */

static void tell(struct core *core, const struct source *source, const struct lane *lane,
                 const char *event, const char *text)
{
    char subject[400];
    if (lane == NULL) {
        (void)snprintf(subject, sizeof subject, "%s", source->name);
    } else {
        (void)snprintf(subject, sizeof subject, "%s at %s", source->name,
                       lane->site->name);
    }
    log_warn("%s", text);
    if (core->alert != NULL) {
        alert_raise(core->alert,
                    &(struct alert_notice){.event = event,
                                           .subject = subject,
                                           .source = source->name,
                                           .site = lane != NULL ? lane->site->name : "",
                                           .text = text,
                                           .unix_ms = now_unix_ms()});
    }
}

/* Somebody lifts a stop (words NULL), or an answer brings one. */
struct words {
    const struct reply *reply;
    const struct finding *finding; /* NULL: only the reply counts */
    const char *text;
};

static void note(struct core *core, const struct source *source, const struct lane *lane,
                 const char *actor, const struct words *words)
{
    bool stops = words != NULL;
    const struct finding *finding = stops ? words->finding : NULL;
    journal_record(core->store, stops ? LOG_BLOCKED : LOG_UNBLOCKED,
                   &(struct journal_entry){
                       .unix_ms = now_unix_ms(),
                       .actor = actor,
                       .kind = "stop",
                       .source = source->name,
                       .site = lane != NULL ? lane->site->name : "",
                       .before = stops ? "live" : "stopped",
                       .after = stops ? "stopped" : "live",
                       .evidence = stops ? words->text : "",
                       .reply = stops ? words->reply : NULL,
                       .class = finding != NULL ? finding_class_name(finding->class) : "",
                       .dnsbl = finding != NULL ? finding->list : ""},
                   NULL);
}

void stops_freeze(struct core *core, struct lane *lane, const struct reply *reply,
                  const struct finding *finding)
{
    struct source *source = lane->source;
    char evidence[REPLY_TEXT_BYTES + 32];
    (void)settle_reply_text(reply, evidence, sizeof evidence);
    atomic_store_explicit(&source->stop_flag, true, memory_order_release);
    bool is_new = source->stop.state == STOP_CLEAR;
    if (!is_new) {
        return; /* it is stopped already: what was under way has come home */
    }
    stop_freeze(&source->stop, finding, evidence, now_unix_ms());
    keep(core, source, NULL, &source->stop, NULL);
    struct words words = {.reply = reply, .finding = finding, .text = evidence};
    note(core, source, NULL, "stop", &words);

    char text[2 * REPLY_TEXT_BYTES];
    (void)snprintf(
        text, sizeof text,
        "source %s is stopped: %s said that its address is on the list %s. "
        "Nothing leaves from it until \"mesura blocks clear %s\". Find and end "
        "the cause first. The reply: %s",
        source->name, lane->site->name,
        finding->list[0] != '\0' ? finding->list : "(no name given)", source->name,
        evidence);
    tell(core, source, NULL, "blocked", text);
    scheduler_kick_all(core);
}

void stops_lane(struct core *core, struct lane *lane, enum stop_cause cause,
                const struct reply *reply)
{
    /* 4 h, as decisions has it for a receiver's own block. */
    static const int64_t hold_ms = INT64_C(4) * 3600 * 1000;
    char evidence[REPLY_TEXT_BYTES + 32];
    (void)settle_reply_text(reply, evidence, sizeof evidence);
    bool is_new = lane->stop.state == STOP_CLEAR;
    int64_t now = now_unix_ms();
    stop_hold(&lane->stop, cause, STOP_REACH_ALL, evidence, now + hold_ms, now);
    atomic_store_explicit(&lane->stop_flag, true, memory_order_release);
    keep(core, lane->source, lane, &lane->stop, NULL);
    if (!is_new) {
        return;
    }
    struct words words = {.reply = reply, .text = evidence};
    note(core, lane->source, lane, "stop", &words);
    char text[2 * REPLY_TEXT_BYTES];
    (void)snprintf(
        text, sizeof text,
        "%s refuses source %s; mail from it to there waits for 4 h, then one "
        "message tries. Lift it sooner with \"mesura blocks clear %s %s\". The "
        "reply: %s",
        lane->site->name, lane->source->name, lane->source->name, lane->site->name,
        evidence);
    tell(core, lane->source, lane, "blocked", text);
}

/* ---- lifting ---- */

static unsigned clear_lane(struct core *core, struct lane *lane, const char *by,
                           struct store_ticket *ticket)
{
    if (lane->stop.state == STOP_CLEAR) {
        return 0;
    }
    stop_clear(&lane->stop);
    atomic_store(&lane->stop_flag, false);
    keep(core, lane->source, lane, &lane->stop, ticket);
    note(core, lane->source, lane, by, NULL);
    scheduler_kick(core, lane->site);
    return 1;
}

unsigned stops_clear(struct core *core, struct source *source, const char *site,
                     const char *by, struct store_ticket *ticket)
{
    unsigned count = 0;
    list_each (node, &source->lanes) {
        struct lane *lane = LIST_OWNER(node, struct lane, by_source);
        if (site[0] == '\0' || strcmp(lane->site->name, site) == 0) {
            count += clear_lane(core, lane, by, NULL);
        }
    }
    if (site[0] == '\0' && source->stop.state != STOP_CLEAR) {
        stop_clear(&source->stop);
        atomic_store(&source->stop_flag, false);
        keep(core, source, NULL, &source->stop, NULL);
        note(core, source, NULL, by, NULL);
        count++;
    }
    if (count > 0) {
        scheduler_kick_all(core);
        if (ticket != NULL) {
            store_sync(core->store, ticket);
        }
    }
    return count;
}

void stops_tick(struct core *core, int64_t now_unix_ms)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        struct source *source = core->sources.items[i];
        list_each (node, &source->lanes) {
            struct lane *lane = LIST_OWNER(node, struct lane, by_source);
            if (lane->stop.state != STOP_CLEAR && !lane->stop.pinned &&
                lane->stop.until_unix_ms <= now_unix_ms) {
                /* The hold is over: the controller's probe is the canary. */
                (void)clear_lane(core, lane, "stop", NULL);
            }
        }
    }
}
