/* Mail of our own: bounces, delay notices, "relayed" notices, alerts. Each is an accept
 * record like any other; a bounce's names the recipients it closes, so that a crash
 * leaves either none or both. Core thread. */

#ifndef RELAY_NOTICE_H
#define RELAY_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/inject.h"
#include "relay/owed.h"

struct core;
struct job;
struct notice_work;

struct notices {
    struct inject_flight flying; /* on their way to the disk */
    uint32_t writing;            /* of them, how many the queue has */
    struct owed owed;            /* messages whose bounces are to be written */
    struct notice_work *work;    /* owned: the one that is being told of; NULL none */
    uint64_t originals_read;     /* so often; records as they are looked for replies */
    uint64_t records_read;
    unsigned most_a_turn; /* recipients told of in one turn of core */
};

void notices_init(struct notices *notices);

/* A state record is on the disk: note the bounces that its changes owe. */
void notices_look(struct core *core, const void *changes, size_t length);

/* Write some of the bounces that are owed: so many that core's turn stays short. Are
 * there more, the next turn must come at once. */
void notices_run(struct core *core);
bool notices_are_busy(const struct notices *notices);

/* After a start: note those that a crash left owed. */
void notices_recover(struct core *core);

/* The delay notice of a message has rung. */
void notices_delayed(struct core *core, uint32_t message);

/* A recipient was delivered to a server that does not do DSN: tell the sender who asked
 * for success ("relayed"). */
void notices_relayed(struct core *core, const struct job *job, unsigned rcpt);

/* An alert as mail, through a stream whose source is none of those that are stopped. */
void notices_alert(struct core *core, const char *avoid_source, const char *subject,
                   const char *body);

/* Free what is on its way: when the queue has ended. */
void notices_done(struct notices *notices);

#endif
