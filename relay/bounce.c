#include "relay/bounce.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/bounce_words.h"
#include "relay/maildate.h"
#include "relay/message.h"
#include "relay/smtp/params.h"
#include "relay/smtp/reply_parse.h"

#define BOUNDARY_BYTES 40
#define FOLD_COLUMN    900 /* well under the 998 of RFC 5322, and never above */

bool bounce_is_owed(const char *sender, unsigned notify, enum bounce_action action)
{
    if (sender[0] == '\0' || (notify & PARAMS_NOTIFY_NEVER) != 0) {
        return false;
    }
    switch (action) {
    case BOUNCE_FAILED:
    case BOUNCE_EXPIRED: return notify == 0 || (notify & PARAMS_NOTIFY_FAILURE) != 0;
    case BOUNCE_DELAYED: return notify == 0 || (notify & PARAMS_NOTIFY_DELAY) != 0;
    case BOUNCE_RELAYED:
    case BOUNCE_DELIVERED: return (notify & PARAMS_NOTIFY_SUCCESS) != 0;
    }
    return false;
}

static bool is_failure(enum bounce_action action)
{
    return action == BOUNCE_FAILED || action == BOUNCE_EXPIRED;
}

static bool contains(const char *bytes, size_t length, const char *text)
{
    return length > 0 && memmem(bytes, length, text, strlen(text)) != NULL;
}

/* A boundary that occurs nowhere in what is enclosed. */
static void make_boundary(const struct bounce_mail *mail, char out[BOUNDARY_BYTES])
{
    uint64_t seed = mail->boundary_seed;
    for (;;) {
        (void)snprintf(out, BOUNDARY_BYTES, "=_mesura_%016llx", (unsigned long long)seed);
        bool is_taken =
            contains(mail->original_header, mail->original_header_length, out);
        if (mail->original_body != NULL) {
            is_taken = is_taken ||
                       contains(mail->original_body, mail->original_body_length, out);
        }
        if (!is_taken) {
            return;
        }
        seed = seed * 6364136223846793005ULL + 1;
    }
}

/* Append text as a field's value: control bytes out, 8-bit only where it is allowed,
 * folded before a line gets too long. */
static void put_value(struct textbuf *out, size_t column, const char *text, bool utf8)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (column >= FOLD_COLUMN && (byte & 0xc0) != 0x80) {
            textbuf_text(out, "\r\n ");
            column = 1;
        }
        bool is_bad = byte < ' ' || byte == 0x7f || (byte >= 0x80 && !utf8);
        textbuf_append(out, is_bad ? "?" : text, 1);
        column++;
    }
}

static void put_field(struct textbuf *out, const char *name, const char *text, bool utf8)
{
    textbuf_text(out, name);
    textbuf_text(out, " ");
    put_value(out, strlen(name) + 1, text, utf8);
    textbuf_text(out, "\r\n");
}

static void put_date(struct textbuf *out, const char *name, int64_t unix_ms, int offset)
{
    char date[MAILDATE_BYTES];
    (void)maildate_format(unix_ms, offset, date);
    put_field(out, name, date, false);
}

/* The worst of what is reported. */
static enum bounce_action worst(const struct bounce_mail *mail)
{
    enum bounce_action action = mail->rcpts[0].action;
    for (size_t i = 1; i < mail->rcpt_count; i++) {
        action = mail->rcpts[i].action < action ? mail->rcpts[i].action : action;
    }
    return action;
}

static void put_header(const struct bounce_mail *mail, const char *boundary,
                       struct textbuf *out)
{
    textbuf_printf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n",
                   mail->hostname);
    textbuf_text(out, "To: <");
    put_value(out, 5, mail->sender, mail->is_utf8);
    textbuf_text(out, ">\r\n");
    textbuf_printf(out, "Subject: Your message %s\r\n", bounce_words_action(worst(mail)));
    put_date(out, "Date:", mail->unix_ms, mail->offset_minutes);
    textbuf_printf(out, "Message-ID: <%s>\r\n", mail->message_id);
    textbuf_printf(out,
                   "MIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
                   "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                   "\tboundary=\"%s\"\r\n",
                   boundary);
}

/* Find a field of the original; "" when it is not there or not plain ASCII. */
static void original_field(const struct bounce_mail *mail, const char *name, char *out,
                           size_t cap)
{
    struct message_field field;
    size_t at = 0;
    size_t written = 0;

    out[0] = '\0';
    while (message_next_field(mail->original_header, mail->original_header_length, &at,
                              &field)) {
        if (!message_field_is(&field, name)) {
            continue;
        }
        for (size_t i = 0; i < field.value_length && written + 1 < cap; i++) {
            unsigned char byte = (unsigned char)field.value[i];
            if (byte >= ' ' && byte < 0x7f && (byte != ' ' || written > 0)) {
                out[written++] = field.value[i];
            }
        }
        out[written] = '\0';
        return;
    }
}

