/* What an answer, or a list that was asked, does to the stops.
 *
 * A reply that names a list freezes the source before anything else is known; then it is
 * decided whose address was named, and the list is asked about it. Until it has said
 * "listed" or "not listed" twice, only independent witnesses count.
 *
 * No test of its own: tests/relay/test_stops.c and test_stops_proof.c. */

#include <stdio.h>
#include <string.h>

#include "relay/caught.h"
#include "relay/core.h"
#include "relay/job.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/slot.h"
#include "relay/snapshot.h"
#include "relay/stops_parts.h"
#include "relay/watcher.h"

#define DAY_MS         INT64_C(86400000)
#define LISTED_LANE_MS DAY_MS
#define HELD_ASKS_MS   INT64_C(1800000) /* while it stands, the list is asked so often */

/* ---- lanes ---- */

static void say_lane(struct core *core, struct lane *lane, const struct reply *reply,
                     const struct finding *finding, const char *words)
{
    char evidence[REPLY_TEXT_BYTES + 32];
    char text[2 * REPLY_TEXT_BYTES];
    (void)settle_reply_text(reply, evidence, sizeof evidence);
    int64_t hours = (lane->stop.until_unix_ms - now_unix_ms() + 1800000) / 3600000;
    (void)snprintf(
        text, sizeof text,
        "%s refuses source %s; mail from it to there waits for %lld h, then one "
        "message tries. %s%sLift it sooner with \"mesura blocks clear %s %s\". "
        "The reply: %s",
        lane->site->name, lane->source->name, (long long)hours, words,
        words[0] != '\0' ? ". " : "", lane->source->name, lane->site->name, evidence);
    struct stops_said said = {.source = lane->source,
                              .lane = lane,
                              .actor = "stop",
                              .before = "live",
                              .after = "stopped",
                              .evidence = evidence,
                              .reply = reply,
                              .finding = finding,
                              .until_unix_ms = lane->stop.until_unix_ms};
    stops_say(core, &said, LOG_BLOCKED, text);
}

/* Returns whether it was in service before. */
static bool hold_lane(struct core *core, struct lane *lane, enum stop_cause cause,
                      int64_t hold_ms, const struct reply *reply, const char *list)
{
    char evidence[REPLY_TEXT_BYTES + 32];
    bool is_new = lane->stop.state == STOP_CLEAR || lane->stop.state == STOP_RESUMING;
    int64_t now = now_unix_ms();
    (void)settle_reply_text(reply, evidence, sizeof evidence);
    stop_hold(&lane->stop, cause, STOP_REACH_ALL, evidence, now + hold_ms, now);
    if (list[0] != '\0') {
        (void)snprintf(lane->stop.list, sizeof lane->stop.list, "%s", list);
    }
    stops_changed(core, lane->source, lane, NULL);
    return is_new;
}

void stops_lane(struct core *core, struct lane *lane, enum stop_cause cause,
                const struct reply *reply)
{
    if (hold_lane(core, lane, cause, STOP_REPUTATION_MS, reply, "")) {
        say_lane(core, lane, reply, NULL, "");
    }
}

/* ---- a list is named ---- */

static void say_source(struct core *core, struct lane *lane, const struct reply *reply,
                       const struct finding *finding)
{
    const struct source *source = lane->source;
    char evidence[REPLY_TEXT_BYTES + 32];
    char text[2 * REPLY_TEXT_BYTES];
    (void)settle_reply_text(reply, evidence, sizeof evidence);
    (void)snprintf(
        text, sizeof text,
        "source %s is stopped: %s said that its address is on the list %s. "
        "The list is being asked. Find and end the cause first; \"mesura blocks "
        "clear %s\" lifts it. The reply: %s",
        source->name, lane->site->name,
        finding->list[0] != '\0' ? finding->list : "(no name given)", source->name,
        evidence);
    struct stops_said said = {.source = source,
                              .actor = "stop",
                              .before = "live",
                              .after = "stopped",
                              .evidence = evidence,
                              .reply = reply,
                              .finding = finding};
    stops_book_wait(core);
    stops_say(core, &said, LOG_BLOCKED, text);
}

/* Nobody need be asked: the receiver alone is stopped. */
static void lane_alone(struct core *core, struct lane *lane, const struct reply *reply,
                       const struct finding *finding, const char *words)
{
    if (hold_lane(core, lane, STOP_CAUSE_LISTED, LISTED_LANE_MS, reply, finding->list)) {
        say_lane(core, lane, reply, finding, words);
    }
    stops_changed(core, lane->source, NULL, NULL); /* a worker has raised its flag */
}

