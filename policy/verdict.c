#include "policy/verdict.h"

#include "policy/classify.h"

/* What a class says of everything but the message itself. The scope corrects it below. */
static const struct row {
    enum verdict_lane lane;
    enum verdict_source source;
    enum verdict_domain domain;
    enum verdict_ramp ramp;
} rows[FINDING_CLASSES] = {
    [FINDING_NONE] = {VERDICT_LANE_CLEAN, VERDICT_SOURCE_NOTHING, VERDICT_DOMAIN_NOTHING,
                      VERDICT_RAMP_ACCEPTED},
    [FINDING_THROTTLE] = {VERDICT_LANE_RATE, VERDICT_SOURCE_NOTHING,
                          VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_DEFERRAL},
    [FINDING_GREYLIST] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                          VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
    [FINDING_IP_LISTED] = {VERDICT_LANE_STOP, VERDICT_SOURCE_FREEZE,
                           VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_BLOCK},
    [FINDING_IP_REPUTATION] = {VERDICT_LANE_STOP, VERDICT_SOURCE_EVIDENCE,
                               VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_BLOCK},
    [FINDING_DOMAIN_REPUTATION] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                                   VERDICT_DOMAIN_EVIDENCE, VERDICT_RAMP_REFUSAL},
    [FINDING_AUTH_POLICY] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                             VERDICT_DOMAIN_EVIDENCE, VERDICT_RAMP_NOTHING},
    [FINDING_CONTENT] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                         VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_REFUSAL},
    [FINDING_BAD_MAILBOX] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                             VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_BAD_MAILBOX},
    [FINDING_BAD_DOMAIN] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                            VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
    [FINDING_MAILBOX_FULL] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                              VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
    [FINDING_MESSAGE_TOO_BIG] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                                 VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
    [FINDING_RECIPIENT_RATE] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                                VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
    [FINDING_REMOTE_FAILURE] = {VERDICT_LANE_SOFT, VERDICT_SOURCE_NOTHING,
                                VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
    [FINDING_PROTOCOL] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                          VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
    [FINDING_OTHER] = {VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING,
                       VERDICT_DOMAIN_NOTHING, VERDICT_RAMP_NOTHING},
};

/* Which knob of the lane its explicit text turns. */
static enum verdict_lane explicit_lane(uint32_t flags, enum verdict_lane otherwise)
{
    if ((flags & FINDING_NETWORK) != 0) {
        return VERDICT_LANE_UNREACHABLE;
    }
    if ((flags & FINDING_PER_CONNECTION) != 0) {
        return VERDICT_LANE_PER_CONNECTION;
    }
    if ((flags & FINDING_CONNECTIONS) != 0) {
        return VERDICT_LANE_CONNECTIONS;
    }
    if ((flags & FINDING_RATE) != 0) {
        return VERDICT_LANE_RATE;
    }
    return (flags & FINDING_LOAD) != 0 ? VERDICT_LANE_LOAD : otherwise;
}

static bool is_lanes(enum finding_scope scope)
{
    return scope == FINDING_SCOPE_LANE || scope == FINDING_SCOPE_SOURCE ||
           scope == FINDING_SCOPE_NETBLOCK;
}

/* A refusal of the address that will pass ("access denied, try again later") stops
 * nothing: the rate goes down. One that will not stops the lane. */
static void judge_address(struct verdict *verdict, const struct finding *finding,
                          bool final)
{
    if (finding->class == FINDING_IP_REPUTATION && !final) {
        verdict->lane = VERDICT_LANE_RATE;
        verdict->ramp = VERDICT_RAMP_DEFERRAL;
    }
    if (finding->class == FINDING_AUTH_POLICY) {
        /* PTR, HELO, TLS: source x site, not the sender's domain. */
        verdict->lane = final ? VERDICT_LANE_STOP : VERDICT_LANE_SOFT;
        verdict->domain = VERDICT_DOMAIN_NOTHING;
    }
    if (finding->class == FINDING_IP_LISTED &&
        (finding->flags & FINDING_LIST_WIDE) != 0) {
        /* A network is listed, not this address. */
        verdict->source = VERDICT_SOURCE_NOTHING;
    }
    if ((finding->flags & FINDING_UNKNOWN) != 0) {
        /* Guessed from a code: never enough to stop anything. */
        verdict->lane = VERDICT_LANE_SOFT;
        verdict->source = VERDICT_SOURCE_NOTHING;
        verdict->ramp = VERDICT_RAMP_NOTHING;
    }
}

