/* The header of a submitted message: read once as it streams in, fixed once, then final.
 *
 * message_feed collects the header block and notes what intake and policy ask about;
 * message_build writes the final block. The body never passes through here. All changes
 * to content happen at acceptance; the bytes stored are the bytes that leave. Worker
 * thread. */

#ifndef RELAY_MESSAGE_H
#define RELAY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/limits.h"
#include "relay/textbuf.h"

#define MESSAGE_VALUE_BYTES                                     \
    256 /* of one remembered value, cut; control bytes as space \
         */
#define MESSAGE_DOMAIN_BYTES (LIMIT_DOMAIN + 1)

/* What was found. Texts are unfolded, trimmed, cut and never NULL. */
struct message_facts {
    unsigned fields;
    unsigned from_fields;    /* From: fields */
    unsigned from_addresses; /* addresses in the first of them */
    unsigned received;
    bool has_date;
    bool has_message_id;
    bool has_to; /* To or Cc */
    bool has_sender;
    bool has_list_unsubscribe;
    bool has_list_unsubscribe_post;
    bool has_tls_required_no;               /* TLS-Required: No (RFC 8689) */
    bool is_auto_submitted;                 /* Auto-Submitted other than "no" */
    bool is_8bit;                           /* a header byte above 127 */
    char from[MESSAGE_VALUE_BYTES];         /* the first address of From, bare */
    char from_domain[MESSAGE_DOMAIN_BYTES]; /* in lower case */
    char subject[MESSAGE_VALUE_BYTES];
    char message_id[MESSAGE_VALUE_BYTES]; /* with its brackets */
    char precedence[32];
    char stream[64];   /* X-Mesura-Stream */
    char priority[16]; /* X-Mesura-Priority */
    char lifetime[32]; /* X-Mesura-Lifetime */
    char job[64];      /* X-Mesura-Job */
};

/* A refusal of the content; code 0: none. */
struct message_refusal {
    unsigned code;
    const char *text; /* constant; begins with the enhanced code */
};

/* A value its owner embeds or allocates; the fields are this module's but for facts and
 * header_done. */
struct message {
    struct textbuf header; /* the block as it came, then what message_prefix gives */
    size_t block_length;   /* of the block: complete fields, without the empty line */
    size_t line_start;     /* of the line being collected, in header */
    size_t field_start;    /* of the field being collected, in header */
    bool has_field;        /* field_start is valid */
    bool header_done;
    struct message_facts facts;
    struct message_refusal refusal;
};

/* How the message came, for its Received field. Texts are never NULL. */
struct message_trace {
    const char *hostname;  /* ours */
    const char *helo;      /* as the client said; control bytes are replaced */
    const char *client_ip; /* "192.0.2.1" or an IPv6 address; "" for a local submission */
    const char *client_name; /* of reverse DNS; "" when not known */
    const char *protocol;    /* "ESMTP", "ESMTPSA", "HTTP" ... (RFC 3848) */
    const char *id;          /* queue id */
    const char *tls;         /* "TLSv1.3 with cipher ..."; "" without */
    const char *only_rcpt;   /* the recipient when there is exactly one, else "" */
    int64_t unix_ms;
    int offset_minutes;
};

void message_init(struct message *message);
void message_done(struct message *message);

/* Take content until the header is complete: CRLF lines, any cut. Returns how many bytes
 * were taken; the rest is body, and so is everything that follows: once header_done is
 * true nothing is taken. A block above LIMIT_HEADER_BYTES or LIMIT_HEADER_FIELDS sets
 * refusal and is done. A line that cannot be a field ends the header and is body: look at
 * message_prefix. An mbox "From " line at the very start is dropped. */
size_t message_feed(struct message *message, const char *bytes, size_t length);

/* The content has ended; a header without an empty line is complete now. */
void message_end(struct message *message);

/* The start of the body that message_feed took before it knew: the owner puts these bytes
 * in front of the body. Mostly none. Valid once header_done, until message_done. */
const char *message_prefix(const struct message *message, size_t *out_length);

/* The header block as it came, without the empty line; not terminated. */
const char *message_block(const struct message *message, size_t *out_length);

/* Put another block in the place of the one that came (complete fields): the facts are
 * read again. Takes what block holds. Once, when header_done and before message_prefix is
 * used for the last time: the bytes it gives stay the same. */
void message_replace(struct message *message, struct textbuf *block);

/* Loops and caps: the refusal to give, or code 0. Call after header_done. */
struct message_refusal message_check(const struct message *message);

/* Write the final block, its empty line included: Received on top, extra_headers
 * (complete lines, "" for none) under it, Date and Message-ID added when missing, Bcc and
 * X-Mesura-* removed, all else byte for byte. Look at out->failed. */
void message_build(const struct message *message, const struct message_trace *trace,
                   const char *extra_headers, struct textbuf *out);

/* The next field of a header block at *at: name and value ranges (value unfolded not);
 * false at the end. Lines that are no field are skipped. For readers of final blocks. */
struct message_field {
    const char *name;
    size_t name_length;
    const char *value; /* behind the colon, up to but without the last CRLF */
    size_t value_length;
    size_t start; /* offsets of the whole field with its last CRLF in the block */
    size_t end;
};
bool message_next_field(const char *block, size_t length, size_t *at,
                        struct message_field *out);

/* Case-blind comparison of a field's name. */
bool message_field_is(const struct message_field *field, const char *name);

#endif
