#include "relay/smtp/dot.h"

#include <assert.h>
#include <string.h>

void dot_decode_init(struct dot_decoder *decoder, bool normalise, bool is_plain,
                     dot_sink_cb sink_cb, void *owner)
{
    *decoder = (struct dot_decoder){.place = DOT_LINE_START,
                                    .is_plain = is_plain,
                                    .normalise = normalise,
                                    .facts.ends_in_crlf = true,
                                    .sink_cb = sink_cb,
                                    .owner = owner};
}

/* Does any byte have bit 7? Eight at a time: this sees every byte of every message. */
static bool has_8bit(const char *bytes, size_t length)
{
    uint64_t all = 0;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, 8);
        all |= word;
    }
    unsigned rest = 0;
    for (; i < length; i++) {
        rest |= (unsigned char)bytes[i];
    }
    return (all & 0x8080808080808080ULL) != 0 || (rest & 0x80) != 0;
}

static void emit(struct dot_decoder *decoder, const char *bytes, size_t length)
{
    if (length == 0) {
        return;
    }
    struct dot_facts *facts = &decoder->facts;
    facts->size_bytes += length;
    facts->has_8bit = facts->has_8bit || has_8bit(bytes, length);
    facts->has_nul = facts->has_nul || memchr(bytes, '\0', length) != NULL;
    decoder->sink_cb(decoder->owner, bytes, length);
}

/* Count bytes into the content's line; the first one may be a dot that needs stuffing
 * when the message leaves. */
static void count(struct dot_decoder *decoder, const char *bytes, size_t length)
{
    if (length == 0) {
        return;
    }
    struct dot_facts *facts = &decoder->facts;
    facts->has_dot_line =
        facts->has_dot_line || (decoder->line_bytes == 0 && bytes[0] == '.');
    decoder->line_bytes += length > UINT32_MAX / 2 - decoder->line_bytes
                               ? UINT32_MAX / 2 - decoder->line_bytes
                               : (uint32_t)length;
    if (decoder->line_bytes > facts->longest_line) {
        facts->longest_line = decoder->line_bytes;
    }
    facts->ends_in_crlf = false;
}

static void end_line(struct dot_decoder *decoder)
{
    decoder->line_bytes = 0;
    decoder->facts.ends_in_crlf = true;
}

/* A CR that no LF follows, or an LF that no CR precedes. It never starts a line as far as
 * dots are concerned: only CRLF does, for everyone, always. */
static void emit_bare(struct dot_decoder *decoder, char byte)
{
    decoder->facts.has_bare_cr = decoder->facts.has_bare_cr || byte == '\r';
    decoder->facts.has_bare_lf = decoder->facts.has_bare_lf || byte == '\n';
    if (decoder->normalise) {
        emit(decoder, "\r\n", 2);
        end_line(decoder);
    } else {
        emit(decoder, &byte, 1);
        count(decoder, &byte, 1);
    }
    decoder->place = DOT_IN_LINE;
}

/* Whole lines and the text of the last one, from a place at a line's start or inside it.
 * Takes bytes up to what the slow path must look at: a dot at a line's start, a CR or LF
 * that is not CRLF. Returns how many. */
static size_t take_text(struct dot_decoder *decoder, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length) {
        const char *at = bytes + used;
        if (decoder->place == DOT_LINE_START && *at == '.' && !decoder->is_plain) {
            break;
        }
        decoder->place = DOT_IN_LINE;
        const char *lf = memchr(at, '\n', length - used);
        size_t span = lf == NULL ? length - used : (size_t)(lf - at);
        const char *cr = memchr(at, '\r', span);
        size_t text = cr == NULL ? span : (size_t)(cr - at);

        count(decoder, at, text);
        used += text;
        if (lf == NULL || cr == NULL || cr + 1 != lf) {
            break;
        }
        used += 2;
        end_line(decoder);
        decoder->place = DOT_LINE_START;
    }
    return used;
}

/* One byte, where take_text stopped or between two buffers. */
static void take_byte(struct dot_decoder *decoder, char byte)
{
    switch (decoder->place) {
    case DOT_LINE_START:
        assert(byte == '.');
        decoder->place = DOT_AFTER_DOT;
        return;
    case DOT_IN_LINE:
        if (byte == '\r') {
            decoder->place = DOT_AFTER_CR;
        } else {
            emit_bare(decoder, byte);
        }
        return;
    case DOT_AFTER_CR:
        if (byte == '\n') {
            emit(decoder, "\r\n", 2);
            end_line(decoder);
            decoder->place = DOT_LINE_START;
        }
        return;
    case DOT_AFTER_DOT:
        decoder->place = byte == '\r' ? DOT_AFTER_DOT_CR : DOT_IN_LINE;
        return;
    case DOT_AFTER_DOT_CR:
        if (byte == '\n') {
            decoder->place = DOT_ENDED;
        }
        return;
    case DOT_ENDED: return;
    }
}

