/* One transaction: what we send, and what each answer means for whom. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "relay/smtp/address.h"
#include "relay/smtp/params.h"
#include "relay/smtp/smtp_out_parts.h"

static bool is_yes(const struct reply *reply)
{
    return reply->code >= 200 && reply->code <= 299;
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

/* May this stand between < and >: no control bytes, and no space or bracket outside
 * quotes. What was accepted is so already; this is the last look before the wire. */
static bool is_address(const char *text)
{
    bool is_quoted = false;
    size_t length = strlen(text);

    if (length >= ADDRESS_BYTES) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
        if (is_quoted && byte == '\\' && i + 1 < length) {
            i++;
            if ((unsigned char)text[i] < 0x20) {
                return false;
            }
            continue;
        }
        is_quoted = byte == '"' ? !is_quoted : is_quoted;
        if (!is_quoted && (byte == ' ' || byte == '<' || byte == '>')) {
            return false;
        }
    }
    return !is_quoted;
}

/* May this be the value of a parameter? An absent one may not. */
static bool is_value(const char *text, size_t max)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte <= 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return length > 0 && length < max;
}

/* The form of an address that this server can take; NULL when there is none. */
static const char *usable(const struct smtp_out *engine, const char *text,
                          const char *ascii)
{
    if (is_ascii(text) || engine->peer.smtputf8) {
        return text;
    }
    return ascii[0] != '\0' && is_ascii(ascii) ? ascii : NULL;
}

static void refuse_all(struct smtp_out *engine, uint16_t code, const char *enhanced,
                       const char *text)
{
    struct reply reply;
    reply_parse_make(&reply, REPLY_STAGE_MAIL, REPLY_LOCAL, code, enhanced, text);
    smtp_out_tell(engine, &reply, SMTP_OUT_FATE_OPEN);
}

/* What this server cannot take at all. */
static bool refuses_mail(struct smtp_out *engine)
{
    const struct smtp_out_mail *mail = engine->mail;
    const struct ehlo *peer = &engine->peer;
    char text[160];

    if (peer->size_max_bytes > 0 && mail->size_bytes > peer->size_max_bytes) {
        (void)snprintf(text, sizeof text,
                       "the message has %llu bytes and the server takes at most %llu",
                       (unsigned long long)mail->size_bytes,
                       (unsigned long long)peer->size_max_bytes);
        refuse_all(engine, 552, "5.3.4", text);
    } else if (mail->is_utf8_header && !peer->smtputf8) {
        refuse_all(engine, 553, "5.6.7",
                   "the header needs SMTPUTF8 and the server does not offer it");
    } else if (mail->is_8bit && !peer->body_8bit) {
        refuse_all(engine, 554, "5.6.3",
                   "the message is 8-bit and the server does not offer 8BITMIME");
    } else if (!is_address(mail->sender) || !is_address(mail->ascii_sender)) {
        refuse_all(engine, 553, "5.1.7", "the sender's address cannot be sent");
    } else if (usable(engine, mail->sender, mail->ascii_sender) == NULL) {
        refuse_all(
            engine, 553, "5.6.7",
            "the sender's address needs SMTPUTF8 and the server does not offer it");
    } else {
        return false;
    }
    return true;
}

/* Set each recipient's fate; true when somebody is left to send to. */
static bool sort_recipients(struct smtp_out *engine)
{
    const struct smtp_out_mail *mail = engine->mail;
    bool is_any_open = false;

    engine->uses_utf8 = mail->is_utf8_header || !is_ascii(mail->sender);
    for (uint32_t i = 0; i < mail->rcpt_count; i++) {
        const struct smtp_out_rcpt *rcpt = &mail->rcpts[i];
        enum smtp_out_fate fate = SMTP_OUT_FATE_OPEN;
        if (rcpt->address[0] == '\0' || !is_address(rcpt->address) ||
            !is_address(rcpt->ascii_address)) {
            fate = SMTP_OUT_FATE_BAD;
        } else if (usable(engine, rcpt->address, rcpt->ascii_address) == NULL) {
            fate = SMTP_OUT_FATE_NO_UTF8;
        } else {
            is_any_open = true;
            engine->uses_utf8 = engine->uses_utf8 || !is_ascii(rcpt->address);
        }
        engine->fates[i] = (uint8_t)fate;
        engine->was_sent[i] = false;
    }
    engine->uses_utf8 = engine->uses_utf8 && engine->peer.smtputf8;
    return is_any_open;
}

