/* The transparency of RFC 5321 4.5.2 in both directions, across buffer boundaries.
 *
 * In: the end of data is CRLF.CRLF and nothing else, whatever the settings say. Bare CR,
 * bare LF and NUL are noted; bare CR and LF are passed on as they came or turned into
 * CRLF (they never start a line for the purpose of dots). Out: one serializer for all
 * that leaves: it stuffs after every CRLF and lets no bare CR or LF out (a space
 * instead). */

#ifndef RELAY_SMTP_DOT_H
#define RELAY_SMTP_DOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Receives content without transparency. bytes are valid during the call only. */
typedef void (*dot_sink_cb)(void *owner, const char *bytes, size_t length);

enum dot_place {
    DOT_LINE_START,
    DOT_IN_LINE,
    DOT_AFTER_CR,     /* a CR in a line that waits for its LF */
    DOT_AFTER_DOT,    /* a dot at the start of a line */
    DOT_AFTER_DOT_CR, /* that, and a CR */
    DOT_ENDED,
};

/* What was seen in the content so far. */
struct dot_facts {
    uint64_t size_bytes;   /* passed to the sink */
    uint32_t longest_line; /* bytes without CRLF */
    bool has_8bit;
    bool has_nul;
    bool has_bare_cr;
    bool has_bare_lf;
    bool has_dot_line; /* some line of the content starts with a dot */
    bool ends_in_crlf; /* or is empty */
};

struct dot_decoder {
    enum dot_place place;
    bool is_plain;  /* no dots: BDAT; never ends by itself */
    bool normalise; /* turn bare CR and bare LF into CRLF */
    uint32_t line_bytes;
    struct dot_facts facts;
    dot_sink_cb sink_cb;
    void *owner; /* borrowed */
};

/* normalise: turn bare CR and LF into CRLF. is_plain: the bytes carry no transparency
 * (BDAT); they are only checked and counted, and dot_decode_end closes them. */
void dot_decode_init(struct dot_decoder *decoder, bool normalise, bool is_plain,
                     dot_sink_cb sink_cb, void *owner);

/* Take bytes up to and including the final CRLF.CRLF. Returns how many were taken; fewer
 * than length only when place is DOT_ENDED. */
size_t dot_decode(struct dot_decoder *decoder, const char *bytes, size_t length);

/* The last chunk of plain content has come: passes on a CR that waited. */
void dot_decode_end(struct dot_decoder *decoder);

struct dot_encoder {
    bool at_line_start;
    bool cr_pending;
    bool repaired; /* a bare CR or LF was replaced: the stored content was damaged */
};

void dot_encode_init(struct dot_encoder *encoder);

/* Stuff bytes into out until one of them is used up. Fills how many bytes were read and
 * returns how many were written. cap must be at least 4. */
size_t dot_encode(struct dot_encoder *encoder, const char *bytes, size_t length,
                  size_t *out_used, char *out, size_t cap);

/* The end of data for what was encoded so far: ".\r\n", with CRLF before it when the last
 * line was not ended. Returns a constant. */
const char *dot_encode_end(struct dot_encoder *encoder);

/* True when content of these bytes may go out as it is: no line starts with a dot and no
 * CR or LF is bare; encoder remembers the place between calls and is left as dot_encode
 * would leave it. On false the encoder is unchanged. */
bool dot_is_clean(struct dot_encoder *encoder, const char *bytes, size_t length);

#endif
