#include "policy/gate.h"

static const struct gate_answer open_gate = {.gate = GATE_COUNT, .units = UINT32_MAX};

static struct gate_answer shut(enum gate gate, int64_t earliest_ns, enum gate_owner owner,
                               uint32_t ref)
{
    return (struct gate_answer){
        .gate = gate,
        .holds = true,
        .earliest_ns = earliest_ns,
        .owner = owner,
        .ref = ref,
    };
}

static struct gate_answer ask_block(enum gate gate, const struct gate_block *block,
                                    int64_t now_ns)
{
    if (block == NULL || block->until_ns <= now_ns) {
        return open_gate;
    }
    return shut(gate, block->until_ns, block->owner, block->ref);
}

static struct gate_answer ask_pace(enum gate gate, const struct gate_pace *pace,
                                   int64_t now_ns)
{
    if (pace->pace == NULL || pace->limit == NULL) {
        return open_gate;
    }
    struct pace_answer said = pace_ask(pace->pace, pace->limit, now_ns);
    struct gate_answer answer = {
        .gate = said.go ? GATE_COUNT : gate,
        .holds = !said.go,
        .earliest_ns = said.earliest_ns,
        .limit = pace_is_unlimited(pace->limit) ? 0 : pace_per_second(pace->limit),
        .owner = pace->owner,
        .ref = pace->ref,
        .units = said.units,
    };
    /* What is, in the unit of the limit: one unit each so long a time. */
    int64_t gap_ns = pace_gap_ns(pace->limit);
    bool metered = gap_ns > 0 && gap_ns < INT64_MAX;
    answer.value = metered && !said.go ? answer.limit : 0;
    return answer;
}

static struct gate_answer ask_count(enum gate gate, const struct gate_count *count)
{
    if (count->most == 0) {
        return open_gate;
    }
    bool full = count->used >= count->most;
    uint64_t room = full ? 0 : count->most - count->used;

    return (struct gate_answer){
        .gate = full ? gate : GATE_COUNT,
        .holds = full,
        .earliest_ns = full ? count->earliest_ns : 0,
        .value = (double)count->used,
        .limit = (double)count->most,
        .owner = count->owner,
        .ref = count->ref,
        .units = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX,
    };
}

/* Of two answers at one gate, the one that matters more: that holds longer, or, of two
 * open ones, that leaves less room. */
static struct gate_answer stricter(struct gate_answer one, struct gate_answer other)
{
    if (one.holds != other.holds) {
        return one.holds ? one : other;
    }
    if (one.holds) {
        return other.earliest_ns > one.earliest_ns ? other : one;
    }
    return other.units < one.units ? other : one;
}

static struct gate_answer ask_paces(enum gate gate, const struct gate_pace *paces,
                                    size_t count, int64_t now_ns)
{
    struct gate_answer answer = open_gate;

    for (size_t i = 0; i < count; i++) {
        answer = stricter(answer, ask_pace(gate, &paces[i], now_ns));
    }
    return answer;
}

static struct gate_answer ask_counts(enum gate gate, const struct gate_count *counts,
                                     size_t count)
{
    struct gate_answer answer = open_gate;

    for (size_t i = 0; i < count; i++) {
        answer = stricter(answer, ask_count(gate, &counts[i]));
    }
    return answer;
}

static struct gate_answer ask_times(enum gate gate, const struct gate_ask *ask)
{
    if (gate == GATE_LIFETIME && ask->expires_ns <= ask->now_ns) {
        return shut(gate, ask->expires_ns, GATE_OWNER_CONFIG, 0);
    }
    if (gate == GATE_SUPPRESSION && ask->suppressed) {
        return shut(gate, INT64_MAX, GATE_OWNER_RULE, 0);
    }
    if (gate == GATE_BACKOFF && ask->due_ns > ask->now_ns) {
        return shut(gate, ask->due_ns, ask->due_owner, 0);
    }
    return open_gate;
}