static enum verdict_message fate(const struct reply *reply, const struct finding *finding,
                                 const struct verdict *verdict)
{
    bool final = classify_is_permanent(reply, finding);

    if (verdict->lane == VERDICT_LANE_STOP && final &&
        finding->class != FINDING_AUTH_POLICY) {
        return VERDICT_HOLD;
    }
    if (finding->class == FINDING_IP_LISTED) {
        return VERDICT_HOLD; /* also a 4xx: the source is frozen, a retry waits for it */
    }
    /* Replies to the connection speak of us, not of this message: it may try again. */
    bool early = reply->stage <= REPLY_STAGE_EHLO && reply->origin == REPLY_REMOTE;
    if (final && early && finding->class != FINDING_AUTH_POLICY &&
        finding->class != FINDING_BAD_DOMAIN) {
        return VERDICT_RETRY;
    }
    /* A login or encryption that is refused is between us and that host: mail waits until
     * somebody has mended it (RFC 4954, section 6: 535 is about credentials). */
    bool about_us =
        reply->stage == REPLY_STAGE_STARTTLS || reply->stage == REPLY_STAGE_AUTH;
    if (about_us && reply->origin == REPLY_REMOTE) {
        return VERDICT_RETRY;
    }
    return final ? VERDICT_BOUNCE : VERDICT_RETRY;
}

struct verdict verdict_of(const struct reply *reply, const struct finding *finding)
{
    struct verdict verdict = {.message = VERDICT_DONE, .lane = VERDICT_LANE_CLEAN};
    bool remote = reply->origin == REPLY_REMOTE || reply->origin == REPLY_MALFORMED;

    verdict.sticks = remote;
    if (finding->class == FINDING_NONE) {
        verdict.ramp = VERDICT_RAMP_ACCEPTED;
        return verdict;
    }
    if ((finding->flags & FINDING_LOCAL) != 0) {
        verdict.lane = VERDICT_LANE_NOTHING;
        verdict.message =
            classify_is_permanent(reply, finding) ? VERDICT_BOUNCE : VERDICT_RETRY;
        verdict.sticks = false;
        return verdict;
    }

    const struct row *row = &rows[finding->class];
    bool final = classify_is_permanent(reply, finding);
    verdict.ramp = row->ramp;
    verdict.domain = row->domain;
    verdict.lane = VERDICT_LANE_NOTHING;
    if (is_lanes(finding->scope)) {
        verdict.source = row->source;
        verdict.lane = explicit_lane(finding->flags, row->lane);
        judge_address(&verdict, finding, final);
    } else if (finding->class == FINDING_IP_REPUTATION ||
               finding->class == FINDING_THROTTLE) {
        verdict.ramp = VERDICT_RAMP_NOTHING; /* a tenant's or a recipient's own matter */
    }
    if (finding->scope == FINDING_SCOPE_SENDER_DOMAIN) {
        verdict.domain = VERDICT_DOMAIN_EVIDENCE;
    }
    verdict.message = fate(reply, finding, &verdict);

    verdict.suppress = finding->class == FINDING_BAD_MAILBOX && final &&
                       verdict.message == VERDICT_BOUNCE &&
                       (finding->flags & FINDING_UNKNOWN) == 0;
    verdict.same_source = finding->class == FINDING_GREYLIST;
    bool before_mail =
        reply->stage <= REPLY_STAGE_EHLO || (finding->class == FINDING_REMOTE_FAILURE &&
                                             reply->stage == REPLY_STAGE_STARTTLS);
    bool silent = (finding->flags & FINDING_NETWORK) != 0;
    verdict.next_host = verdict.message == VERDICT_RETRY && (silent || before_mail);
    verdict.whole = is_lanes(finding->scope) ||
                    finding->scope == FINDING_SCOPE_SENDER_DOMAIN ||
                    (finding->scope == FINDING_SCOPE_MESSAGE &&
                     finding->class != FINDING_RECIPIENT_RATE);
    return verdict;
}

const char *verdict_message_name(enum verdict_message message)
{
    switch (message) {
    case VERDICT_DONE: return "done";
    case VERDICT_RETRY: return "retry";
    case VERDICT_BOUNCE: return "bounce";
    case VERDICT_HOLD: return "hold";
    }
    return "unknown";
}

const char *verdict_lane_name(enum verdict_lane lane)
{
    switch (lane) {
    case VERDICT_LANE_NOTHING: return "nothing";
    case VERDICT_LANE_CLEAN: return "clean";
    case VERDICT_LANE_RATE: return "rate";
    case VERDICT_LANE_CONNECTIONS: return "connections";
    case VERDICT_LANE_PER_CONNECTION: return "per-connection";
    case VERDICT_LANE_LOAD: return "load";
    case VERDICT_LANE_SOFT: return "soft";
    case VERDICT_LANE_UNREACHABLE: return "unreachable";
    case VERDICT_LANE_STOP: return "stop";
    }
    return "unknown";
}
