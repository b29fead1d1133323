/* A sentence for a human about why the machine refused: fixed size, wrapped outward.
 *
 * "open queue: segment 12: header checksum mismatch": the innermost cause is
 * printed first, each caller puts its own part in front. */

#ifndef QUEUE_ERRMSG_H
#define QUEUE_ERRMSG_H

#define ERRMSG_BYTES 256

#define ATTR_MUST_CHECK        __attribute__((warn_unused_result))
#define ATTR_PRINTF(FMT, ARGS) __attribute__((format(printf, FMT, ARGS)))

struct errmsg {
    char text[ERRMSG_BYTES]; /* always terminated; "" when nothing went wrong */
};

/* Set the text. A NULL errmsg is allowed and ignored, here and below. */
void errmsg_set(struct errmsg *err, const char *format, ...) ATTR_PRINTF(2, 3);

/* Put "prefix: " in front of the text; the tail is cut when it does not fit. */
void errmsg_wrap(struct errmsg *err, const char *format, ...) ATTR_PRINTF(2, 3);

/* Set the text to "what: meaning of the errno". errno_value may be negative. */
void errmsg_errno(struct errmsg *err, int errno_value, const char *format, ...)
    ATTR_PRINTF(3, 4);

#endif
