/* Mail of our own: bounces, delay notices, "relayed" notices, alerts. Each is an accept
 * record like any other; a bounce's names the recipients it closes, so that a crash
 * leaves either none or both. Core thread. */

#ifndef RELAY_NOTICE_H
#define RELAY_NOTICE_H

#include <stddef.h>
#include <stdint.h>

#include "relay/inject.h"

struct core;
struct job;

struct notices {
    struct inject_flight flying; /* on their way to the disk */
    uint32_t writing;            /* of them, how many the queue has */
};

void notices_init(struct notices *notices);

/* A state record is on the disk: begin the bounces that its changes owe. */
void notices_look(struct core *core, const void *changes, size_t length);

/* After a start: begin those that a crash left owed. */
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
