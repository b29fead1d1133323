/* --record DIR: each message that reaches its final dot, as three files: N.wire (the
 * bytes between 354 and the end, dots still doubled, the final dot included; of BDAT
 * what the chunks hold), N.eml (the same as the message it means) and N.json (envelope,
 * source, verdict). N counts from 1 in the order of the final dots. */

#ifndef TOOLS_RECEIVER_RECORD_H
#define TOOLS_RECEIVER_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "tools/receiver_trail.h"

/* A message while it arrives. Zeroed: empty. */
struct receiver_record_part {
    char *bytes; /* owned */
    size_t used;
    size_t size;
};

struct receiver_record;

/* What stands in N.json beside the decision. Borrowed for the call. */
struct receiver_record_facts {
    const struct receiver_decision *decision;
    const char *helo;
    const char *sender_parameters;
    const char *recipients; /* count times ADDRESS NUL PARAMETERS NUL */
    size_t recipients_count;
    bool tls;
    bool chunked; /* came by BDAT: nothing is stuffed */
};

/* Use the directory, made if need be. NULL with the sentence in err. */
struct receiver_record *receiver_record_open(const char *path, struct errmsg *err);
void receiver_record_close(struct receiver_record *record);

/* Collect bytes; the session caps the size. */
void receiver_record_add(struct receiver_record_part *part, const char *bytes,
                         size_t size);
void receiver_record_drop(struct receiver_record_part *part);

/* Write the three files; the JSON last and by rename, so that who sees it sees all.
 * Returns 0 or a negative errno. Drops the part. */
int receiver_record_write(struct receiver_record *record,
                          struct receiver_record_part *part,
                          const struct receiver_record_facts *facts,
                          struct errmsg *err) ATTR_MUST_CHECK;

#endif
