/* What each verb means, and in which order they may come. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/smtp/smtp_in_parts.h"

static bool needs_greeting(struct smtp_in *engine)
{
    if (engine->helo[0] != '\0') {
        return false;
    }
    smtp_in_reply(engine, 503, "5.5.1 Send EHLO first");
    return true;
}

/* A command that moves no mail: a client may not send them for ever. */
static bool is_idling(struct smtp_in *engine)
{
    engine->idle_commands++;
    if (engine->options->idle_commands_max == 0 ||
        engine->idle_commands <= engine->options->idle_commands_max) {
        return false;
    }
    smtp_in_close(engine, 421, "4.7.0 Too many commands without a message, closing");
    return true;
}

static bool refuses_argument(struct smtp_in *engine, const struct command *command)
{
    if (!command->has_argument) {
        return false;
    }
    smtp_in_reply(engine, 501, "5.5.4 No argument allowed");
    return true;
}

/* Old machines name themselves in any code page: 8-bit bytes are kept out, not refused.
 */
static bool take_helo(struct smtp_in *engine, const struct command *command)
{
    size_t length = command->argument_length;
    if (length == 0 || length > LIMIT_DOMAIN) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)command->argument[i];
        if (byte <= 0x20 || byte == 0x7f) {
            return false;
        }
    }
    for (size_t i = 0; i < length; i++) {
        engine->helo[i] = command->argument[i];
        if ((unsigned char)engine->helo[i] >= 0x80) {
            engine->helo[i] = '?';
        }
    }
    engine->helo[length] = '\0';
    return true;
}

static void offer(struct smtp_in *engine, bool is_offered, bool is_last, const char *text)
{
    char line[LIMIT_REPLY_LINE];
    if (is_offered) {
        (void)snprintf(line, sizeof line, "250%c%s\r\n", is_last ? ' ' : '-', text);
        smtp_in_raw(engine, line);
    }
}

static void answer_ehlo(struct smtp_in *engine)
{
    const struct smtp_in_options *options = engine->options;
    bool auth = options->offer_auth && (engine->is_tls || options->auth_in_clear);
    char size[64];
    char limits[64];
    char name[LIMIT_DOMAIN + 1];

    (void)snprintf(name, sizeof name, "%s", options->hostname);
    (void)snprintf(size, sizeof size, "SIZE %llu",
                   (unsigned long long)options->size_max_bytes);
    (void)snprintf(limits, sizeof limits, "LIMITS RCPTMAX=%u", options->rcpt_max);
    offer(engine, true, false, name);
    offer(engine, true, false, "PIPELINING");
    offer(engine, true, false, size);
    offer(engine, options->offer_starttls && !engine->is_tls, false, "STARTTLS");
    offer(engine, auth, false, "AUTH PLAIN LOGIN");
    offer(engine, true, false, "ENHANCEDSTATUSCODES");
    offer(engine, true, false, "8BITMIME");
    offer(engine, options->offer_smtputf8, false, "SMTPUTF8");
    offer(engine, options->offer_dsn, false, "DSN");
    offer(engine, options->offer_priority, false, "MT-PRIORITY");
    offer(engine, options->offer_chunking, false, "CHUNKING");
    offer(engine, options->rcpt_max <= 999999, false, limits);
    offer(engine, true, true, "HELP");
}

static void do_helo(struct smtp_in *engine, const struct command *command)
{
    if (is_idling(engine)) {
        return;
    }
    if (!take_helo(engine, command)) {
        smtp_in_reply(engine, 501, "5.5.4 Say your name: EHLO host.example");
        return;
    }
    engine->is_esmtp = command->verb == COMMAND_EHLO;
    if (engine->is_esmtp) {
        answer_ehlo(engine);
    } else {
        smtp_in_reply(engine, 250, engine->options->hostname);
    }
    smtp_in_txn_reset(engine, SMTP_IN_END_RESET);
}

static void refuse_params(struct smtp_in *engine, enum params_error error)
{
    if (error == PARAMS_UNKNOWN) {
        smtp_in_reply(engine, 555, "5.5.4 Parameter not known");
    } else if (error == PARAMS_NEED_UTF8) {
        smtp_in_reply(engine, 553, "5.6.7 UTF-8 needs the parameter SMTPUTF8 of MAIL");
    } else {
        smtp_in_reply(engine, 501, "5.5.4 Parameter not understood");
    }
}

static void refuse_address(struct smtp_in *engine, enum address_error error,
                           bool is_sender)
{
    switch (error) {
    case ADDRESS_NEEDS_UTF8:
        smtp_in_reply(engine, 553, "5.6.7 UTF-8 needs the parameter SMTPUTF8 of MAIL");
        return;
    case ADDRESS_LOCAL_LONG:
        smtp_in_reply(engine, 501, "5.1.3 Local part above 64 bytes");
        return;
    case ADDRESS_DOMAIN_LONG:
        smtp_in_reply(engine, 501, "5.1.3 Domain above 255 bytes");
        return;
    case ADDRESS_DOMAIN_SYNTAX:
        smtp_in_reply(engine, 501,
                      is_sender ? "5.1.8 Bad domain in the sender" : "5.1.2 Bad domain");
        return;
    case ADDRESS_SYNTAX:
    case ADDRESS_OK:
        smtp_in_reply(engine, 501,
                      is_sender ? "5.1.7 Bad sender address" : "5.1.3 Bad address");
        return;
    }
}

