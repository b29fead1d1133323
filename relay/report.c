/* Good path: the header; then the parts of a multipart message, two levels deep, each
 * read by its type. A message without a part for machines is a bounce when it comes from
 * nobody or from a mail system and has a receiver's reply in its text. */

#include "relay/report.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/message.h"

#define BOUNDARY_BYTES 80

struct range {
    const char *bytes;
    size_t length;
};

struct parts {
    struct range items[REPORT_PARTS]; /* still to read, and read */
    unsigned count;
};

/* ---- texts ---- */

/* Unfolded, trimmed, control bytes out, cut. */
static void take_text(const char *bytes, size_t length, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '\r' || byte == '\n' || byte == '\t') {
            byte = ' ';
        }
        bool is_blank = byte == ' ' && (used == 0 || out[used - 1] == ' ');
        if (byte >= ' ' && byte != 0x7f && !is_blank) {
            out[used++] = (char)byte;
        }
    }
    while (used > 0 && out[used - 1] == ' ') {
        used--;
    }
    out[used] = '\0';
}

static void take_field(const struct message_field *field, char *out, size_t size)
{
    take_text(field->value, field->value_length, out, size);
}

/* "rfc822; <user@example.net>", "user@example.net (User)": the address alone. */
static void take_address(const struct message_field *field, char out[REPORT_ADDRESS])
{
    char text[2 * REPORT_ADDRESS];
    take_field(field, text, sizeof text);
    char *at = strchr(text, ';');
    at = at != NULL ? at + 1 : text;
    char *open = strchr(at, '<');
    at = open != NULL ? open + 1 : at + strspn(at, " ");
    at[strcspn(at, open != NULL ? ">" : " (,")] = '\0';
    (void)snprintf(out, REPORT_ADDRESS, "%.*s", REPORT_ADDRESS - 1, at);
}

/* "smtp; 550 5.1.1 text", "dns; mx.example.net": what is behind the type. */
static void take_typed(const struct message_field *field, char *out, size_t size)
{
    char text[REPORT_TEXT];
    take_field(field, text, sizeof text);
    char *semicolon = strchr(text, ';');
    const char *at = text;
    if (semicolon != NULL && semicolon - text < 16) {
        at = semicolon + 1 + strspn(semicolon + 1, " ");
    }
    (void)snprintf(out, size, "%.*s", (int)size - 1, at);
}

