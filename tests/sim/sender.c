#include "tests/sim/sender.h"

#include <math.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/verdict.h"

#define LATENCY_NS (RECEIVER_SECOND / 10) /* of one transaction */
#define IDLE_NS    (5 * RECEIVER_SECOND)

void sender_init(struct sender *sender, enum sender_kind kind, struct receiver *receiver,
                 double per_minute, int64_t pause_ns)
{
    memset(sender, 0, sizeof(*sender));
    sender->kind = kind;
    sender->receiver = receiver;
    sender->per_minute = per_minute;
    sender->window = kind == SENDER_GOOGLE ? 1 : 5;
    sender->limits = (struct control_limits){
        .enabled = true,
        .start_rate = {.count = 1, .period_ns = RECEIVER_SECOND},
        .max_connections = SENDER_CONNECTIONS,
        .pause_ns = pause_ns,
        .max_pause_ns = 4 * RECEIVER_HOUR,
    };
    control_init(&sender->control, &sender->limits, 0);
}

void sender_reset(struct sender *sender)
{
    sender->attempts = 0;
    sender->accepted = 0;
    sender->deferred = 0;
    sender->refused = 0;
}

static struct pace_limit rate_of(const struct sender *sender)
{
    double rate = sender->per_minute / 60.0;

    switch (sender->kind) {
    case SENDER_ADAPTIVE:
        return control_rate(&sender->control, &sender->limits, sender->now_ns);
    case SENDER_STATIC: return pace_limit_of(rate, 1);
    case SENDER_TWO_STATE:
        return pace_limit_of(sender->now_ns < sender->quiet_until_ns ? rate / 10 : rate,
                             1);
    case SENDER_UNPACED:
    case SENDER_FEEDBACK:
    case SENDER_GOOGLE: break;
    }
    return (struct pace_limit){0};
}

static uint32_t connections_of(const struct sender *sender)
{
    switch (sender->kind) {
    case SENDER_ADAPTIVE:
        return control_connections(&sender->control, &sender->limits, sender->now_ns);
    case SENDER_FEEDBACK:
    case SENDER_GOOGLE:
        return sender->window >= 1 ? (uint32_t)fmin(sender->window, 200) : 1;
    case SENDER_UNPACED:
    case SENDER_STATIC:
    case SENDER_TWO_STATE: break;
    }
    return 20;
}

static void learn(struct sender *sender, const char *text,
                  const struct sender_flight *flight, uint32_t messages,
                  enum reply_stage stage)
{
    struct reply reply;
    struct finding finding;

    if (!classify_parse_line(text, stage, &reply)) {
        return;
    }
    classify_reply(&reply, "", NULL, &finding);
    struct verdict verdict = verdict_of(&reply, &finding);
    if (verdict.source == VERDICT_SOURCE_FREEZE) {
        struct stop_hit hit = {.list = finding.list,
                               .kind = stop_list_kind(finding.list, 0),
                               .ip = finding.ip,
                               .site = "",
                               .why = reply.text};
        (void)stop_freeze(&sender->stop, &hit, sender->now_ns / 1000000);
    } else if (verdict.lane == VERDICT_LANE_STOP) {
        stop_hold(&sender->stop, STOP_CAUSE_REPUTATION, STOP_REACH_ALL, reply.text,
                  sender->now_ns / 1000000 + STOP_REPUTATION_MS,
                  sender->now_ns / 1000000);
    }
    struct control_event event = {
        .finding = &finding,
        .units = 1,
        .open = sender->open,
        .messages = messages,
        .started_ns = flight->started_ns,
        .probe = flight->probe,
    };
    (void)control_refused(&sender->control, &sender->limits, &event, sender->now_ns);
}

/* What the simple ones do about a 4xx. */
static void react(struct sender *sender, const struct sender_flight *flight, bool good)
{
    double window = sender->window > 1 ? sender->window : 1;

    if (sender->kind == SENDER_FEEDBACK) {
        sender->window = fmin(20, fmax(1, window + (good ? 1 : -1) / window));
    } else if (sender->kind == SENDER_GOOGLE && good) {
        sender->window = window + 1.0 / window;
    } else if (!good && flight->started_ns >= sender->quiet_until_ns) {
        bool google = sender->kind == SENDER_GOOGLE;
        sender->window = google ? 1 : sender->window;
        sender->quiet_until_ns =
            sender->now_ns + (google ? 10 * RECEIVER_MINUTE : RECEIVER_HOUR);
    }
}

static void drop(struct sender *sender, struct sender_connection *connection)
{
    connection->open = false;
    connection->busy = false;
    sender->open--;
    receiver_close(sender->receiver);
}

static void finish(struct sender *sender)
{
    struct sender_flight flight = sender->flights[sender->first];
    struct sender_connection *connection = &sender->connections[flight.connection];

    sender->first = (sender->first + 1) % SENDER_FLIGHTS;
    sender->count--;
    const char *text =
        receiver_message(sender->receiver, connection->messages, sender->now_ns);
    connection->busy = false;
    connection->idle_ns = sender->now_ns;
    if (text != NULL && text[0] == '\0') {
        (void)control_closed(&sender->control, connection->messages);
        if (flight.probe) {
            control_probe_lost(&sender->control, sender->now_ns);
        }
        drop(sender, connection);
        return; /* nothing was sent: no attempt */
    }
    sender->attempts++;
    react(sender, &flight, text == NULL);
    if (text == NULL) {
        sender->accepted++;
        connection->messages++;
        (void)control_accepted(&sender->control, &sender->limits, 1, sender->open,
                               flight.probe, sender->now_ns);
        return;
    }
    sender->deferred += text[0] == '4' ? 1 : 0;
    sender->refused += text[0] == '5' ? 1 : 0;
    if (sender->kind == SENDER_ADAPTIVE) {
        learn(sender, text, &flight, connection->messages, REPLY_STAGE_DOT);
    }
    if (strncmp(text, "421", 3) == 0) {
        drop(sender, connection);
    }
}

