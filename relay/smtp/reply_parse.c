#include "relay/smtp/reply_parse.h"

#include <stdio.h>
#include <string.h>

void reply_parse_init(struct reply_parse *parser, reply_parse_line_cb line_cb,
                      void *owner)
{
    *parser = (struct reply_parse){.line_cb = line_cb, .owner = owner};
}

void reply_parse_reset(struct reply_parse *parser)
{
    parser->reply.stage = REPLY_STAGE_DNS;
    parser->reply.origin = REPLY_REMOTE;
    parser->reply.code = 0;
    memset(parser->reply.enhanced, 0, sizeof parser->reply.enhanced);
    parser->reply.text[0] = '\0';
    parser->line_length = 0;
    parser->text_length = 0;
    parser->total_bytes = 0;
    parser->lines = 0;
    parser->status = REPLY_PARSE_MORE;
}

static char printable(char byte)
{
    if ((unsigned char)byte < 0x20 || byte == 0x7f) {
        return '?';
    }
    return byte;
}

/* Append to the text as far as there is room; control bytes become '?'. */
static void append_text(struct reply_parse *parser, const char *text, size_t length)
{
    for (size_t i = 0; i < length && parser->text_length + 1 < REPLY_TEXT_BYTES; i++) {
        parser->reply.text[parser->text_length++] = printable(text[i]);
    }
    parser->reply.text[parser->text_length] = '\0';
}

static void fail(struct reply_parse *parser, const char *why)
{
    char text[REPLY_TEXT_BYTES];
    (void)snprintf(text, sizeof text, "%s: \"%.200s\"", why, parser->line);
    parser->reply.origin = REPLY_MALFORMED;
    parser->reply.code = 0;
    memset(parser->reply.enhanced, 0, sizeof parser->reply.enhanced);
    parser->text_length = 0;
    append_text(parser, text, strlen(text));
    parser->status = REPLY_PARSE_BAD;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* One number of an enhanced code: one to three digits. Returns how many, 0 for none. */
static size_t read_part(const char *text, uint16_t *out)
{
    size_t used = 0;
    unsigned value = 0;
    while (used < 3 && is_digit(text[used])) {
        value = value * 10 + (unsigned)(text[used] - '0');
        used++;
    }
    *out = (uint16_t)value;
    return is_digit(text[used]) ? 0 : used;
}

/* Read "5.7.1 " at the start of text; returns how many bytes to leave out of the text, 0
 * when there is no code or its class is not that of the reply. */
static size_t read_enhanced(const char *text, uint16_t code, uint16_t out[3])
{
    uint16_t parts[3];
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t used = read_part(text + at, &parts[i]);
        if (used == 0 || (i < 2 && text[at + used] != '.')) {
            return 0;
        }
        at += used + (i < 2 ? 1 : 0);
    }
    if ((text[at] != ' ' && text[at] != '\0') || parts[0] != code / 100 ||
        (parts[0] != 2 && parts[0] != 4 && parts[0] != 5)) {
        return 0;
    }
    memcpy(out, parts, sizeof parts);
    while (text[at] == ' ') {
        at++;
    }
    return at;
}

/* "NNN-text", "NNN text" or "NNN". Returns the code, 0 when there is none. */
static uint16_t read_code(const char *line, size_t length)
{
    if (length < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2]) ||
        (length > 3 && line[3] != ' ' && line[3] != '-')) {
        return 0;
    }
    return (uint16_t)((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

static void take_line(struct reply_parse *parser)
{
    size_t length = parser->line_length;
    parser->line[length] = '\0';
    parser->line_length = 0;

    uint16_t code = read_code(parser->line, length);
    if (code < 200 || code > 599) {
        fail(parser,
             code == 0 ? "answer without a code" : "answer with a code unknown to SMTP");
        return;
    }
    if (parser->lines > 0 && code != parser->reply.code) {
        fail(parser, "the code changed within one answer");
        return;
    }
    parser->reply.code = code;

    bool is_last = length == 3 || parser->line[3] == ' ';
    const char *text = length > 4 ? parser->line + 4 : "";
    size_t text_length = length > 4 ? length - 4 : 0;
    if (parser->line_cb != NULL) {
        parser->line_cb(parser->owner, parser->lines, text, text_length);
    }
    size_t skip = read_enhanced(text, code, parser->reply.enhanced);
    if (parser->lines > 0 && text_length > skip) {
        append_text(parser, " ", 1);
    }
    append_text(parser, text + skip, text_length - skip);
    parser->lines++;

    if (is_last) {
        parser->status = REPLY_PARSE_DONE;
    } else if (parser->lines >= LIMIT_REPLY_LINES) {
        fail(parser, "answer with too many lines");
    }
}

size_t reply_parse_feed(struct reply_parse *parser, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length && parser->status == REPLY_PARSE_MORE) {
        const char *rest = bytes + used;
        const char *end = memchr(rest, '\n', length - used);
        size_t part = end == NULL ? length - used : (size_t)(end - rest) + 1;
        size_t room = LIMIT_REPLY_LINE - parser->line_length;
        size_t text = end == NULL ? part : part - 1;

        if (text > room) {
            text = room;
        }
        memcpy(parser->line + parser->line_length, rest, text);
        parser->line_length += text;
        parser->line[parser->line_length] = '\0';
        used += part;
        parser->total_bytes += part;
        if (parser->total_bytes > (size_t)LIMIT_REPLY_BYTES) {
            fail(parser, "answer too long");
        } else if (end != NULL) {
            bool has_cr =
                parser->line_length > 0 && parser->line[parser->line_length - 1] == '\r';
            parser->line_length -= has_cr ? 1 : 0;
            take_line(parser);
        }
    }
    return used;
}

void reply_parse_make(struct reply *out, enum reply_stage stage, enum reply_origin origin,
                      uint16_t code, const char *enhanced, const char *text)
{
    out->stage = stage;
    out->origin = origin;
    out->code = code;
    memset(out->enhanced, 0, sizeof out->enhanced);
    if (enhanced[0] >= '2' && enhanced[0] <= '5') {
        (void)read_enhanced(enhanced, (uint16_t)((enhanced[0] - '0') * 100),
                            out->enhanced);
    }
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < REPLY_TEXT_BYTES; i++) {
        out->text[i] = printable(text[i]);
    }
    out->text[i] = '\0';
}

size_t reply_parse_format(const struct reply *reply, char *out, size_t cap)
{
    char codes[32] = "";
    if (reply->code != 0 && reply->enhanced[0] != 0) {
        (void)snprintf(codes, sizeof codes, "%u %u.%u.%u ", reply->code,
                       reply->enhanced[0], reply->enhanced[1], reply->enhanced[2]);
    } else if (reply->code != 0) {
        (void)snprintf(codes, sizeof codes, "%u ", reply->code);
    }
    int written = snprintf(out, cap, "%s%s", codes, reply->text);
    size_t length = written < 0 ? 0 : (size_t)written;
    return length < cap ? length : (cap > 0 ? cap - 1 : 0);
}