/* The stop has its ruling: tell what follows, once. */
static void say_ruling(struct core *core, const struct source *source,
                       enum stop_state before, const struct stop_ruling *ruling,
                       const char *evidence)
{
    const struct stop *stop = &source->stop;
    char text[1024];
    bool lifted = stop->state == STOP_CLEAR;
    struct stops_said said = {.source = source,
                              .actor = "stop",
                              .before = stop_state_name(before),
                              .after = lifted ? "live" : stop_reach_name(stop->reach),
                              .evidence = evidence,
                              .dnsbl = stop->list,
                              .until_unix_ms = lifted ? 0 : stop->until_unix_ms};
    (void)snprintf(text, sizeof text, "source %s: %s (%s). %s", source->name,
                   ruling->words, evidence,
                   lifted ? "It is in service again; the receiver that refused stays "
                            "stopped for a day."
                          : "See \"mesura blocks\".");
    stops_say(core, &said, lifted ? LOG_UNBLOCKED : LOG_LIMIT, "");
    if (ruling->alert) {
        stops_say_alert(core, &said, "verdict", text);
    }
}

static void rule(struct core *core, struct source *source, enum stop_proof proof,
                 enum stop_list kind, const char *evidence)
{
    struct stop *stop = &source->stop;
    enum stop_state before = stop->state;
    enum stop_reach reach = stop->reach;
    bool witnessed = stop_witnessed(&source->listed_by, now_unix_ms());
    struct stop_ruling ruling = stop_proved(stop, proof, kind, witnessed, now_unix_ms());
    stops_changed(core, source, NULL, NULL);
    if (before != stop->state || reach != stop->reach) {
        say_ruling(core, source, before, &ruling, evidence);
        if (stop->state == STOP_CLEAR) {
            caught_release(core, source, "");
        }
    }
}

static void freeze(struct core *core, struct lane *lane, const struct reply *reply,
                   const struct finding *finding, const struct netaddr *ask)
{
    struct source *source = lane->source;
    char evidence[REPLY_TEXT_BYTES + 32];
    char ip[NETADDR_TEXT_BYTES];
    bool was_live = source->stop.state == STOP_CLEAR ||
                    source->stop.state == STOP_CANARY ||
                    source->stop.state == STOP_RESUMING;
    (void)settle_reply_text(reply, evidence, sizeof evidence);
    struct stop_hit hit = {.list = finding->list,
                           .kind = watcher_kind(core->watcher, finding->list),
                           .ip = netaddr_format(ask, ip),
                           .site = lane->site->name,
                           .why = evidence};
    bool changed = stop_freeze(&source->stop, &hit, now_unix_ms());
    stops_changed(core, source, NULL, NULL);
    if (changed && was_live) {
        say_source(core, lane, reply, finding);
    }
}

/* An address of ours, or one that may be: the lane stops too, and the list is asked. */
static void hit_source(struct core *core, struct lane *lane, const struct reply *reply,
                       const struct finding *finding, const struct netaddr *ask,
                       enum stops_whose whose)
{
    struct source *source = lane->source;
    bool is_new =
        hold_lane(core, lane, STOP_CAUSE_LISTED, LISTED_LANE_MS, reply, finding->list);
    struct stops_said said = {.source = source,
                              .lane = lane,
                              .actor = "stop",
                              .before = "live",
                              .after = "stopped",
                              .evidence = lane->stop.why,
                              .finding = finding,
                              .until_unix_ms = lane->stop.until_unix_ms};
    if (is_new) {
        stops_say(core, &said, LOG_LIMIT, ""); /* part of the source's stop */
    }
    if (whose == STOPS_UNKNOWN ||
        !watcher_ask(core->watcher, source, finding->list, ask)) {
        rule(core, source, STOP_PROOF_CANNOT_TELL, STOP_LIST_UNKNOWN,
             whose == STOPS_UNKNOWN
                 ? "the public address of this source is not known: say public in it"
                 : "the list cannot be asked");
    } else if (source->stop.state == STOP_HELD && !source->stop.was_listed &&
               stop_witnessed(&source->listed_by, now_unix_ms())) {
        rule(core, source, STOP_PROOF_CANNOT_TELL, STOP_LIST_UNKNOWN,
             "independent receivers say the same");
    }
}

static bool is_worth(enum stop_list kind)
{
    switch (kind) {
    case STOP_LIST_GRAVE:
    case STOP_LIST_COMPLAINT:
    case STOP_LIST_POLICY:
    case STOP_LIST_MIXED: return true;
    case STOP_LIST_UNKNOWN:
    case STOP_LIST_WIDE:
    case STOP_LIST_DEAD: break;
    }
    return false;
}

