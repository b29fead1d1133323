/* Prometheus' text format: counts of core, the index, the queue, the store and the log;
 * sites, sources, streams and lanes with their names. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relay/core.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/store.h"
#include "relay/textbuf.h"
#include "relay/view_parts.h"
#include "relay/worker.h"

/* A site has five samples of about 100 bytes. */
#define SITES_MOST 2000
#define LANES_MOST 2000

static void head(struct textbuf *out, const char *name, const char *type,
                 const char *help)
{
    textbuf_printf(out, "# HELP mesura_%s %s\n# TYPE mesura_%s %s\n", name, help, name,
                   type);
}

static void count(struct textbuf *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "counter", help);
    textbuf_printf(out, "mesura_%s %" PRIu64 "\n", name, value);
}

static void gauge(struct textbuf *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "gauge", help);
    textbuf_printf(out, "mesura_%s %" PRIu64 "\n", name, value);
}

/* A label's value: backslash, quote and line feed escaped. */
static void label(struct textbuf *out, const char *before, const char *name,
                  const char *value)
{
    textbuf_printf(out, "%s%s=\"", before, name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' || *at == '"') {
            textbuf_append(out, "\\", 1);
        }
        textbuf_append(out, *at == '\n' ? " " : at, 1);
    }
    textbuf_append(out, "\"", 1);
}

static void sample(struct textbuf *out, const char *name, const char *label_name,
                   const char *label_value, double value)
{
    textbuf_printf(out, "mesura_%s", name);
    label(out, "{", label_name, label_value);
    textbuf_printf(out, "} %.10g\n", value);
}

/* ---- totals ---- */

static void put_core(struct textbuf *out, const struct core *core)
{
    const struct core_counts *counts = &core->counts;
    uint64_t inbound = 0;
    uint64_t outbound = 0;
    uint64_t sessions = 0;
    uint64_t refused = 0;
    for (unsigned i = 0; i < core->worker_count; i++) {
        const struct worker_counts *from = &core->workers[i]->counts;
        inbound += __atomic_load_n(&from->inbound, __ATOMIC_RELAXED);
        outbound += __atomic_load_n(&from->outbound, __ATOMIC_RELAXED);
        sessions += __atomic_load_n(&from->sessions, __ATOMIC_RELAXED);
        refused += __atomic_load_n(&from->refused, __ATOMIC_RELAXED);
    }
    head(out, "info", "gauge", "The version that runs.");
    sample(out, "info", "version", MESURA_VERSION, 1);
    gauge(out, "start_time_seconds", "When the daemon started, as Unix time.",
          (uint64_t)(core->started_unix_ms / 1000));
    gauge(out, "draining", "1 while no new mail is accepted.", core->is_draining);
    count(out, "accepted_messages_total", "Messages accepted.", counts->accepted);
    count(out, "delivered_recipients_total", "Recipients delivered.", counts->delivered);
    count(out, "deferred_recipients_total", "Attempts that were refused for now.",
          counts->retried);
    count(out, "bounced_recipients_total", "Recipients refused for good.",
          counts->bounced);
    count(out, "expired_recipients_total", "Recipients whose lifetime was over.",
          counts->expired);
    count(out, "inbound_sessions_total", "Sessions of clients.", sessions);
    count(out, "inbound_refused_total", "Commands of clients that were refused.",
          refused);
    gauge(out, "inbound_connections", "Clients connected now.", inbound);
    gauge(out, "outbound_connections", "Connections to receivers now.", outbound);
}