/* An idle connection, or a new one; -1 when there may be none now. */
static int32_t connection_for(struct sender *sender, bool probe)
{
    uint32_t most_messages = sender->kind == SENDER_ADAPTIVE
                                 ? control_messages(&sender->control, &sender->limits)
                                 : 0;
    int32_t free_slot = -1;
    uint32_t seen = 0;

    for (uint32_t i = 0; i < SENDER_CONNECTIONS; i++) {
        struct sender_connection *connection = &sender->connections[i];
        bool full = most_messages > 0 && connection->messages >= most_messages;
        bool stale = sender->now_ns - connection->idle_ns > IDLE_NS;
        if (connection->open && !connection->busy && (full || stale)) {
            drop(sender, connection);
        }
        if (connection->open && !connection->busy) {
            return (int32_t)i;
        }
        if (!connection->open && free_slot < 0) {
            free_slot = (int32_t)i;
        }
        seen += connection->open ? 1 : 0;
        if (free_slot >= 0 && seen >= sender->open) {
            break;
        }
    }
    if (sender->open >= connections_of(sender) || free_slot < 0) {
        return -1;
    }
    const char *text = receiver_connect(sender->receiver, sender->now_ns);
    if (text != NULL) {
        struct sender_flight flight = {.started_ns = sender->now_ns, .probe = probe};
        sender->attempts++;
        sender->deferred++;
        if (sender->kind == SENDER_ADAPTIVE) {
            learn(sender, text, &flight, 0, REPLY_STAGE_GREETING);
        } else {
            react(sender, &flight, false);
        }
        return -2;
    }
    sender->connections[free_slot] =
        (struct sender_connection){.open = true, .idle_ns = sender->now_ns};
    sender->open++;
    return free_slot;
}

/* When the next transaction might start; INT64_MAX when an answer must come first. */
static int64_t ready_ns(const struct sender *sender)
{
    if (sender->count >= SENDER_FLIGHTS) {
        return INT64_MAX;
    }
    if (sender->kind == SENDER_GOOGLE && sender->now_ns < sender->quiet_until_ns) {
        return sender->quiet_until_ns;
    }
    if (sender->kind != SENDER_ADAPTIVE) {
        struct pace_limit limit = rate_of(sender);
        return pace_ask(&sender->pace, &limit, sender->now_ns).earliest_ns;
    }
    struct stop_answer stop = stop_ask(&sender->stop, true, sender->now_ns / 1000000);
    if (!stop.go) {
        return stop.earliest_unix_ms > INT64_MAX / 1000000
                   ? INT64_MAX
                   : stop.earliest_unix_ms * 1000000;
    }
    struct control_answer answer =
        control_ask(&sender->control, &sender->limits, sender->now_ns);
    if (!answer.go) {
        return answer.earliest_ns;
    }
    struct pace_limit limit = rate_of(sender);
    return pace_ask(&sender->pace, &limit, sender->now_ns).earliest_ns;
}

/* True when one started. */
static bool start(struct sender *sender)
{
    struct pace_limit limit = rate_of(sender);
    bool probe = sender->kind == SENDER_ADAPTIVE &&
                 control_started(&sender->control, &sender->limits, sender->now_ns);
    int32_t slot = connection_for(sender, probe);

    if (slot == -2) {
        pace_spend(&sender->pace, &limit, 1, sender->now_ns);
        return true;
    }
    if (slot < 0) {
        if (probe) {
            control_probe_lost(&sender->control, sender->now_ns);
        }
        return false;
    }
    pace_spend(&sender->pace, &limit, 1, sender->now_ns);
    if (sender->stop.state != STOP_CLEAR) {
        sender->after_hit++;
    }
    sender->connections[slot].busy = true;
    sender->flights[(sender->first + sender->count) % SENDER_FLIGHTS] =
        (struct sender_flight){
            .started_ns = sender->now_ns, .connection = (uint32_t)slot, .probe = probe};
    sender->count++;
    return true;
}

void sender_run(struct sender *sender, int64_t until_ns)
{
    bool full = false; /* no connection is free until an answer comes */

    while (sender->now_ns < until_ns) {
        int64_t next_ns = full ? INT64_MAX : ready_ns(sender);
        int64_t answer_ns = sender->count > 0
                                ? sender->flights[sender->first].started_ns + LATENCY_NS
                                : INT64_MAX;
        int64_t event_ns = next_ns < answer_ns ? next_ns : answer_ns;
        if (event_ns >= until_ns) {
            sender->now_ns = until_ns;
            break;
        }
        sender->now_ns = event_ns > sender->now_ns ? event_ns : sender->now_ns;
        if (answer_ns <= next_ns) {
            finish(sender);
            full = false;
        } else if (!start(sender)) {
            full = true;
            if (sender->count == 0) {
                sender->now_ns += RECEIVER_SECOND; /* nothing will free a connection */
                full = false;
            }
        }
    }
}
