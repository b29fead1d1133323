/* Streams a message's content to a connection: header block, then body or pieces, with
 * the transparency of RFC 5321 4.5.2, without copying where nothing has to be stuffed.
 * Worker thread. */

#ifndef RELAY_PUMP_H
#define RELAY_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/reader.h"
#include "relay/smtp/dot.h"

struct conn;

#define PUMP_CODED_BYTES ((size_t)32 * 1024)

enum pump_state {
    PUMP_DONE,   /* the connection has taken all of it */
    PUMP_WAIT,   /* pump_go again when the connection has drained, or after read_cb */
    PUMP_FAILED, /* the content cannot be read: rc says why */
    PUMP_LOST,   /* the connection takes no more: its end is on the way */
};

/* Embedded in its owner, zeroed between messages. */
struct pump {
    struct conn *conn;             /* borrowed */
    const struct queue_pin *pin;   /* borrowed until the end */
    struct queue_message *content; /* borrowed until the end */
    struct dot_encoder encoder;
    bool is_raw;    /* set after pump_init: as it is, without transparency */
    unsigned part;  /* 0 header, 1 inline body, 2 + n piece n */
    const char *at; /* of the part, what is left to send */
    size_t left;
    struct queue_piece piece; /* its buffer is owned */
    char *coded;              /* owned: PUMP_CODED_BYTES, stuffed */
    struct reader_ask ask;
    bool is_reading; /* ask is out: the pump and its job must stay */
    int rc;
    void (*read_cb)(void *owner); /* a cold piece has come: pump_go */
    void *owner;
};

/* Begin. The first pump_go follows. */
void pump_init(struct pump *pump, struct conn *conn, const struct queue_pin *pin,
               struct queue_message *content, struct mailbox *home);

enum pump_state pump_go(struct pump *pump);

/* After PUMP_DONE: did the content end in CRLF? */
bool pump_ends_in_crlf(const struct pump *pump);

/* Free the buffers. Not while is_reading. */
void pump_done(struct pump *pump);

#endif