static void take_word(const struct message_field *field, char out[REPORT_WORD])
{
    take_field(field, out, REPORT_WORD);
    for (char *at = out; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
}

static bool has_text(const char *text, const char *part)
{
    return strcasestr(text, part) != NULL;
}

/* ---- headers ---- */

/* What a part is. */
struct type {
    char text[REPORT_TEXT]; /* of Content-Type, in lower case but for the boundary */
    char boundary[BOUNDARY_BYTES];
};

static void take_boundary(const char *text, char out[BOUNDARY_BYTES])
{
    const char *at = strcasestr(text, "boundary=");
    out[0] = '\0';
    if (at == NULL) {
        return;
    }
    at += sizeof "boundary=" - 1;
    bool is_quoted = *at == '"';
    at += is_quoted;
    size_t length = strcspn(at, is_quoted ? "\"" : "; ");
    if (length > 0 && length < BOUNDARY_BYTES) {
        memcpy(out, at, length);
        out[length] = '\0';
    }
}

/* Where the body begins: behind the first empty line. */
static size_t body_of(struct range part)
{
    for (size_t i = 0; i < part.length; i++) {
        bool starts = i == 0 || part.bytes[i - 1] == '\n';
        if (starts && part.bytes[i] == '\n') {
            return i + 1;
        }
        if (starts && part.bytes[i] == '\r' && i + 1 < part.length &&
            part.bytes[i + 1] == '\n') {
            return i + 2;
        }
    }
    return part.length;
}

static struct range body_range(struct range part)
{
    size_t at = body_of(part);
    return (struct range){part.bytes + at, part.length - at};
}

static void read_type(struct range part, struct type *out)
{
    struct message_field field;
    size_t at = 0;
    size_t length = body_of(part);
    out->text[0] = '\0';
    out->boundary[0] = '\0';
    while (message_next_field(part.bytes, length, &at, &field)) {
        if (message_field_is(&field, "Content-Type")) {
            take_field(&field, out->text, sizeof out->text);
            take_boundary(out->text, out->boundary);
            return;
        }
    }
}

/* ---- the part for machines ---- */

static struct report_rcpt *add_rcpt(struct report *report)
{
    if (report->rcpt_count == REPORT_RCPTS) {
        return NULL;
    }
    struct report_rcpt *rcpt = &report->rcpts[report->rcpt_count++];
    *rcpt = (struct report_rcpt){.final = ""};
    return rcpt;
}

/* One group of fields about one recipient; the first group is about the message. */
static void read_group(struct range group, struct report *out)
{
    struct report_rcpt rcpt = {.final = ""};
    struct message_field field;
    size_t at = 0;
    while (message_next_field(group.bytes, group.length, &at, &field)) {
        if (message_field_is(&field, "Final-Recipient")) {
            take_address(&field, rcpt.final);
        } else if (message_field_is(&field, "Original-Recipient")) {
            take_address(&field, rcpt.original);
        } else if (message_field_is(&field, "Action")) {
            take_word(&field, rcpt.action);
        } else if (message_field_is(&field, "Status")) {
            take_word(&field, rcpt.status);
        } else if (message_field_is(&field, "Remote-MTA")) {
            take_typed(&field, rcpt.remote, sizeof rcpt.remote);
        } else if (message_field_is(&field, "Diagnostic-Code")) {
            take_typed(&field, rcpt.diagnostic, sizeof rcpt.diagnostic);
        }
    }
    bool is_about_one = rcpt.final[0] != '\0' || rcpt.original[0] != '\0';
    struct report_rcpt *to = is_about_one ? add_rcpt(out) : NULL;
    if (to != NULL) {
        *to = rcpt;
    }
}

static void read_status(struct range body, struct report *out)
{
    out->kind = out->kind == REPORT_COMPLAINT ? out->kind : REPORT_BOUNCE;
    out->is_standard = true;
    for (unsigned i = 0; i < 2 * REPORT_RCPTS && body.length > 0; i++) {
        size_t next = body_of(body);
        read_group((struct range){body.bytes, next}, out);
        body = (struct range){body.bytes + next, body.length - next};
    }
}

static void read_feedback(struct range body, struct report *out)
{
    struct message_field field;
    size_t at = 0;
    out->kind = REPORT_COMPLAINT;
    out->is_standard = true;
    while (message_next_field(body.bytes, body.length, &at, &field)) {
        if (message_field_is(&field, "Feedback-Type")) {
            take_word(&field, out->feedback);
        } else if (message_field_is(&field, "Original-Mail-From")) {
            take_address(&field, out->mail_from);
        } else if (message_field_is(&field, "Original-Rcpt-To")) {
            take_address(&field, out->rcpt_to);
        }
    }
}

/* Our own message, or its header, as they send it back. */
static void read_original(struct range body, struct report *out)
{
    struct message_field field;
    size_t at = 0;
    size_t length = body_of(body);
    while (message_next_field(body.bytes, length, &at, &field)) {
        if (message_field_is(&field, REPORT_TRACE_FIELD)) {
            take_address(&field, out->trace);
        } else if (message_field_is(&field, "Return-Path") && out->mail_from[0] == '\0') {
            take_address(&field, out->mail_from);
        }
    }
}

/* ---- parts ---- */

/* The next line that is a boundary, from *at on; false at the end. */
static bool find_boundary(struct range body, const char *boundary, size_t *at,
                          size_t *out_start, size_t *out_end)
{
    size_t length = strlen(boundary);
    while (*at < body.length) {
        const char *line = body.bytes + *at;
        const char *newline = memchr(line, '\n', body.length - *at);
        size_t size = newline != NULL ? (size_t)(newline - line) + 1 : body.length - *at;
        size_t start = *at;
        *at += size;
        if (size >= length + 2 && line[0] == '-' && line[1] == '-' &&
            memcmp(line + 2, boundary, length) == 0) {
            *out_start = start;
            *out_end = *at;
            return true;
        }
    }
    return false;
}

static void split(struct range body, const char *boundary, struct parts *parts)
{
    size_t at = 0;
    size_t start = 0;
    size_t end = 0;
    size_t next = 0;
    if (!find_boundary(body, boundary, &at, &start, &end)) {
        return;
    }
    while (parts->count < REPORT_PARTS) {
        bool more = find_boundary(body, boundary, &at, &start, &next);
        size_t stop = more ? start : body.length;
        parts->items[parts->count++] = (struct range){body.bytes + end, stop - end};
        if (!more) {
            return;
        }
        end = next;
    }
}

static void read_part(struct range part, struct parts *parts, struct report *out)
{
    struct type type;
    read_type(part, &type);
    struct range body = body_range(part);
    if (strncasecmp(type.text, "multipart/", 10) == 0 && type.boundary[0] != '\0') {
        split(body, type.boundary, parts);
    } else if (has_text(type.text, "delivery-status")) {
        read_status(body, out);
    } else if (has_text(type.text, "message/feedback-report")) {
        read_feedback(body, out);
    } else if (has_text(type.text, "rfc822") || has_text(type.text, "message/global")) {
        read_original(body, out);
    }
}

/* ---- bounces in no standard form ---- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "5.1.1" at text: how long it is, 0 when it is none. */
static size_t enhanced_at(const char *text, size_t length)
{
    size_t at = 1;
    if (length < 5 || (text[0] != '4' && text[0] != '5') || text[1] != '.') {
        return 0;
    }
    for (unsigned part = 0; part < 2; part++) {
        size_t digits = 0;
        at++; /* the dot */
        while (at < length && digits < 3 && is_digit(text[at])) {
            at++;
            digits++;
        }
        if (digits == 0 || (part == 0 && (at >= length || text[at] != '.'))) {
            return 0;
        }
    }
    return at < length && (is_digit(text[at]) || text[at] == '.') ? 0 : at;
}

static bool code_at(const char *text, size_t length)
{
    bool is_code = length >= 4 && (text[0] == '4' || text[0] == '5') && text[1] >= '0' &&
                   text[1] <= '5' && is_digit(text[2]) &&
                   (text[3] == ' ' || text[3] == '-');
    return is_code || enhanced_at(text, length) > 0;
}

bool report_find_reply(const char *text, size_t length, char out[REPORT_TEXT])
{
    bool is_found = false;
    for (size_t i = 0; i < length; i++) {
        bool starts = i == 0 || (!isalnum((unsigned char)text[i - 1]) &&
                                 strchr("./-_@", text[i - 1]) == NULL);
        if (!starts || !code_at(text + i, length - i)) {
            continue;
        }
        const char *newline = memchr(text + i, '\n', length - i);
        size_t size = newline != NULL ? (size_t)(newline - text) - i : length - i;
        if (!is_found || text[i] == '5') { /* a final word beats a temporary one */
            take_text(text + i, size, out, REPORT_TEXT);
            is_found = true;
        }
        if (text[i] == '5') {
            return true;
        }
        i += size;
    }
    return is_found;
}

/* The first "<user@example.net>:" that begins a line, as qmail and its kin write it. */
static void find_named(struct range body, char out[REPORT_ADDRESS])
{
    size_t at = 0;
    while (at < body.length) {
        const char *line = body.bytes + at;
        const char *newline = memchr(line, '\n', body.length - at);
        size_t size = newline != NULL ? (size_t)(newline - line) : body.length - at;
        const char *close = size > 3 && line[0] == '<' ? memchr(line, '>', size) : NULL;
        if (close != NULL && close - line < REPORT_ADDRESS &&
            memchr(line, '@', (size_t)(close - line)) != NULL) {
            take_text(line + 1, (size_t)(close - line) - 1, out, REPORT_ADDRESS);
            return;
        }
        at += size + 1;
    }
}

struct head {
    bool is_from_system;
    char failed[REPORT_ADDRESS]; /* X-Failed-Recipients */
};

static void read_head(struct range whole, struct report *out, struct head *head)
{
    struct message_field field;
    size_t at = 0;
    size_t length = body_of(whole);
    char text[REPORT_TEXT];
    while (message_next_field(whole.bytes, length, &at, &field)) {
        if (message_field_is(&field, "Subject")) {
            take_field(&field, out->subject, sizeof out->subject);
        } else if (message_field_is(&field, "From")) {
            take_field(&field, text, sizeof text);
            head->is_from_system = has_text(text, "mailer-daemon") ||
                                   has_text(text, "postmaster") ||
                                   has_text(text, "mail delivery");
        } else if (message_field_is(&field, "X-Failed-Recipients")) {
            take_address(&field, head->failed);
        } else if (message_field_is(&field, "Auto-Submitted")) {
            take_field(&field, text, sizeof text);
            out->is_auto = out->is_auto || strcasecmp(text, "no") != 0;
        } else if (message_field_is(&field, "X-Autoreply") ||
                   message_field_is(&field, "X-Autorespond")) {
            out->is_auto = true;
        }
    }
}

static void read_loose(struct range whole, const struct head *head, bool is_from_null,
                       struct report *out)
{
    struct range body = body_range(whole);
    char reply[REPORT_TEXT];
    bool is_system = is_from_null || head->is_from_system || head->failed[0] != '\0';
    if (!is_system || !report_find_reply(body.bytes, body.length, reply)) {
        return;
    }
    struct report_rcpt *rcpt = add_rcpt(out);
    if (rcpt == NULL) {
        return;
    }
    out->kind = REPORT_BOUNCE;
    (void)snprintf(rcpt->action, sizeof rcpt->action, "%s",
                   reply[0] == '5' ? "failed" : "delayed");
    (void)snprintf(rcpt->diagnostic, sizeof rcpt->diagnostic, "%s", reply);
    (void)snprintf(rcpt->final, sizeof rcpt->final, "%s", head->failed);
    if (rcpt->final[0] == '\0') {
        find_named(body, rcpt->final);
    }
}

void report_read(const char *bytes, size_t length, bool is_from_null, struct report *out)
{
    struct range whole = {bytes, length < REPORT_BYTES ? length : REPORT_BYTES};
    struct head head = {.is_from_system = false};
    struct parts parts = {.count = 0};
    memset(out, 0, sizeof *out);
    read_head(whole, out, &head);
    parts.items[parts.count++] = whole;
    for (unsigned i = 0; i < parts.count; i++) {
        read_part(parts.items[i], &parts, out);
    }
    if (out->kind == REPORT_OTHER) {
        read_loose(whole, &head, is_from_null, out);
    }
}