void smtp_out_mail_start(struct smtp_out *engine)
{
    engine->mail_sent = false;
    engine->mail_refused = false;
    engine->data_sent = false;
    engine->is_released = false;
    engine->ends_in_crlf = false;
    engine->is_chunked = engine->mail->chunking && engine->peer.chunking;
    engine->is_last_sent = false;
    engine->chunk_out = false;
    engine->rcpt_next = 0;
    engine->rcpt_awaited = 0;
    engine->outstanding = 0;
    engine->rcpts_out = 0;
    engine->accepted = 0;
    bool is_any_open = sort_recipients(engine);
    if (!is_any_open || refuses_mail(engine)) {
        return; /* still IDLE: smtp_out_next tells the results, then READY */
    }
    engine->mail_count++;
    smtp_out_move(engine, SMTP_OUT_STATE_MAIL);
}

bool smtp_out_mail_refuse(struct smtp_out *engine)
{
    struct reply reply;
    unsigned found = 0;
    for (uint32_t i = 0; engine->mail != NULL && i < engine->mail->rcpt_count; i++) {
        found |= engine->fates[i];
    }
    if ((found & SMTP_OUT_FATE_BAD) != 0) {
        reply_parse_make(&reply, REPLY_STAGE_RCPT, REPLY_LOCAL, 553, "5.1.3",
                         "the recipient's address cannot be sent");
        smtp_out_tell(engine, &reply, SMTP_OUT_FATE_BAD);
        return true;
    }
    if ((found & SMTP_OUT_FATE_NO_UTF8) != 0) {
        reply_parse_make(
            &reply, REPLY_STAGE_RCPT, REPLY_LOCAL, 553, "5.6.7",
            "the recipient's address needs SMTPUTF8 and the server does not offer it");
        smtp_out_tell(engine, &reply, SMTP_OUT_FATE_NO_UTF8);
        return true;
    }
    return false;
}

static void send_mail(struct smtp_out *engine)
{
    const struct smtp_out_mail *mail = engine->mail;
    const struct ehlo *peer = &engine->peer;
    char size[32] = "";

    if (peer->size) {
        (void)snprintf(size, sizeof size, " SIZE=%llu",
                       (unsigned long long)mail->size_bytes);
    }
    smtp_out_send(engine, "MAIL FROM:<");
    smtp_out_send(engine, usable(engine, mail->sender, mail->ascii_sender));
    smtp_out_send(engine, ">");
    smtp_out_send(engine, size);
    smtp_out_send(engine, mail->is_8bit && peer->body_8bit ? " BODY=8BITMIME" : "");
    smtp_out_send(engine, engine->uses_utf8 ? " SMTPUTF8" : "");
    smtp_out_send(engine, mail->requiretls && peer->requiretls ? " REQUIRETLS" : "");
    if (peer->dsn && is_value(mail->ret, PARAMS_NOTIFY_BYTES)) {
        smtp_out_send(engine, " RET=");
        smtp_out_send(engine, mail->ret);
    }
    if (peer->dsn && is_value(mail->envid, PARAMS_ENVID_BYTES)) {
        smtp_out_send(engine, " ENVID=");
        smtp_out_send(engine, mail->envid);
    }
    smtp_out_send(engine, "\r\n");
}

static void send_rcpt(struct smtp_out *engine, const struct smtp_out_rcpt *rcpt)
{
    bool dsn = engine->peer.dsn;

    smtp_out_send(engine, "RCPT TO:<");
    smtp_out_send(engine, usable(engine, rcpt->address, rcpt->ascii_address));
    smtp_out_send(engine, ">");
    if (dsn && is_value(rcpt->notify, PARAMS_NOTIFY_BYTES)) {
        smtp_out_send(engine, " NOTIFY=");
        smtp_out_send(engine, rcpt->notify);
    }
    if (dsn && is_value(rcpt->orcpt, PARAMS_ORCPT_BYTES) &&
        (engine->uses_utf8 || is_ascii(rcpt->orcpt))) {
        smtp_out_send(engine, " ORCPT=");
        smtp_out_send(engine, rcpt->orcpt);
    }
    smtp_out_send(engine, "\r\n");
}