/* A word of the parameters that is exactly SMTPUTF8: it decides how the path before it is
 * read, so it is looked for first. */
static bool has_utf8_word(const char *bytes, size_t length)
{
    for (size_t i = 0; i + 9 <= length; i++) {
        bool is_end = i + 9 == length || bytes[i + 9] == ' ';
        if (is_end && bytes[i] == ' ' && strncasecmp(bytes + i + 1, "SMTPUTF8", 8) == 0) {
            return true;
        }
    }
    return false;
}

static bool may_mail(struct smtp_in *engine)
{
    const struct smtp_in_options *options = engine->options;
    if (needs_greeting(engine)) {
        return false;
    }
    if (engine->txn.is_open) {
        smtp_in_reply(engine, 503, "5.5.1 A transaction is already open");
    } else if (options->require_tls && !engine->is_tls) {
        smtp_in_reply(engine, 530, "5.7.0 Issue STARTTLS first");
    } else if (options->require_auth && !engine->is_authenticated) {
        smtp_in_reply(engine, 530, "5.7.0 Authentication required");
    } else if (options->mail_max > 0 && engine->mails >= options->mail_max) {
        smtp_in_close(engine, 421, "4.7.0 Too many messages in this session, closing");
    } else {
        return true;
    }
    return false;
}

static void do_mail(struct smtp_in *engine, const struct command *command)
{
    const struct smtp_in_options *options = engine->options;
    const struct params_offer offered = {.size = true,
                                         .body_8bit = true,
                                         .smtputf8 = options->offer_smtputf8,
                                         .auth = options->offer_auth,
                                         .dsn = options->offer_dsn,
                                         .priority = options->offer_priority};
    struct address sender;
    struct mail_params params;
    const char *path = NULL;
    size_t length = 0;
    size_t used = 0;

    if (!may_mail(engine)) {
        return;
    }
    if (!command_path(command, &path, &length)) {
        smtp_in_reply(engine, 501, "5.5.4 Use MAIL FROM:<address>");
        return;
    }
    bool utf8 = options->offer_smtputf8 && has_utf8_word(path, length);
    enum address_error error = address_parse_path(path, length, utf8, &sender, &used);
    if (error != ADDRESS_OK) {
        refuse_address(engine, error, true);
        return;
    }
    if (used < length && path[used] != ' ') {
        smtp_in_reply(engine, 501, "5.5.4 A space is missing behind the address");
        return;
    }
    enum params_error bad =
        params_parse_mail(path + used, length - used, &offered, &params);
    if (bad != PARAMS_OK) {
        refuse_params(engine, bad);
        return;
    }
    if (options->size_max_bytes > 0 && params.size_bytes > options->size_max_bytes) {
        smtp_in_reply(engine, 552, "5.3.4 Message too big");
        return;
    }
    engine->txn.smtputf8 = params.smtputf8;
    smtp_in_ask(engine, SMTP_IN_ASK_MAIL);
    engine->ops->on_mail(engine->owner, &sender, &params);
    smtp_in_asked(engine);
}

static bool may_rcpt(struct smtp_in *engine)
{
    if (needs_greeting(engine)) {
        return false;
    }
    if (!engine->txn.is_open || engine->txn.is_chunked) {
        smtp_in_reply(engine, 503,
                      engine->txn.is_open ? "5.5.1 Content has begun"
                                          : "5.5.1 Send MAIL first");
        return false;
    }
    if (engine->txn.rcpts >= engine->options->rcpt_max) {
        smtp_in_reply(engine, 452, "4.5.3 Too many recipients in one transaction");
        return false;
    }
    return true;
}

static void do_rcpt(struct smtp_in *engine, const struct command *command)
{
    const struct params_offer offered = {.dsn = engine->options->offer_dsn};
    struct address recipient;
    struct rcpt_params params;
    const char *path = NULL;
    size_t length = 0;
    size_t used = 0;

    if (!may_rcpt(engine)) {
        return;
    }
    if (!command_path(command, &path, &length)) {
        smtp_in_reply(engine, 501, "5.5.4 Use RCPT TO:<address>");
        return;
    }
    bool utf8 = engine->txn.smtputf8;
    enum address_error error = address_parse_path(path, length, utf8, &recipient, &used);
    if (error == ADDRESS_OK && address_is_null(&recipient)) {
        error = ADDRESS_SYNTAX;
    }
    if (error != ADDRESS_OK) {
        refuse_address(engine, error, false);
        return;
    }
    if (used < length && path[used] != ' ') {
        smtp_in_reply(engine, 501, "5.5.4 A space is missing behind the address");
        return;
    }
    enum params_error bad =
        params_parse_rcpt(path + used, length - used, &offered, utf8, &params);
    if (bad != PARAMS_OK) {
        refuse_params(engine, bad);
        return;
    }
    smtp_in_ask(engine, SMTP_IN_ASK_RCPT);
    engine->ops->on_rcpt(engine->owner, &recipient, &params);
    smtp_in_asked(engine);
}

