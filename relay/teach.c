#include "relay/teach.h"

#include <stdio.h>

#include "relay/core.h"
#include "relay/job.h"
#include "relay/learnt.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/slot.h"
#include "relay/stops.h"

#define DEFERRALS_HALF_LIFE_NS (INT64_C(3600) * NOW_NS_PER_S)

static void journal_control(struct core *core, struct lane *lane,
                            const struct control_change *change,
                            const struct reply *reply)
{
    if (change->what == CONTROL_UNCHANGED) {
        return;
    }
    char before[48];
    char after[48];
    char evidence[REPLY_TEXT_BYTES + 32] = "";
    (void)snprintf(before, sizeof before, "%.4g", change->before);
    (void)snprintf(after, sizeof after, "%.4g", change->after);
    if (reply != NULL) {
        (void)settle_reply_text(reply, evidence, sizeof evidence);
    }
    learnt_note(core, lane, change, before, after, evidence);
}

void teach_lane(struct core *core, struct job *job)
{
    struct lane *lane = job->slot->lane;
    const struct control_limits *limits = sites_limits(lane->site);
    int64_t now = now_ns();
    uint32_t accepted = 0;
    bool probe = job->is_probe;
    for (unsigned i = 0; i < job->offered; i++) {
        accepted += job->rcpts[i].finding.class == FINDING_NONE;
    }
    struct control_change change;
    for (unsigned i = 0; i < job->offered; i++) {
        const struct job_rcpt *rcpt = &job->rcpts[i];
        if (rcpt->finding.class == FINDING_NONE || rcpt->reply.origin != REPLY_REMOTE) {
            continue;
        }
        struct control_event event = {.finding = &rcpt->finding,
                                      .units = 1,
                                      .open = job->open,
                                      .messages = job->connection_messages,
                                      .started_ns = job->started_ns,
                                      .probe = probe};
        change = control_refused(&lane->control, limits, &event, now);
        journal_control(core, lane, &change, &rcpt->reply);
        probe = false;
    }
    if (accepted > 0) {
        change =
            control_accepted(&lane->control, limits, accepted, lane->slots, probe, now);
        journal_control(core, lane, &change, NULL);
        probe = false;
    }
    if (probe) {
        control_probe_lost(&lane->control, now);
    }
    if (job->peer.mail_max != 0) {
        control_stated(&lane->control, job->peer.mail_max);
    }
    if (job->closed_after != 0) {
        change = control_closed(&lane->control, job->closed_after);
        journal_control(core, lane, &change, NULL);
    }
    evidence_add(&lane->deferrals, job->offered - accepted, job->offered,
                 DEFERRALS_HALF_LIFE_NS, now);
}

void teach_stops(struct core *core, struct job *job, const struct job_rcpt *rcpt,
                 const struct verdict *verdict)
{
    stops_answer(core, job, rcpt, verdict);
}

void teach_dest(struct dest *dest, const struct job *job, const struct verdict *verdict)
{
    if (dest == NULL) {
        return;
    }
    const struct job_rcpt *rcpt = &job->rcpts[0];
    if (rcpt->reply.origin == REPLY_REMOTE) {
        domains_answered(dest);
    } else if (verdict->lane == VERDICT_LANE_UNREACHABLE) {
        domains_failed(dest, &rcpt->reply);
    } else {
        domains_untried(dest);
    }
}