static void put_text(const struct bounce_mail *mail, struct textbuf *out)
{
    char value[200];
    char date[MAILDATE_BYTES];

    textbuf_printf(out,
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: %s\r\n\r\n",
                   mail->is_utf8 ? "8bit" : "7bit");
    textbuf_printf(out, "This is the mail relay %s, about your message:\r\n\r\n",
                   mail->hostname);
    original_field(mail, "Subject", value, sizeof value);
    textbuf_printf(out, "  Subject:    %s\r\n", value);
    original_field(mail, "Message-ID", value, sizeof value);
    textbuf_printf(out, "  Message-ID: %s\r\n", value);
    (void)maildate_format(mail->arrival_unix_ms, mail->offset_minutes, date);
    textbuf_printf(out, "  Taken by us: %s, with the id %s\r\n\r\n", date,
                   mail->queue_id);
    for (size_t i = 0; i < mail->rcpt_count; i++) {
        bounce_words_rcpt(mail, &mail->rcpts[i], out);
    }
    textbuf_printf(out, "Questions? Write to <%s%s> and quote the id %s.\r\n",
                   mail->postmaster[0] == '\0' ? "postmaster@" : mail->postmaster,
                   mail->postmaster[0] == '\0' ? mail->hostname : "", mail->queue_id);
}

/* The status code of RFC 3463: the last answer's where it fits the action. */
static void put_status(const struct bounce_rcpt *rcpt, struct textbuf *out)
{
    const struct reply *reply = rcpt->reply;
    unsigned class_digit = 5;
    unsigned subject = 0;
    unsigned detail = 0;

    if (reply != NULL && reply->enhanced[0] != 0) {
        subject = reply->enhanced[1];
        detail = reply->enhanced[2];
    } else if (reply == NULL || reply->origin == REPLY_NETWORK) {
        subject = 4;
        detail = reply == NULL ? 7 : 1;
    }
    switch (rcpt->action) {
    case BOUNCE_FAILED: break;
    case BOUNCE_EXPIRED:
        if (reply != NULL && reply->enhanced[0] != 5 && reply->code < 500) {
            class_digit = 4; /* the last real status, which was temporary */
        }
        break;
    case BOUNCE_DELAYED: class_digit = 4; break;
    case BOUNCE_RELAYED:
    case BOUNCE_DELIVERED: class_digit = 2; break;
    }
    textbuf_printf(out, "Status: %u.%u.%u\r\n", class_digit, subject, detail);
}

static const char *action_name(enum bounce_action action)
{
    switch (action) {
    case BOUNCE_FAILED:
    case BOUNCE_EXPIRED: return "failed";
    case BOUNCE_DELAYED: return "delayed";
    case BOUNCE_RELAYED: return "relayed";
    case BOUNCE_DELIVERED: return "delivered";
    }
    return "";
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80) {
            return false;
        }
    }
    return true;
}

/* ORCPT is decoded once; its type stays. What is 8-bit after that stays xtext in a
 * notification that is not for UTF-8. */
static void put_original_recipient(const char *orcpt, bool utf8, struct textbuf *out)
{
    char decoded[PARAMS_ORCPT_BYTES];
    char value[2 * PARAMS_ORCPT_BYTES];
    const char *semicolon = strchr(orcpt, ';');

    if (semicolon == NULL) {
        return;
    }
    (void)params_xtext_decode(semicolon + 1, decoded, sizeof decoded);
    const char *address = utf8 || is_ascii(decoded) ? decoded : semicolon + 1;
    (void)snprintf(value, sizeof value, "%.*s; %s", (int)(semicolon - orcpt), orcpt,
                   address);
    put_field(out, "Original-Recipient:", value, utf8);
}

static void put_diagnostic(const struct reply *reply, bool utf8, struct textbuf *out)
{
    char answer[REPLY_TEXT_BYTES + 32];
    char value[REPLY_TEXT_BYTES + 48];

    (void)reply_parse_format(reply, answer, sizeof answer);
    if (answer[0] == '\0') {
        return;
    }
    (void)snprintf(value, sizeof value, "%s; %s",
                   reply->origin == REPLY_REMOTE ? "smtp" : "x-mesura", answer);
    put_field(out, "Diagnostic-Code:", value, utf8);
}

static void put_rcpt(const struct bounce_mail *mail, const struct bounce_rcpt *rcpt,
                     struct textbuf *out)
{
    bool utf8 = mail->is_utf8;
    char remote[300];

    textbuf_text(out, "\r\n");
    put_original_recipient(rcpt->orcpt, utf8, out);
    textbuf_text(out, is_ascii(rcpt->address) ? "Final-Recipient: rfc822; "
                                              : "Final-Recipient: utf-8; ");
    put_value(out, 25, rcpt->address, utf8);
    textbuf_printf(out, "\r\nAction: %s\r\n", action_name(rcpt->action));
    put_status(rcpt, out);
    if (rcpt->remote[0] != '\0') {
        (void)snprintf(remote, sizeof remote, "dns; %.*s",
                       (int)strcspn(rcpt->remote, " "), rcpt->remote);
        put_field(out, "Remote-MTA:", remote, utf8);
    }
    if (rcpt->reply != NULL) {
        put_diagnostic(rcpt->reply, utf8, out);
    }
    if (rcpt->last_attempt_unix_ms != 0) {
        put_date(out, "Last-Attempt-Date:", rcpt->last_attempt_unix_ms,
                 mail->offset_minutes);
    }
    if (rcpt->action == BOUNCE_DELAYED && rcpt->retry_until_unix_ms != 0) {
        put_date(out, "Will-Retry-Until:", rcpt->retry_until_unix_ms,
                 mail->offset_minutes);
    }
}

