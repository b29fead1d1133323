/* Return paths that say of which message and recipient a report speaks, and that nobody
 * outside can make: "b-ID STREAM SOURCE TAG-user=example.net", without the blanks. The
 * tag is keyed over all of it and the recipient, also where the recipient does not fit
 * into the 64 bytes of a local part; then a report must name it. Pure; any thread. */

#ifndef RELAY_VERP_H
#define RELAY_VERP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERP_KEY_BYTES   32
#define VERP_LOCAL_BYTES 65 /* of a local part, with terminator */
#define VERP_CODE_BYTES  5  /* of a name's code, with terminator */
#define VERP_RCPT_BYTES  320

enum verp_kind {
    VERP_BOUNCE,      /* MAIL FROM of what leaves */
    VERP_UNSUBSCRIBE, /* whoever writes to it wants no more */
};

struct verp {
    enum verp_kind kind;
    uint64_t id;
    char stream[VERP_CODE_BYTES]; /* codes of names, as verp_code gives them */
    char source[VERP_CODE_BYTES];
    char tag[16];
    char recipient[VERP_RCPT_BYTES]; /* "" where it did not fit */
};

/* Four letters for a name; the same for each name always. */
void verp_code(const char *name, char out[VERP_CODE_BYTES]);

/* The local part for kind, id and names; recipient in any case. */
void verp_make(const uint8_t key[VERP_KEY_BYTES], enum verp_kind kind, uint64_t id,
               const char *stream, const char *source, const char *recipient,
               char out[VERP_LOCAL_BYTES]);

/* Read a local part (up to its end or '@'), in any case. False when it is none of ours by
 * its form; whether it is genuine verp_is_genuine says. */
bool verp_read(const char *local, struct verp *out);

/* Was it made with this key for this recipient? */
bool verp_is_genuine(const uint8_t key[VERP_KEY_BYTES], const struct verp *verp,
                     const char *recipient);

#endif
