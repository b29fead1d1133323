#include "relay/bounce_words.h"

#include <stdio.h>
#include <string.h>

#include "relay/maildate.h"
#include "relay/smtp/reply_parse.h"

#define COLUMNS 72

const char *bounce_words_action(enum bounce_action action)
{
    switch (action) {
    case BOUNCE_FAILED: return "could not be delivered";
    case BOUNCE_EXPIRED: return "could not be delivered in time";
    case BOUNCE_DELAYED: return "is delayed";
    case BOUNCE_RELAYED: return "was handed on";
    case BOUNCE_DELIVERED: return "was delivered";
    }
    return "";
}

const char *bounce_words_stage(enum reply_stage stage)
{
    switch (stage) {
    case REPLY_STAGE_DNS: return "while looking up where the domain takes its mail";
    case REPLY_STAGE_CONNECT: return "while connecting";
    case REPLY_STAGE_GREETING: return "in its greeting";
    case REPLY_STAGE_EHLO: return "in answer to our name (EHLO)";
    case REPLY_STAGE_STARTTLS: return "while encryption was being set up (STARTTLS)";
    case REPLY_STAGE_AUTH: return "in answer to our password (AUTH)";
    case REPLY_STAGE_MAIL: return "in answer to the sender's address (MAIL)";
    case REPLY_STAGE_RCPT: return "in answer to the recipient's address (RCPT)";
    case REPLY_STAGE_DATA: return "when asked to take the message (DATA)";
    case REPLY_STAGE_BODY: return "while the message was being sent";
    case REPLY_STAGE_DOT: return "after it had the whole message";
    case REPLY_STAGE_QUIT: return "at the end of the session";
    }
    return "";
}

/* Advice by the subject and detail of an enhanced code; detail 0 matches any. */
struct advice {
    uint16_t subject;
    uint16_t detail;
    const char *text;
};

static const struct advice advices[] = {
    {1, 1, "The mailbox does not exist there. Check the spelling of the address."},
    {1, 2, "The domain does not take mail. Check the spelling behind the @."},
    {1, 3, "The address is not well formed. Check its spelling."},
    {1, 6, "The recipient has moved. Ask for the new address."},
    {1, 8, "The sender's domain was not accepted. Check the address you send from."},
    {1, 10,
     "The domain says that it takes no mail at all. Check the spelling behind the @."},
    {2, 1, "The mailbox is disabled or not receiving. Ask the recipient by other means."},
    {2, 2, "The mailbox is full. Ask the recipient to make room, then send it again."},
    {2, 3, "The message is too big for this mailbox. Send it smaller, or as a link."},
    {3, 4, "The message is too big for that server. Send it smaller, or as a link."},
    {4, 6,
     "Mail for this address goes in a circle. The recipient's administrator must "
     "correct the domain's mail servers."},
    {6, 0,
     "That server cannot take a message of this form. Sending it as plain text, or "
     "without the unusual characters, may help."},
    {7, 0,
     "That server refused by its policy or because of a reputation: of the sending "
     "address, the sender's domain or the content. This is for whoever runs this "
     "relay: please forward this report to the postmaster named below."},
};

static const char *advice_for_code(const struct reply *reply)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++) {
        const struct advice *advice = &advices[i];
        if (advice->subject == reply->enhanced[1] &&
            (advice->detail == 0 || advice->detail == reply->enhanced[2])) {
            return advice->text;
        }
    }
    return NULL;
}