static void do_data(struct smtp_in *engine, const struct command *command)
{
    if (refuses_argument(engine, command)) {
        return;
    }
    if (!engine->txn.is_open) {
        smtp_in_reply(engine, 503, "5.5.1 Send MAIL first");
    } else if (engine->txn.is_chunked) {
        smtp_in_reply(engine, 503, "5.5.1 BDAT has begun");
    } else if (engine->txn.rcpts == 0) {
        smtp_in_reply(engine, 554, "5.5.1 No valid recipients");
    } else {
        smtp_in_ask(engine, SMTP_IN_ASK_DATA);
        engine->ops->on_data(engine->owner);
        smtp_in_asked(engine);
    }
}

static void do_starttls(struct smtp_in *engine, const struct command *command, bool more)
{
    if (!engine->options->offer_starttls) {
        smtp_in_reply(engine, 502, "5.5.1 STARTTLS is not offered");
    } else if (engine->is_tls || engine->txn.is_open) {
        smtp_in_reply(engine, 503,
                      engine->is_tls ? "5.5.1 TLS is already on"
                                     : "5.5.1 Not within a transaction");
    } else if (more) {
        /* Somebody put words into this client's mouth (CVE-2011-0411). */
        smtp_in_close(engine, 554, "5.5.0 Bytes followed STARTTLS, closing");
    } else if (!refuses_argument(engine, command)) {
        smtp_in_reply(engine, 220, "2.0.0 Ready to start TLS");
        smtp_in_move(engine, SMTP_IN_STATE_TLS);
        engine->ops->on_starttls(engine->owner);
    }
}

static void do_small(struct smtp_in *engine, const struct command *command)
{
    if (is_idling(engine)) {
        return;
    }
    if (command->verb == COMMAND_NOOP) {
        smtp_in_reply(engine, 250, "2.0.0 OK");
    } else if (command->verb == COMMAND_HELP) {
        smtp_in_reply(engine, 214, "2.0.0 A mail relay; see RFC 5321");
    } else if (!command->has_argument) {
        smtp_in_reply(engine, 501, "5.5.4 VRFY needs an address");
    } else {
        smtp_in_reply(engine, 252, "2.1.5 Not verified here; send the message");
    }
}

static void do_rset(struct smtp_in *engine, const struct command *command)
{
    if (!refuses_argument(engine, command) && !is_idling(engine)) {
        smtp_in_reply(engine, 250, "2.0.0 Reset");
        smtp_in_txn_reset(engine, SMTP_IN_END_RESET);
    }
}

static bool refuses_line(struct smtp_in *engine)
{
    const struct line *line = &engine->line;
    if (line->is_overlong) {
        smtp_in_reply(engine, 500, "5.5.2 Line too long");
        return true;
    }
    for (size_t i = 0; i < line->length; i++) {
        unsigned char byte = (unsigned char)line->bytes[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            smtp_in_reply(engine, 500, "5.5.2 Control character in a command");
            return true;
        }
    }
    return false;
}

void smtp_in_command(struct smtp_in *engine, bool more)
{
    struct command command;

    if (refuses_line(engine)) {
        return;
    }
    command_parse(engine->line.bytes, engine->line.length, &command);
    switch (command.verb) {
    case COMMAND_HELO:
    case COMMAND_EHLO: do_helo(engine, &command); return;
    case COMMAND_MAIL: do_mail(engine, &command); return;
    case COMMAND_RCPT: do_rcpt(engine, &command); return;
    case COMMAND_DATA: do_data(engine, &command); return;
    case COMMAND_BDAT: smtp_in_chunk(engine, &command); return;
    case COMMAND_RSET: do_rset(engine, &command); return;
    case COMMAND_NOOP:
    case COMMAND_HELP:
    case COMMAND_VRFY: do_small(engine, &command); return;
    case COMMAND_QUIT: smtp_in_close(engine, 221, "2.0.0 Bye"); return;
    case COMMAND_STARTTLS: do_starttls(engine, &command, more); return;
    case COMMAND_AUTH: smtp_in_auth(engine, &command); return;
    case COMMAND_EXPN: smtp_in_reply(engine, 502, "5.5.1 EXPN is not offered"); return;
    case COMMAND_FOREIGN:
        smtp_in_close(engine, 554, "5.5.1 This is a mail server, closing");
        return;
    case COMMAND_UNKNOWN: smtp_in_reply(engine, 500, "5.5.2 Command not known"); return;
    }
}