/* Skip recipients that were refused before they were sent. */
static uint32_t next_open(const struct smtp_out *engine)
{
    uint32_t i = engine->rcpt_next;
    while (i < engine->mail->rcpt_count && engine->fates[i] != SMTP_OUT_FATE_OPEN) {
        i++;
    }
    return i;
}

/* Is there a command that has to go out sooner or later, as far as is known now? */
static bool has_more(const struct smtp_out *engine)
{
    if (!engine->mail_sent) {
        return true;
    }
    if (engine->mail_refused) {
        return false;
    }
    if (next_open(engine) < engine->mail->rcpt_count) {
        return true;
    }
    if (engine->is_chunked) {
        return false; /* BDAT waits for every answer to RCPT: step sends it */
    }
    /* DATA is pointless once the last answer has come and nobody was accepted. */
    return !engine->data_sent && (engine->outstanding > 0 || engine->accepted > 0);
}

static void send_next(struct smtp_out *engine)
{
    if (!engine->mail_sent) {
        engine->mail_sent = true;
        send_mail(engine);
        return;
    }
    uint32_t rcpt = next_open(engine);
    if (rcpt < engine->mail->rcpt_count) {
        engine->rcpt_next = rcpt + 1;
        engine->was_sent[rcpt] = true;
        engine->rcpts_out++;
        send_rcpt(engine, &engine->mail->rcpts[rcpt]);
        return;
    }
    engine->data_sent = true;
    smtp_out_send(engine, "DATA\r\n");
}

void smtp_out_mail_produce(struct smtp_out *engine)
{
    while (has_more(engine)) {
        bool has_room =
            sizeof engine->output - engine->output_length >= SMTP_OUT_COMMAND_ROOM;
        bool may_group = engine->peer.pipelining || engine->outstanding == 0;
        if (!has_room || !may_group) {
            return;
        }
        send_next(engine);
        engine->outstanding++;
    }
}

static void reset(struct smtp_out *engine)
{
    smtp_out_send(engine, "RSET\r\n");
    smtp_out_move(engine, SMTP_OUT_STATE_RSET);
}

/* Whoever may not end the message yet says so with a chunk that is not the last one. */
static void begin_chunk(struct smtp_out *engine)
{
    char line[64];
    engine->is_last_sent = engine->is_released;
    engine->chunk_out = !engine->is_released;
    (void)snprintf(line, sizeof line, "BDAT %llu%s\r\n",
                   (unsigned long long)engine->mail->size_bytes,
                   engine->is_last_sent ? " LAST" : "");
    smtp_out_send(engine, line);
    engine->say_body = true;
    smtp_out_move(engine, SMTP_OUT_STATE_BODY);
}

/* After an answer to MAIL or RCPT: which one comes next? */
static void step(struct smtp_out *engine)
{
    smtp_out_mail_produce(engine);
    bool is_all = engine->outstanding == 0 && !has_more(engine);
    if (is_all && engine->is_chunked && engine->accepted > 0) {
        begin_chunk(engine);
    } else if (is_all) {
        reset(engine);
    } else if (engine->rcpts_out > 0 || !engine->data_sent) {
        smtp_out_move(engine, SMTP_OUT_STATE_RCPT);
    } else {
        smtp_out_move(engine, SMTP_OUT_STATE_DATA);
    }
}

static void take_mail(struct smtp_out *engine, const struct reply *reply)
{
    if (!is_yes(reply)) {
        engine->mail_refused = true;
        smtp_out_tell(engine, reply, SMTP_OUT_FATE_OPEN);
    }
    step(engine);
}

/* 552 to RCPT means "too many recipients" to old servers: temporary, and the truth is
 * kept in the text. */
static void soften(struct reply *reply)
{
    size_t length = strlen(reply->text);
    reply->code = 452;
    reply->enhanced[0] = reply->enhanced[0] == 5 ? 4 : reply->enhanced[0];
    (void)snprintf(reply->text + length, sizeof reply->text - length, " (said with 552)");
}

