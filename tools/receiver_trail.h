/* The --events file: one JSON line for each decision of a provider. */

#ifndef TOOLS_RECEIVER_TRAIL_H
#define TOOLS_RECEIVER_TRAIL_H

#include <stdint.h>

#include "queue/errmsg.h"

#include "tools/receiver_book.h"

struct receiver_trail;

/* What is written; everything borrowed for the call, absent text is "". */
struct receiver_decision {
    int64_t now_ns;
    int64_t model_ns;
    int64_t begun_ns; /* when the transaction's MAIL came; 0: none */
    const struct receiver_provider *provider;
    const struct receiver_source *source;
    uint64_t connection;
    int stage; /* enum receiver_stage */
    enum receiver_class class;
    int code; /* 0: cut off */
    const char *sender;
    const char *recipient;
    const char *message_id;
    const char *reply;
};

/* Open for appending. NULL with the sentence in err. */
struct receiver_trail *receiver_trail_open(const char *path, struct errmsg *err);

/* Write a line; a NULL trail takes nothing. It reaches the file at the next flush. */
void receiver_trail_write(struct receiver_trail *trail,
                          const struct receiver_decision *decision);
void receiver_trail_flush(struct receiver_trail *trail);

/* Flush and close. 0, or -EIO when any line could not be written; NULL is allowed. */
int receiver_trail_close(struct receiver_trail *trail);

#endif