void stops_freeze(struct core *core, struct lane *lane, const struct netaddr *remote,
                  const struct reply *reply, const struct finding *finding)
{
    struct source *source = lane->source;
    struct netaddr ask;
    enum stop_list kind = watcher_kind(core->watcher, finding->list);
    enum stops_whose whose = stops_whose(core, source, remote, finding, &ask);
    if (!is_worth(kind)) {
        struct stop_ruling ruling = stop_rule(kind, STOP_PROOF_CANNOT_TELL, false);
        lane_alone(core, lane, reply, finding, ruling.words);
        return;
    }
    if (whose == STOPS_NOT_OURS) {
        /* Behind a NAT nobody told us of, it may be ours after all: when several say so.
         */
        bool hidden = !stops_is_seen(&source->public);
        if (hidden) {
            stops_add_witness(core, lane, remote, &source->listed_by);
        }
        if (!hidden || !stop_witnessed(&source->listed_by, now_unix_ms())) {
            char words[256];
            (void)snprintf(
                words, sizeof words,
                "The address it names, %s, is none of ours: whoever it belongs "
                "to (the provider, an upstream relay) must have it removed",
                finding->ip);
            lane_alone(core, lane, reply, finding, words);
            return;
        }
        whose = STOPS_UNKNOWN;
    }
    freeze(core, lane, reply, finding, &ask); /* the store's first row: it must be down */
    stops_add_witness(core, lane, remote, &source->listed_by);
    hit_source(core, lane, reply, finding, &ask, whose);
}

/* ---- the receiver's own block ---- */

static void hit_lane(struct core *core, struct job *job, const struct job_rcpt *rcpt)
{
    struct lane *lane = job->slot->lane;
    struct source *source = lane->source;
    bool reputation = rcpt->finding.class == FINDING_IP_REPUTATION;
    stops_lane(core, lane,
               rcpt->finding.class == FINDING_AUTH_POLICY ? STOP_CAUSE_AUTH
                                                          : STOP_CAUSE_REPUTATION,
               &rcpt->reply);
    if (!reputation) {
        return;
    }
    stops_add_witness(core, lane, &job->remote, &source->refused_by);
    if (source->stop.state != STOP_CLEAR ||
        !stop_reputation_witnessed(&source->refused_by, stops_sites_tried(source),
                                   now_unix_ms())) {
        return;
    }
    char evidence[REPLY_TEXT_BYTES + 32];
    char text[2 * REPLY_TEXT_BYTES];
    int64_t now = now_unix_ms();
    (void)settle_reply_text(&rcpt->reply, evidence, sizeof evidence);
    stop_hold(&source->stop, STOP_CAUSE_REPUTATION, STOP_REACH_ALL, evidence,
              now + STOP_REPUTATION_MS, now);
    (void)snprintf(source->stop.site, sizeof source->stop.site, "%.255s",
                   lane->site->name);
    stops_changed(core, source, NULL, NULL);
    (void)snprintf(text, sizeof text,
                   "source %s is stopped for 4 h: several receivers refuse it for its "
                   "reputation, the last one %s: %s",
                   source->name, lane->site->name, evidence);
    struct stops_said said = {.source = source,
                              .actor = "stop",
                              .before = "live",
                              .after = "stopped",
                              .evidence = evidence,
                              .reply = &rcpt->reply,
                              .finding = &rcpt->finding,
                              .until_unix_ms = source->stop.until_unix_ms};
    stops_book_wait(core);
    stops_say(core, &said, LOG_BLOCKED, text);
}

/* ---- an answer ---- */

static void end_canary(struct core *core, struct job *job, enum stop_canary outcome)
{
    struct lane *lane = job->slot->lane;
    struct source *source = lane->source;
    if (job->is_source_canary) {
        stop_canary_done(&source->stop, outcome, now_unix_ms());
        if (outcome == STOP_CANARY_ACCEPTED && lane->stop.cause == STOP_CAUSE_LISTED &&
            source->stop.state == STOP_RESUMING) {
            stop_clear(&lane->stop); /* its refusal was part of this stop */
            stops_changed(core, source, lane, NULL);
        }
        stops_changed(core, source, NULL, NULL);
    }
    if (job->is_lane_canary) {
        stop_canary_done(&lane->stop, outcome, now_unix_ms());
        stops_changed(core, source, lane, NULL);
    }
}