static struct gate_answer ask_one(enum gate gate, const struct gate_ask *ask)
{
    switch (gate) {
    case GATE_LIFETIME:
    case GATE_SUPPRESSION:
    case GATE_BACKOFF: return ask_times(gate, ask);
    case GATE_HOLD: return ask_block(gate, ask->hold, ask->now_ns);
    case GATE_FREEZE_STREAM: return ask_block(gate, ask->freeze_stream, ask->now_ns);
    case GATE_FREEZE_SITE: return ask_block(gate, ask->freeze_site, ask->now_ns);
    case GATE_FREEZE_SOURCE: return ask_block(gate, ask->freeze_source, ask->now_ns);
    case GATE_FREEZE_USER: return ask_block(gate, ask->freeze_user, ask->now_ns);
    case GATE_SENDER_DOMAIN: return ask_block(gate, ask->sender_domain, ask->now_ns);
    case GATE_SOURCE_STOP: return ask_block(gate, ask->source_stop, ask->now_ns);
    case GATE_LANE_STOP: return ask_block(gate, ask->lane_stop, ask->now_ns);
    case GATE_DESTINATION: return ask_block(gate, ask->destination, ask->now_ns);
    case GATE_RECIPIENT_RATE: return ask_pace(gate, &ask->recipient_rate, ask->now_ns);
    case GATE_RAMP:
        return stricter(
            ask_counts(gate, ask->ramps, ask->ramp_count),
            ask_paces(gate, ask->ramp_paces, ask->ramp_pace_count, ask->now_ns));
    case GATE_RATE: return ask_paces(gate, ask->rates, ask->rate_count, ask->now_ns);
    case GATE_CONNECTIONS:
        return ask_counts(gate, ask->connections, ask->connection_count);
    case GATE_COUNT: break;
    }
    return open_gate;
}

struct gate_answer gate_first(const struct gate_ask *ask)
{
    uint32_t units = UINT32_MAX;

    for (int gate = 0; gate < GATE_COUNT; gate++) {
        struct gate_answer answer = ask_one((enum gate)gate, ask);
        if (answer.holds) {
            return answer;
        }
        /* Connections are counted in another unit than messages. */
        if (gate != GATE_CONNECTIONS && answer.units < units) {
            units = answer.units;
        }
    }
    return (struct gate_answer){
        .gate = GATE_COUNT, .earliest_ns = ask->now_ns, .units = units};
}

void gate_all(const struct gate_ask *ask, struct gate_answer *out_answers)
{
    for (int gate = 0; gate < GATE_COUNT; gate++) {
        out_answers[gate] = ask_one((enum gate)gate, ask);
        out_answers[gate].gate = (enum gate)gate;
    }
}

const char *gate_name(enum gate gate)
{
    static const char *const names[GATE_COUNT + 1] = {
        [GATE_LIFETIME] = "lifetime",
        [GATE_HOLD] = "hold",
        [GATE_FREEZE_STREAM] = "freeze of the stream",
        [GATE_FREEZE_SITE] = "freeze of the site",
        [GATE_FREEZE_SOURCE] = "freeze of the source",
        [GATE_FREEZE_USER] = "freeze of the user",
        [GATE_SUPPRESSION] = "suppression",
        [GATE_SENDER_DOMAIN] = "stop of the sender domain",
        [GATE_SOURCE_STOP] = "stop of the source",
        [GATE_LANE_STOP] = "stop of the lane",
        [GATE_DESTINATION] = "destination",
        [GATE_BACKOFF] = "backoff",
        [GATE_RECIPIENT_RATE] = "recipient rate",
        [GATE_RAMP] = "ramp",
        [GATE_RATE] = "rate",
        [GATE_CONNECTIONS] = "connections",
        [GATE_COUNT] = "none",
    };
    return names[gate];
}

const char *gate_owner_name(enum gate_owner owner)
{
    switch (owner) {
    case GATE_OWNER_NONE: return "";
    case GATE_OWNER_CONFIG: return "configuration";
    case GATE_OWNER_OPERATOR: return "operator";
    case GATE_OWNER_LEARNT: return "learnt";
    case GATE_OWNER_RULE: return "rule";
    case GATE_OWNER_REPLY: return "reply";
    }
    return "";
}