const char *bounce_words_advice(const struct reply *reply, enum bounce_action action)
{
    if (action == BOUNCE_DELAYED) {
        return "You need not do anything: we keep trying, and tell you if it fails.";
    }
    if (action == BOUNCE_RELAYED) {
        return "From here on that server is responsible; it does not report on delivery.";
    }
    if (action == BOUNCE_DELIVERED) {
        return "You need not do anything.";
    }
    if (reply == NULL) {
        return "It was held here until its time was over, by a limit or a stop of this "
               "relay. "
               "Ask the postmaster named below.";
    }
    if (reply->stage == REPLY_STAGE_DOT && reply->origin == REPLY_NETWORK) {
        return "The answer to the message itself was lost, so it may have arrived all "
               "the "
               "same. Ask the recipient before you send it again.";
    }
    const char *by_code = advice_for_code(reply);
    if (by_code != NULL) {
        return by_code;
    }
    switch (reply->origin) {
    case REPLY_NETWORK:
        return "That server could not be reached. If it is up again, send the message "
               "again.";
    case REPLY_DNS_FAILURE:
        return "The domain's mail server could not be found. Check the spelling behind "
               "the @.";
    case REPLY_MALFORMED:
        return "That server did not speak proper SMTP. Its administrator must look at "
               "it.";
    case REPLY_LOCAL:
        return "This was a decision of this relay. Ask the postmaster named below.";
    case REPLY_REMOTE: break;
    }
    return "If the answer above does not explain it, ask the recipient's administrator "
           "and "
           "quote it.";
}

void bounce_words_wrap(struct textbuf *out, unsigned indent, const char *text)
{
    size_t length = strlen(text);
    size_t at = 0;
    while (at < length) {
        size_t room = COLUMNS - indent;
        size_t part = length - at;
        if (part > room) {
            part = room;
            while (part > 0 && text[at + part] != ' ') {
                part--;
            }
            part = part == 0 ? room : part; /* one long word: cut it */
        }
        textbuf_printf(out, "%*s", (int)indent, "");
        for (size_t i = 0; i < part; i++) {
            unsigned char byte = (unsigned char)text[at + i];
            textbuf_append(out, byte < ' ' || byte >= 0x7f ? "?" : text + at + i, 1);
        }
        textbuf_text(out, "\r\n");
        at += part;
        while (at < length && text[at] == ' ') {
            at++;
        }
    }
}

/* Who said what, or what happened. */
static void put_cause(const struct bounce_rcpt *rcpt, struct textbuf *out)
{
    const struct reply *reply = rcpt->reply;
    char line[REPLY_TEXT_BYTES + 256];

    if (reply == NULL) {
        bounce_words_wrap(out, 4, "No server has been tried yet.");
        return;
    }
    char answer[REPLY_TEXT_BYTES + 32];
    (void)reply_parse_format(reply, answer, sizeof answer);
    const char *remote = rcpt->remote[0] == '\0' ? "the server" : rcpt->remote;
    if (reply->origin == REPLY_REMOTE) {
        (void)snprintf(line, sizeof line, "%.200s said %s:", remote,
                       bounce_words_stage(reply->stage));
    } else {
        (void)snprintf(line, sizeof line, "What happened with %.200s, %s:", remote,
                       bounce_words_stage(reply->stage));
    }
    bounce_words_wrap(out, 4, line);
    bounce_words_wrap(out, 6, answer);
}

void bounce_words_rcpt(const struct bounce_mail *mail, const struct bounce_rcpt *rcpt,
                       struct textbuf *out)
{
    char date[MAILDATE_BYTES];
    textbuf_printf(out, "  <%s>  %s\r\n", rcpt->address,
                   bounce_words_action(rcpt->action));
    put_cause(rcpt, out);
    if (rcpt->attempts > 0 && rcpt->last_attempt_unix_ms != 0) {
        (void)maildate_format(rcpt->last_attempt_unix_ms, mail->offset_minutes, date);
        textbuf_printf(out, "    Attempts: %u, the last one %s\r\n", rcpt->attempts,
                       date);
    }
    if (rcpt->action == BOUNCE_DELAYED && rcpt->retry_until_unix_ms != 0) {
        (void)maildate_format(rcpt->retry_until_unix_ms, mail->offset_minutes, date);
        textbuf_printf(out, "    We try until %s\r\n", date);
    }
    bounce_words_wrap(out, 4, bounce_words_advice(rcpt->reply, rcpt->action));
    textbuf_text(out, "\r\n");
}