static enum stop_canary outcome_of(const struct verdict *verdict)
{
    if (verdict->message == VERDICT_DONE) {
        return STOP_CANARY_ACCEPTED;
    }
    bool refused =
        verdict->source != VERDICT_SOURCE_NOTHING || verdict->lane == VERDICT_LANE_STOP;
    return refused ? STOP_CANARY_REFUSED : STOP_CANARY_LOST;
}

static void observe(struct core *core, const struct job *job, const struct job_rcpt *rcpt,
                    const struct verdict *verdict)
{
    bool freezes = verdict->source == VERDICT_SOURCE_FREEZE;
    if (!freezes && verdict->lane != VERDICT_LANE_STOP) {
        return;
    }
    char evidence[REPLY_TEXT_BYTES + 32];
    (void)settle_reply_text(&rcpt->reply, evidence, sizeof evidence);
    struct stops_said said = {.source = job->slot->lane->source,
                              .lane = job->slot->lane,
                              .actor = "stop",
                              .before = "live",
                              .after = freezes ? "live; would stop the source"
                                               : "live; would stop the lane",
                              .evidence = evidence,
                              .reply = &rcpt->reply,
                              .finding = &rcpt->finding};
    stops_say_observed(core, &said, job->content.envelope.stream);
}

void stops_answer(struct core *core, struct job *job, const struct job_rcpt *rcpt,
                  const struct verdict *verdict)
{
    struct lane *lane = job->slot->lane;
    lane->used_unix_ms = now_unix_ms();
    if (!job->may_stop) {
        observe(core, job, rcpt, verdict);
        return;
    }
    if ((job->is_source_canary || job->is_lane_canary) && rcpt == &job->rcpts[0]) {
        end_canary(core, job, outcome_of(verdict));
    }
    if (verdict->source == VERDICT_SOURCE_FREEZE) {
        stops_freeze(core, lane, &job->remote, &rcpt->reply, &rcpt->finding);
    } else if (verdict->lane == VERDICT_LANE_STOP) {
        hit_lane(core, job, rcpt);
    }
}

/* ---- a list has answered ---- */

static bool is_about(struct core *core, const struct source *source, const char *zone)
{
    const struct stop *stop = &source->stop;
    return stop->cause == STOP_CAUSE_LISTED && !stop->pinned &&
           (stop->state == STOP_CHECKING || stop->state == STOP_HELD) &&
           strcmp(watcher_zone(core->watcher, stop->list), zone) == 0;
}

int64_t stops_wants_ms(struct core *core, const struct source *source, const char *zone)
{
    if (!is_about(core, source, zone)) {
        return 0;
    }
    bool confirms =
        source->stop.state == STOP_CHECKING || source->stop.proved_unix_ms != 0;
    return confirms ? STOP_APART_MS : HELD_ASKS_MS;
}

static void say_news(struct core *core, const struct source *source,
                     const struct stops_proof *proof, bool listed)
{
    char text[768];
    (void)snprintf(text, sizeof text, "%s, the address of source %s, is %s %s (%s)",
                   proof->ip, source->name, listed ? "listed in" : "no longer listed in",
                   proof->zone, proof->answer);
    struct stops_said said = {.source = source,
                              .actor = "watcher",
                              .before = listed ? "clean" : "listed",
                              .after = listed ? "listed" : "clean",
                              .evidence = text,
                              .dnsbl = proof->zone};
    stops_say(core, &said, listed ? LOG_LISTED : LOG_DELISTED, text);
}

/* No receiver has complained yet, but the list has it. */
static void watched(struct core *core, struct source *source,
                    const struct stops_proof *proof)
{
    char why[STOP_WHY_BYTES];
    (void)snprintf(why, sizeof why, "%s is listed in %s (%s)", proof->ip, proof->zone,
                   proof->answer);
    struct stop_hit hit = {.list = proof->zone,
                           .kind = proof->kind,
                           .ip = proof->ip,
                           .site = "",
                           .why = why};
    if (is_worth(proof->kind) && stop_freeze(&source->stop, &hit, now_unix_ms())) {
        rule(core, source, STOP_PROOF_LISTED, proof->kind, why);
    }
}

void stops_proved(struct core *core, struct source *source,
                  const struct stops_proof *proof)
{
    char evidence[320];
    bool listed = proof->proof == STOP_PROOF_LISTED;
    if (proof->is_news) {
        say_news(core, source, proof, listed);
    }
    if (is_about(core, source, proof->zone)) {
        (void)snprintf(evidence, sizeof evidence, "%s asked about %s: %s", proof->zone,
                       proof->ip, proof->answer);
        rule(core, source, proof->proof, proof->kind, evidence);
    } else if (listed && proof->is_news) {
        watched(core, source, proof);
    }
}