size_t dot_decode(struct dot_decoder *decoder, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length && decoder->place != DOT_ENDED) {
        bool is_text = decoder->place == DOT_LINE_START || decoder->place == DOT_IN_LINE;
        if (is_text) {
            size_t text = take_text(decoder, bytes + used, length - used);
            emit(decoder, bytes + used, text);
            used += text;
            if (used == length) {
                break;
            }
        }
        char byte = bytes[used];
        enum dot_place before = decoder->place;
        bool is_bare_cr =
            (before == DOT_AFTER_CR || before == DOT_AFTER_DOT_CR) && byte != '\n';
        bool is_unstuffed = before == DOT_AFTER_DOT && byte != '\r';
        if (is_bare_cr) {
            emit_bare(decoder, '\r');
        } else {
            take_byte(decoder, byte);
            used += is_unstuffed ? 0 : 1;
        }
    }
    return used;
}

void dot_decode_end(struct dot_decoder *decoder)
{
    if (decoder->place == DOT_AFTER_CR) {
        emit_bare(decoder, '\r');
    }
    decoder->place = DOT_ENDED;
}

void dot_encode_init(struct dot_encoder *encoder)
{
    *encoder = (struct dot_encoder){.at_line_start = true};
}

/* One byte that is not plain text: CR, LF, or a dot at a line's start. Writes at most
 * three bytes: a repaired CR and the byte's own. */
static size_t encode_byte(struct dot_encoder *encoder, char byte, char *out)
{
    size_t written = 0;
    if (byte == '\n' && encoder->cr_pending) {
        out[0] = '\r';
        out[1] = '\n';
        encoder->cr_pending = false;
        encoder->at_line_start = true;
        return 2;
    }
    if (encoder->cr_pending) {
        out[written++] = ' ';
        encoder->cr_pending = false;
        encoder->repaired = true;
        encoder->at_line_start = false;
    }
    if (byte == '\r') {
        encoder->cr_pending = true;
        return written;
    }
    if (byte == '\n') {
        out[written++] = ' ';
        encoder->repaired = true;
        encoder->at_line_start = false;
        return written;
    }
    if (byte == '.' && encoder->at_line_start) {
        out[written++] = '.';
    }
    out[written++] = byte;
    encoder->at_line_start = false;
    return written;
}

/* How many bytes up to the next CR or LF. */
static size_t text_length(const char *bytes, size_t length)
{
    const char *lf = memchr(bytes, '\n', length);
    size_t span = lf == NULL ? length : (size_t)(lf - bytes);
    const char *cr = memchr(bytes, '\r', span);
    return cr == NULL ? span : (size_t)(cr - bytes);
}

size_t dot_encode(struct dot_encoder *encoder, const char *bytes, size_t length,
                  size_t *out_used, char *out, size_t cap)
{
    assert(cap >= 4);
    size_t used = 0;
    size_t written = 0;
    while (used < length && written + 3 <= cap) {
        if (!encoder->cr_pending && !encoder->at_line_start) {
            size_t room = cap - written < length - used ? cap - written : length - used;
            size_t text = text_length(bytes + used, room);
            memcpy(out + written, bytes + used, text);
            used += text;
            written += text;
            if (used == length || written + 3 > cap) {
                break;
            }
        }
        written += encode_byte(encoder, bytes[used++], out + written);
    }
    *out_used = used;
    return written;
}

const char *dot_encode_end(struct dot_encoder *encoder)
{
    bool is_ended = encoder->at_line_start && !encoder->cr_pending;
    encoder->repaired = encoder->repaired || encoder->cr_pending;
    encoder->cr_pending = false;
    encoder->at_line_start = true;
    return is_ended ? ".\r\n" : "\r\n.\r\n";
}

bool dot_is_clean(struct dot_encoder *encoder, const char *bytes, size_t length)
{
    struct dot_encoder after = *encoder;
    size_t used = 0;
    while (used < length) {
        char byte = bytes[used];
        if (after.cr_pending) {
            if (byte != '\n') {
                return false;
            }
            after.cr_pending = false;
            after.at_line_start = true;
            used++;
            continue;
        }
        if (byte == '\n' || (byte == '.' && after.at_line_start)) {
            return false;
        }
        size_t text = text_length(bytes + used, length - used);
        used += text;
        after.at_line_start = after.at_line_start && text == 0;
        if (used < length) {
            if (bytes[used] == '\n') {
                return false;
            }
            after.cr_pending = true;
            used++;
        }
    }
    *encoder = after;
    return true;
}