static void put_status_part(const struct bounce_mail *mail, struct textbuf *out)
{
    char envid[PARAMS_ENVID_BYTES];
    char host[300];

    textbuf_printf(out, "Content-Type: message/%sdelivery-status\r\n",
                   mail->is_utf8 ? "global-" : "");
    textbuf_printf(out, "%s\r\n",
                   mail->is_utf8 ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    (void)snprintf(host, sizeof host, "dns; %.255s", mail->hostname);
    put_field(out, "Reporting-MTA:", host, false);
    if (mail->envid[0] != '\0') {
        (void)params_xtext_decode(mail->envid, envid, sizeof envid);
        put_field(out, "Original-Envelope-Id:", is_ascii(envid) ? envid : mail->envid,
                  false);
    }
    put_date(out, "Arrival-Date:", mail->arrival_unix_ms, mail->offset_minutes);
    for (size_t i = 0; i < mail->rcpt_count; i++) {
        put_rcpt(mail, &mail->rcpts[i], out);
    }
}

/* The header block without its empty line, cut between two fields when it is long. */
static size_t header_length(const struct bounce_mail *mail)
{
    struct message_field field;
    size_t at = 0;
    size_t length = 0;
    while (message_next_field(mail->original_header, mail->original_header_length, &at,
                              &field) &&
           field.end <= BOUNCE_HEADER_BYTES) {
        length = field.end;
    }
    return length;
}

static bool is_8bit(const char *bytes, size_t length)
{
    unsigned all = 0;
    for (size_t i = 0; i < length; i++) {
        all |= (unsigned char)bytes[i];
    }
    return (all & 0x80) != 0;
}

static void put_original(const struct bounce_mail *mail, struct textbuf *out)
{
    bool is_full =
        mail->original_body != NULL && is_failure(worst(mail)) &&
        mail->original_header_length <= BOUNCE_FULL_BYTES &&
        mail->original_body_length <= BOUNCE_FULL_BYTES - mail->original_header_length;
    size_t header = is_full ? mail->original_header_length : header_length(mail);
    bool needs_8bit =
        is_8bit(mail->original_header, header) ||
        (is_full && is_8bit(mail->original_body, mail->original_body_length));
    const char *type = mail->is_utf8 ? "message/global-headers" : "text/rfc822-headers";
    if (is_full) {
        type = mail->is_utf8 ? "message/global" : "message/rfc822";
    }
    textbuf_printf(out, "Content-Type: %s\r\n", type);
    textbuf_printf(out, "%s\r\n",
                   needs_8bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
    textbuf_append(out, mail->original_header, header);
    if (is_full) {
        textbuf_append(out, mail->original_body, mail->original_body_length);
    }
}

/* Does anything in it need SMTPUTF8, whatever the caller thought? */
static bool needs_utf8(const struct bounce_mail *mail)
{
    bool is_plain = is_ascii(mail->sender);
    for (size_t i = 0; i < mail->rcpt_count; i++) {
        is_plain = is_plain && is_ascii(mail->rcpts[i].address);
    }
    return mail->is_utf8 || !is_plain;
}

static void put_body(const struct bounce_mail *mail, const char *boundary,
                     struct textbuf *out)
{
    textbuf_printf(out, "This is a delivery status notification.\r\n\r\n--%s\r\n",
                   boundary);
    put_text(mail, out);
    textbuf_printf(out, "\r\n--%s\r\n", boundary);
    put_status_part(mail, out);
    textbuf_printf(out, "\r\n--%s\r\n", boundary);
    put_original(mail, out);
    textbuf_printf(out, "\r\n--%s--\r\n", boundary);
}

void bounce_build(const struct bounce_mail *mail, struct textbuf *out_header,
                  struct textbuf *out_body, struct bounce_result *out_result)
{
    assert(mail->rcpt_count > 0);
    assert(mail->sender[0] != '\0');
    struct bounce_mail fixed = *mail;
    char boundary[BOUNDARY_BYTES];
    size_t start = out_body->length;

    fixed.is_utf8 = needs_utf8(mail);
    make_boundary(&fixed, boundary);
    put_header(&fixed, boundary, out_header);
    put_body(&fixed, boundary, out_body);
    out_result->is_utf8 = fixed.is_utf8;
    out_result->is_8bit =
        !out_body->failed && is_8bit(out_body->bytes + start, out_body->length - start);
    if (out_result->is_8bit) {
        textbuf_text(out_header, "Content-Transfer-Encoding: 8bit\r\n");
    }
    textbuf_text(out_header, "\r\n");
}
