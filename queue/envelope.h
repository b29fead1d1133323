/* The envelope of a message: what an accept record says beside the content.
 *
 * One value type, filled by whoever accepts mail and by the decoder. Texts are never
 * NULL, absent is "". Decoded texts point into the record's bytes. All are refused,
 * writing and reading, when they hold control bytes or are longer than their cap. Any
 * thread. */

#ifndef QUEUE_ENVELOPE_H
#define QUEUE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"
#include "queue/place.h"

#define ENVELOPE_ADDRESS 320 /* local part 64 + @ + domain 255 */
#define ENVELOPE_DOMAIN  255 /* RFC 1035 */
#define ENVELOPE_NAME    64  /* stream, listener, source, job */
#define ENVELOPE_USER    128 /* logins may be addresses */
#define ENVELOPE_SUBJECT                                          \
    200 /* for people to recognise it; longer ones are cut before \
         */
#define ENVELOPE_ENVID      100 /* RFC 3461 4.4 */
#define ENVELOPE_ORCPT      500 /* RFC 3461 4.2 */
#define ENVELOPE_MESSAGE_ID 250
#define ENVELOPE_CLIENT     64 /* an address as text, with a zone */
#define ENVELOPE_RECIPIENTS 10000
#define ENVELOPE_PIECES     16384 /* of 128 KiB: 2 GiB */
#define ENVELOPE_CLOSES     10000

enum envelope_flag {
    ENVELOPE_EIGHT_BIT = 1,
    ENVELOPE_SMTPUTF8 = 2,
    ENVELOPE_HAS_DOT_LINE =
        4, /* a line starts with a dot: must be stuffed on the way out */
    ENVELOPE_IS_DSN = 8,
    ENVELOPE_TRUSTED = 16, /* from a trusted network, not a login */
    ENVELOPE_REQUIRETLS = 32,
    ENVELOPE_BINARY = 64,
    ENVELOPE_TLS_OPTIONAL = 128, /* "TLS-Required: No" (RFC 8689) */
};

struct envelope_recipient {
    const char *address; /* as given, without <> */
    const char *domain;  /* lower-case A-label, or "[192.0.2.1]"; never "" */
    const char *orcpt;   /* "" = none */
    uint8_t notify;      /* the caller's bits for NOTIFY=; 0 = not given */
};

/* A recipient that a bounce puts to rest; see queue.h about ACCEPT records. */
struct envelope_close {
    uint64_t id;
    uint64_t home; /* as in struct change */
    uint16_t number;
};

struct envelope {
    uint64_t id; /* never 0 */
    uint64_t accepted_unix_ms;
    uint64_t expires_unix_ms;
    uint64_t notice_unix_ms; /* when to send a delay notice; 0 = never */
    uint64_t size_bytes;     /* header block and body, as they will leave */
    unsigned flags;          /* enum envelope_flag */
    uint8_t priority;        /* 0..9, 9 first */
    uint8_t ret;             /* the caller's bits for RET= */
    const char *sender;      /* "" = the null sender */
    const char *from_domain; /* organisational domain of From:, for policy; may be "" */
    const char *stream;      /* never "" */
    const char *user;        /* "" = none */
    const char *client;      /* address of who submitted */
    const char *helo;
    const char *listener;
    const char *job;
    const char *subject;
    const char *envid;
    const char *message_id;

    const struct envelope_recipient
        *recipients;            /* borrowed; number = place in the array */
    unsigned recipient_count;   /* 1..ENVELOPE_RECIPIENTS */
    const struct place *pieces; /* borrowed; body above the inline limit */
    unsigned piece_count;
    const struct envelope_close *closes; /* borrowed */
    unsigned close_count;
};

/* All texts "", all numbers 0. */
void envelope_init(struct envelope *envelope);

/* Enough room for envelope_encode. */
size_t envelope_bound(const struct envelope *envelope);

/* Write the envelope. Returns 0 and how many bytes; -EINVAL when a cap or a rule above is
 * broken (err says which field), -ENOBUFS when capacity is too small. */
ATTR_MUST_CHECK int envelope_encode(const struct envelope *envelope, void *bytes,
                                    size_t capacity, size_t *out_length,
                                    struct errmsg *err);

/* Read an envelope; free it with envelope_free. Texts point into bytes, which must
 * outlive it; the arrays are one owned block. Unknown tags are skipped. -EBADMSG when it
 * is no envelope, -ENOMEM. out_envelope is untouched on failure. */
ATTR_MUST_CHECK int envelope_decode(const void *bytes, size_t length,
                                    struct envelope *out_envelope);

/* Free the arrays of a decoded envelope. Never for one filled by hand. */
void envelope_free(struct envelope *envelope);

#endif
