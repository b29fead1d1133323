/* What kind of mail is this? A hash of the shape of its subject, its content type and the
 * hosts its links name: the same for two mails of one template, another for a template
 * that somebody else brought. And a hash of the body as it is. Streaming; pure. */

#ifndef RELAY_FINGERPRINT_H
#define RELAY_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_HOSTS 16
#define FINGERPRINT_HOST  128

struct fingerprint {
    uint64_t body;                     /* so far */
    uint64_t hosts[FINGERPRINT_HOSTS]; /* hashes of different ones, as they came */
    unsigned host_count;
    unsigned slashes; /* of "://" seen just now; 3 is inside a host */
    char host[FINGERPRINT_HOST];
    size_t host_length;
};

void fingerprint_init(struct fingerprint *print);

/* The body, in any pieces. */
void fingerprint_feed(struct fingerprint *print, const char *bytes, size_t length);

/* The kind: with the subject, and the header block for its Content-Type. Never 0. */
uint64_t fingerprint_kind(struct fingerprint *print, const char *subject,
                          const char *block, size_t length);

/* Of the body alone. Never 0. */
uint64_t fingerprint_body(const struct fingerprint *print);

/* Of any text, case-blind: for networks, recipients. Never 0. */
uint64_t fingerprint_text(const char *text);

#endif
