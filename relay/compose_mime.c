#include "relay/compose_mime.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/entropy.h"
#include "relay/smtp/base64.h"

#define WORD_BYTES     42 /* of text in one encoded word: 56 of base64 and 12 around */
#define LINE_BYTES     57 /* of content in one line of base64: 76 */
#define PLAIN_BYTES    900
#define BOUNDARY_BYTES 40

static bool has_controls(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_ascii(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80) {
            return false;
        }
    }
    return true;
}

/* Encoded words, each with whole characters, folded between them. */
static void put_words(struct textbuf *out, const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t take = length - at < WORD_BYTES ? length - at : WORD_BYTES;
        while (take > 1 && at + take < length &&
               ((unsigned char)text[at + take] & 0xc0) == 0x80) {
            take--;
        }
        char word[BASE64_LENGTH(WORD_BYTES) + 1];
        (void)base64_encode(text + at, take, word, sizeof word);
        textbuf_printf(out, "%s=?UTF-8?B?%s?=", at == 0 ? "" : "\r\n ", word);
        at += take;
    }
}

static bool is_name(const char *name)
{
    size_t length = 0;
    for (; name[length] != '\0'; length++) {
        char byte = name[length];
        bool is_good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
        if (!is_good) {
            return false;
        }
    }
    return length > 0 && length <= 70;
}

bool compose_mime_field(struct textbuf *out, const char *name, const char *value)
{
    if (!is_name(name) || has_controls(value)) {
        return false;
    }
    textbuf_printf(out, "%s: ", name);
    if (is_ascii(value) && strlen(value) <= PLAIN_BYTES) {
        textbuf_text(out, value);
    } else {
        put_words(out, value);
    }
    textbuf_text(out, "\r\n");
    return true;
}

/* In quotes, with what would end them escaped. */
static void put_quoted(struct textbuf *out, const char *text, size_t length)
{
    textbuf_text(out, "\"");
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            textbuf_text(out, "\\");
        }
        textbuf_append(out, text + i, 1);
    }
    textbuf_text(out, "\"");
}

bool compose_mime_mailbox(struct textbuf *out, const char *text, const char *address)
{
    const char *angle = strchr(text, '<');
    size_t length = angle == NULL ? 0 : (size_t)(angle - text);
    char name[512];
    if (has_controls(text) || strpbrk(address, "<>,; \t") != NULL ||
        length >= sizeof name) {
        return false;
    }
    while (length > 0 && text[length - 1] == ' ') {
        length--;
    }
    if (length > 1 && text[0] == '"' && text[length - 1] == '"') {
        text++;
        length -= 2;
    }
    memcpy(name, text, length);
    name[length] = '\0';
    if (length == 0) {
        textbuf_text(out, address);
        return true;
    }
    if (is_ascii(name)) {
        put_quoted(out, name, length);
    } else {
        put_words(out, name);
    }
    textbuf_printf(out, " <%s>", address);
    return true;
}

/* ---- bodies ---- */

static void put_base64(struct textbuf *out, const char *bytes, size_t length)
{
    char line[BASE64_LENGTH(LINE_BYTES) + 1];
    for (size_t at = 0; at < length; at += LINE_BYTES) {
        size_t take = length - at < LINE_BYTES ? length - at : LINE_BYTES;
        size_t wrote = base64_encode(bytes + at, take, line, sizeof line);
        textbuf_append(out, line, wrote);
        textbuf_append(out, "\r\n", 2);
    }
}

/* Text with CR LF between its lines, as the canonical form of text asks. */
static void put_text(struct textbuf *out, const char *type, const char *text)
{
    struct textbuf lines;
    textbuf_init(&lines, out->max);
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, "\r\n");
        textbuf_append(&lines, at, length);
        at += length;
        if (*at != '\0') {
            textbuf_append(&lines, "\r\n", 2);
            at += at[0] == '\r' && at[1] == '\n' ? 2 : 1;
        }
    }
    textbuf_printf(out,
                   "Content-Type: %s; charset=UTF-8\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n",
                   type);
    put_base64(out, lines.bytes == NULL ? "" : lines.bytes, lines.length);
    textbuf_done(&lines);
}