static void take_rcpt(struct smtp_out *engine, const struct reply *reply)
{
    uint32_t rcpt = engine->rcpt_awaited;
    while (!engine->was_sent[rcpt]) {
        rcpt++;
        assert(rcpt < engine->mail->rcpt_count);
    }
    engine->rcpt_awaited = rcpt + 1;
    engine->rcpts_out--;

    if (engine->fates[rcpt] != SMTP_OUT_FATE_OPEN) {
        /* MAIL was refused: its answer was this recipient's result. */
    } else if (is_yes(reply)) {
        engine->fates[rcpt] = SMTP_OUT_FATE_ACCEPTED;
        engine->accepted++;
    } else {
        struct reply softened = *reply;
        if (reply->code == 552) {
            soften(&softened);
        }
        engine->fates[rcpt] = SMTP_OUT_FATE_REFUSED;
        smtp_out_tell(engine, &softened, SMTP_OUT_FATE_REFUSED);
    }
    step(engine);
}

static void take_data(struct smtp_out *engine, const struct reply *reply)
{
    if (is_yes(reply)) {
        smtp_out_fail_strange(engine, reply, "the answer to DATA makes no sense");
    } else if (reply->code >= 400) {
        if (engine->accepted > 0) {
            smtp_out_tell(engine, reply, SMTP_OUT_FATE_ACCEPTED);
        }
        reset(engine);
    } else if (engine->accepted > 0) {
        engine->say_body = true;
        smtp_out_move(engine, SMTP_OUT_STATE_BODY);
    } else {
        smtp_out_send(engine, ".\r\n"); /* RFC 2920 3.1: an empty message to nobody */
        smtp_out_move(engine, SMTP_OUT_STATE_EMPTY_DOT);
    }
}

/* An answer while the message is still on its way, before its final dot. */
static void take_early(struct smtp_out *engine, const struct reply *reply)
{
    if (is_yes(reply) && engine->chunk_out && engine->state == SMTP_OUT_STATE_RELEASE) {
        engine->chunk_out = false; /* all of the chunk was sent: this is its answer */
    } else if (is_yes(reply)) {
        smtp_out_fail_strange(engine, reply,
                              "the server answered before it had the message");
    } else {
        smtp_out_fail(engine, reply);
    }
}

static const char *ending(const struct smtp_out *engine)
{
    if (engine->is_chunked) {
        return engine->is_last_sent ? "" : "BDAT 0 LAST\r\n";
    }
    return engine->ends_in_crlf ? ".\r\n" : "\r\n.\r\n";
}

void smtp_out_mail_end(struct smtp_out *engine)
{
    if (engine->is_released && !engine->chunk_out) {
        smtp_out_send(engine, ending(engine));
        smtp_out_move(engine, SMTP_OUT_STATE_DOT);
    } else {
        smtp_out_move(engine, SMTP_OUT_STATE_RELEASE);
    }
}

static void take_dot(struct smtp_out *engine, const struct reply *reply)
{
    smtp_out_tell(engine, reply, SMTP_OUT_FATE_ACCEPTED);
    if (is_yes(reply)) {
        smtp_out_move(engine, SMTP_OUT_STATE_IDLE);
    } else {
        reset(engine);
    }
}

/* An answer to one of the commands of a group. */
static void take_command(struct smtp_out *engine, const struct reply *reply)
{
    if (engine->outstanding == 0) {
        smtp_out_fail_strange(engine, reply, "an answer came that nothing asked for");
        return;
    }
    engine->outstanding--;
    if (engine->state == SMTP_OUT_STATE_MAIL) {
        take_mail(engine, reply);
    } else if (engine->state == SMTP_OUT_STATE_RCPT) {
        take_rcpt(engine, reply);
    } else {
        take_data(engine, reply);
    }
}

void smtp_out_mail_reply(struct smtp_out *engine, const struct reply *reply)
{
    if (engine->state == SMTP_OUT_STATE_DOT) {
        take_dot(engine, reply);
    } else if (engine->state == SMTP_OUT_STATE_EMPTY_DOT) {
        reset(engine);
    } else if (engine->state == SMTP_OUT_STATE_BODY ||
               engine->state == SMTP_OUT_STATE_RELEASE) {
        take_early(engine, reply);
    } else {
        take_command(engine, reply);
    }
}