static void put_queue(struct textbuf *out, const struct core *core)
{
    struct index_stats index;
    struct queue_stats queue;
    index_stats(core->index, &index);
    queue_stats(core->queue, &queue);
    gauge(out, "queue_messages", "Messages in the queue.", index.messages);
    head(out, "queue_recipients", "gauge", "Recipients in the queue, by state.");
    sample(out, "queue_recipients", "state", "ready", (double)index.ready);
    sample(out, "queue_recipients", "state", "deferred", (double)index.deferred);
    sample(out, "queue_recipients", "state", "active", (double)index.out);
    sample(out, "queue_recipients", "state", "held", (double)index.held);
    gauge(out, "queue_memory_bytes", "Memory of the queue's index.", index.memory_bytes);
    gauge(out, "queue_disk_bytes", "All segments, spares included.", queue.disk_bytes);
    gauge(out, "queue_live_bytes", "Of these, what must be kept.", queue.live_bytes);
    gauge(out, "queue_segments", "Segment files.", queue.segments);
    gauge(out, "spool_free_bytes", "Free space of the spool's file system.",
          queue.free_bytes);
    count(out, "queue_records_total", "Records written.", queue.records);
    count(out, "queue_written_bytes_total", "Bytes written.", queue.written_bytes);
    count(out, "queue_compacted_bytes_total", "Bytes written again by compaction.",
          queue.compacted_bytes);
    count(out, "queue_syncs_total", "Calls of fdatasync.", queue.syncs);
    count(out, "queue_stalls_total", "Times the writer waited for a segment.",
          queue.stalls);
}

static void put_helpers(struct textbuf *out, const struct core *core)
{
    struct log_counts log;
    log_get_counts(&log);
    count(out, "log_written_total", "Events and lines written.", log.written);
    count(out, "log_dropped_total", "Events and lines lost to a slow disk.", log.dropped);
    count(out, "log_failed_total", "Events and lines lost to write errors.", log.failed);
    if (core->store == NULL) {
        return;
    }
    struct store_totals store;
    store_get_totals(core->store, &store);
    count(out, "store_transactions_total", "Transactions of the store.",
          store.transactions);
    count(out, "store_failed_total", "Transactions that did not commit.", store.failed);
    count(out, "store_dropped_total", "Learnt values that did not fit.", store.dropped);
    gauge(out, "store_pending_bytes", "Waiting to be written.", store.pending_bytes);
}

/* ---- by name ---- */

static void put_tally(struct textbuf *out, const char *name, const char *label_name,
                      const char *label_value, const struct tally *tally)
{
    const struct {
        const char *result;
        uint64_t value;
    } parts[] = {{"delivered", tally->delivered},
                 {"deferred", tally->retried},
                 {"bounced", tally->bounced}};
    for (unsigned i = 0; i < 3; i++) {
        textbuf_printf(out, "mesura_%s", name);
        label(out, "{", label_name, label_value);
        label(out, ",", "result", parts[i].result);
        textbuf_printf(out, "} %" PRIu64 "\n", parts[i].value);
    }
}

static void put_streams(struct textbuf *out, struct view *view)
{
    struct core *core = view->core;
    const struct config *config = core->snapshot->config;
    head(out, "stream_recipients_total", "counter", "Results by stream.");
    for (size_t i = 0; i < config->stream_count; i++) {
        const char *name = config->streams[i].name;
        put_tally(out, "stream_recipients_total", "stream", name,
                  stream_tally(&core->stream_tallies, name));
    }
    head(out, "stream_queued_recipients", "gauge", "Recipients in the queue by stream.");
    for (size_t i = 0; i < config->stream_count && i < 64; i++) {
        const struct view_sums *sums = &view->survey.streams[i];
        sample(out, "stream_queued_recipients", "stream", config->streams[i].name,
               (double)(sums->ready + sums->deferred + sums->active + sums->held));
    }
}

static void put_sources(struct textbuf *out, const struct core *core)
{
    head(out, "source_recipients_total", "counter", "Results by source.");
    for (uint32_t i = 0; i < core->sources.count; i++) {
        const struct source *source = core->sources.items[i];
        put_tally(out, "source_recipients_total", "source", source->name, &source->tally);
    }
    head(out, "source_stopped", "gauge", "1 while the source is out of service.");
    for (uint32_t i = 0; i < core->sources.count; i++) {
        const struct source *source = core->sources.items[i];
        sample(out, "source_stopped", "source", source->name,
               source->stop.state != STOP_CLEAR);
    }
    head(out, "source_connections", "gauge", "Connections held by source.");
    for (uint32_t i = 0; i < core->sources.count; i++) {
        const struct source *source = core->sources.items[i];
        sample(out, "source_connections", "source", source->name, source->slots);
    }
}