static void make_boundary(char out[BOUNDARY_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[12];
    entropy_bytes(bytes, sizeof bytes);
    memcpy(out, "=_mesura_", 9); /* never in base64 */
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[9 + 2 * i] = digits[bytes[i] >> 4];
        out[10 + 2 * i] = digits[bytes[i] & 15];
    }
    out[9 + 2 * sizeof bytes] = '\0';
}

/* The text parts: one, or both as alternatives. */
static void put_texts(struct textbuf *out, const struct compose_mime *mime)
{
    char boundary[BOUNDARY_BYTES];
    if (mime->html[0] == '\0' || mime->text[0] == '\0') {
        bool is_html = mime->html[0] != '\0';
        put_text(out, is_html ? "text/html" : "text/plain",
                 is_html ? mime->html : mime->text);
        return;
    }
    make_boundary(boundary);
    textbuf_printf(out,
                   "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n"
                   "--%s\r\n",
                   boundary, boundary);
    put_text(out, "text/plain", mime->text);
    textbuf_printf(out, "--%s\r\n", boundary);
    put_text(out, "text/html", mime->html);
    textbuf_printf(out, "--%s--\r\n", boundary);
}

static bool is_type(const char *type)
{
    size_t slash = strcspn(type, "/");
    size_t length = strlen(type);
    return length < 128 && slash > 0 && slash + 1 < length &&
           strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        "!#$&-^_.+/") == length;
}

static int put_part(struct textbuf *out, const struct compose_part *part,
                    struct errmsg *err)
{
    const char *type = part->type[0] == '\0' ? "application/octet-stream" : part->type;
    size_t length = strlen(part->content);
    size_t got = 0;
    if (!is_type(type) || has_controls(part->name) || strlen(part->name) > 200) {
        errmsg_set(err, "attachments: \"%.60s\" has a name or a type that cannot be",
                   part->name);
        return -EINVAL;
    }
    char *bytes = malloc(length + 1);
    if (bytes == NULL) {
        errmsg_set(err, "out of memory");
        return -ENOMEM;
    }
    if (!base64_decode(part->content, length, bytes, length + 1, &got)) {
        free(bytes);
        errmsg_set(err, "attachments: the content of \"%.60s\" is not base64 on one line",
                   part->name);
        return -EINVAL;
    }
    textbuf_printf(out,
                   "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n"
                   "Content-Disposition: attachment",
                   type);
    if (part->name[0] != '\0' && is_ascii(part->name)) {
        textbuf_text(out, "; filename=");
        put_quoted(out, part->name, strlen(part->name));
    } else if (part->name[0] != '\0') {
        textbuf_text(out, ";\r\n filename*=UTF-8''"); /* RFC 2231 */
        for (const char *at = part->name; *at != '\0'; at++) {
            textbuf_printf(out, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
    textbuf_text(out, "\r\n\r\n");
    put_base64(out, bytes, got);
    free(bytes);
    return 0;
}

int compose_mime_body(struct textbuf *out, const struct compose_mime *mime,
                      struct errmsg *err)
{
    char boundary[BOUNDARY_BYTES];
    int rc = 0;
    textbuf_text(out, "MIME-Version: 1.0\r\n");
    if (mime->part_count == 0) {
        put_texts(out, mime);
        return 0;
    }
    make_boundary(boundary);
    textbuf_printf(out,
                   "Content-Type: multipart/mixed;\r\n boundary=\"%s\"\r\n\r\n--%s\r\n",
                   boundary, boundary);
    put_texts(out, mime);
    for (size_t i = 0; rc == 0 && i < mime->part_count; i++) {
        textbuf_printf(out, "--%s\r\n", boundary);
        rc = put_part(out, &mime->parts[i], err);
    }
    textbuf_printf(out, "--%s--\r\n", boundary);
    return rc;
}
