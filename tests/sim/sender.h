/* A sender with an endless backlog for one simulated receiver, on virtual time.
 *
 * The adaptive one is the real policy: classify, verdict, control, pace, stop. The others
 * are what people use today, for comparison. */

#ifndef TESTS_SIM_SENDER_H
#define TESTS_SIM_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/control.h"
#include "policy/pace.h"
#include "policy/stop.h"

#include "tests/sim/receiver.h"

#define SENDER_FLIGHTS     1024
#define SENDER_CONNECTIONS 256

enum sender_kind {
    SENDER_ADAPTIVE,
    SENDER_UNPACED,   /* 20 connections, a minute's wait of a connection after a 4xx */
    SENDER_STATIC,    /* a fixed rate, told by somebody */
    SENDER_TWO_STATE, /* twice the capacity, a tenth of it for an hour after a 4xx */
    SENDER_FEEDBACK,  /* connections by 1/N feedback, as Postfix has it */
    SENDER_GOOGLE,    /* stop 10 min, one connection, one more at a time */
};

struct sender_flight {
    int64_t started_ns;
    uint32_t connection;
    bool probe;
};

struct sender_connection {
    bool open;
    bool busy;
    uint32_t messages;
    int64_t idle_ns;
};

struct sender {
    enum sender_kind kind;
    struct receiver *receiver; /* borrowed: outlives the sender */
    struct control_limits limits;
    struct control control;
    struct stop stop;
    struct pace pace;
    double per_minute; /* of SENDER_STATIC, SENDER_TWO_STATE */
    double window;     /* of SENDER_FEEDBACK, SENDER_GOOGLE */
    int64_t quiet_until_ns;
    int64_t now_ns;
    struct sender_flight flights[SENDER_FLIGHTS]; /* a ring: the latency is constant */
    uint32_t first;
    uint32_t count;
    struct sender_connection connections[SENDER_CONNECTIONS];
    uint32_t open;
    uint64_t attempts;
    uint64_t accepted;
    uint64_t deferred;  /* 4xx of any text */
    uint64_t refused;   /* 5xx */
    uint64_t after_hit; /* transactions begun after a reply that named a list */
};

void sender_init(struct sender *sender, enum sender_kind kind, struct receiver *receiver,
                 double per_minute, int64_t pause_ns);

/* Run until that moment of virtual time. */
void sender_run(struct sender *sender, int64_t until_ns);

/* Forget the counts (after the climb). */
void sender_reset(struct sender *sender);

#endif