static void put_sites(struct textbuf *out, struct view *view)
{
    const struct core *core = view->core;
    unsigned left = SITES_MOST;
    head(out, "site_recipients_total", "counter", "Results by site.");
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL && left-- > 0;
         site = sites_next(&core->sites, site)) {
        put_tally(out, "site_recipients_total", "site", site->name, &site->tally);
    }
    left = SITES_MOST;
    head(out, "site_queued_recipients", "gauge", "Recipients in the queue by site.");
    for (struct site *site = sites_next(&core->sites, NULL); site != NULL && left-- > 0;
         site = sites_next(&core->sites, site)) {
        size_t cells = 0;
        uint64_t queued = 0;
        const struct view_cell *cell = view_survey_site(&view->survey, site, &cells);
        for (size_t i = 0; i < cells; i++) {
            queued += cell[i].sums.ready + cell[i].sums.deferred + cell[i].sums.active +
                      cell[i].sums.held;
        }
        sample(out, "site_queued_recipients", "site", site->name, (double)queued);
    }
}

typedef double (*lane_value_cb)(const struct lane *lane, int64_t now_ns);

static double rate_of(const struct lane *lane, int64_t now_ns)
{
    return meter_per_second(&lane->meter, now_ns);
}

static double allowed_of(const struct lane *lane, int64_t now_ns)
{
    struct pace_limit rate =
        control_rate(&lane->control, sites_limits(lane->site), now_ns);
    return pace_is_unlimited(&rate) ? 0 : pace_per_second(&rate);
}

static double connections_of(const struct lane *lane, int64_t now_ns)
{
    (void)now_ns;
    return lane->slots;
}

static double stopped_of(const struct lane *lane, int64_t now_ns)
{
    return strcmp(view_lane_phase(lane, now_ns), "stopped") == 0;
}

static void put_lanes(struct textbuf *out, const struct core *core, const char *name,
                      const char *help, lane_value_cb value_cb)
{
    int64_t now = now_ns();
    unsigned left = LANES_MOST;
    head(out, name, "gauge", help);
    for (uint32_t i = 0; i < core->sources.count; i++) {
        list_each (node, &core->sources.items[i]->lanes) {
            const struct lane *lane = LIST_OWNER(node, struct lane, by_source);
            if (left == 0) {
                return;
            }
            left--;
            textbuf_printf(out, "mesura_%s", name);
            label(out, "{", "source", lane->source->name);
            label(out, ",", "site", lane->site->name);
            textbuf_printf(out, "} %.6g\n", value_cb(lane, now));
        }
    }
}

static void put_ramps(struct textbuf *out, const struct core *core)
{
    head(out, "warmup_spent_recipients", "gauge", "Of today's allowance.");
    list_each (node, &core->ramps.entries) {
        const struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        textbuf_text(out, "mesura_warmup_spent_recipients");
        label(out, "{", "source", entry->source->name);
        label(out, ",", "site", entry->site);
        textbuf_printf(out, "} %" PRIu64 "\n", entry->ledger.spent);
    }
}

void view_metrics(void *owner, struct api_answer *answer)
{
    struct view *view = owner;
    const struct core *core = view->core;
    struct textbuf out;
    textbuf_init(&out, LIMIT_API_TEXT - 1);
    (void)view_survey(view);
    put_core(&out, core);
    put_queue(&out, core);
    put_helpers(&out, core);
    put_streams(&out, view);
    put_sources(&out, core);
    put_sites(&out, view);
    put_lanes(&out, core, "lane_attempts_per_second", "Attempts of the last minute.",
              rate_of);
    put_lanes(&out, core, "lane_allowed_per_second",
              "What the lane may send now; 0 is unlimited.", allowed_of);
    put_lanes(&out, core, "lane_connections", "Connections of the lane.", connections_of);
    put_lanes(&out, core, "lane_stopped", "1 while the lane is out of service.",
              stopped_of);
    put_ramps(&out, core);
    if (out.bytes != NULL) {
        api_answer_text(answer, out.bytes, out.length);
    }
    textbuf_done(&out);
}
