/* AUTH PLAIN and LOGIN (RFC 4954, RFC 4616): from base64 to one question. Secrets live in
 * the line buffer and are wiped when the owner was asked. */

#include <string.h>
#include <strings.h>

#include "relay/smtp/base64.h"
#include "relay/smtp/smtp_in_parts.h"

static void wipe(struct smtp_in *engine)
{
    explicit_bzero(engine->line_bytes, sizeof engine->line_bytes);
    explicit_bzero(engine->user, sizeof engine->user);
}

static void give_up(struct smtp_in *engine, unsigned code, const char *text)
{
    wipe(engine);
    smtp_in_move(engine, SMTP_IN_STATE_COMMAND);
    smtp_in_reply(engine, code, text);
}

static void ask(struct smtp_in *engine, const char *user, const char *password)
{
    smtp_in_ask(engine, SMTP_IN_ASK_AUTH);
    engine->ops->on_auth(engine->owner, user, password);
    wipe(engine);
    smtp_in_asked(engine);
}

/* Decode in place; the result is NUL-terminated (base64 is longer than what it says). A
 * lone "=" is the empty string. */
static bool decode(char *text, size_t length, size_t *out_length)
{
    if (length == 1 && text[0] == '=') {
        length = 0;
    }
    if (!base64_decode(text, length, text, length, out_length)) {
        return false;
    }
    text[*out_length] = '\0';
    return true;
}

static bool has_nul(const char *text, size_t length)
{
    return memchr(text, '\0', length) != NULL;
}

/* authzid NUL user NUL password. Acting for somebody else is not offered. */
static void take_plain(struct smtp_in *engine, char *text, size_t length)
{
    size_t total = 0;
    if (!decode(text, length, &total)) {
        give_up(engine, 501, "5.5.2 Not base64");
        return;
    }
    const char *end = text + total;
    const char *user = memchr(text, '\0', total);
    const char *password = NULL;
    if (user != NULL) {
        user++;
        password = memchr(user, '\0', (size_t)(end - user));
    }
    if (password == NULL) {
        give_up(engine, 501, "5.5.2 Credentials not understood");
        return;
    }
    password++;
    if (has_nul(password, (size_t)(end - password)) || user[0] == '\0') {
        give_up(engine, 501, "5.5.2 Credentials not understood");
        return;
    }
    if (text[0] != '\0' && strcmp(text, user) != 0) {
        give_up(engine, 535, "5.7.8 Acting for another user is not allowed");
        return;
    }
    ask(engine, user, password);
}

static void take_user(struct smtp_in *engine, char *text, size_t length)
{
    size_t total = 0;
    if (!decode(text, length, &total) || has_nul(text, total)) {
        give_up(engine, 501, "5.5.2 Not base64");
        return;
    }
    if (total == 0 || total >= sizeof engine->user) {
        give_up(engine, 501, "5.5.2 Credentials not understood");
        return;
    }
    memcpy(engine->user, text, total + 1);
    smtp_in_move(engine, SMTP_IN_STATE_AUTH_PASSWORD);
    smtp_in_raw(engine, "334 UGFzc3dvcmQ6\r\n"); /* "Password:" */
}

static void take_password(struct smtp_in *engine, char *text, size_t length)
{
    size_t total = 0;
    if (!decode(text, length, &total) || has_nul(text, total)) {
        give_up(engine, 501, "5.5.2 Not base64");
        return;
    }
    ask(engine, engine->user, text);
}

void smtp_in_auth_line(struct smtp_in *engine)
{
    struct line *line = &engine->line;
    if (line->is_overlong) {
        give_up(engine, 500, "5.5.6 Authentication line too long");
        return;
    }
    if (line->length == 1 && line->bytes[0] == '*') {
        give_up(engine, 501, "5.7.0 Authentication cancelled");
        return;
    }
    if (engine->state == SMTP_IN_STATE_AUTH_PLAIN) {
        take_plain(engine, line->bytes, line->length);
    } else if (engine->state == SMTP_IN_STATE_AUTH_USER) {
        take_user(engine, line->bytes, line->length);
    } else {
        take_password(engine, line->bytes, line->length);
    }
}

static bool is_allowed(struct smtp_in *engine)
{
    if (!engine->options->offer_auth) {
        smtp_in_reply(engine, 502, "5.5.1 AUTH is not offered");
    } else if (!engine->is_tls && !engine->options->auth_in_clear) {
        smtp_in_reply(engine, 538, "5.7.11 Encryption required for authentication");
    } else if (engine->is_authenticated || engine->txn.is_open) {
        smtp_in_reply(engine, 503, "5.5.1 AUTH is not allowed now");
    } else if (!engine->is_esmtp) {
        smtp_in_reply(engine, 503, "5.5.1 Send EHLO first");
    } else {
        return true;
    }
    return false;
}

void smtp_in_auth(struct smtp_in *engine, const struct command *command)
{
    if (!is_allowed(engine)) {
        wipe(engine);
        return;
    }
    const char *space = memchr(command->argument, ' ', command->argument_length);
    size_t mechanism =
        space == NULL ? command->argument_length : (size_t)(space - command->argument);
    bool is_plain = mechanism == 5 && strncasecmp(command->argument, "PLAIN", 5) == 0;
    bool is_login = mechanism == 5 && strncasecmp(command->argument, "LOGIN", 5) == 0;
    if (!is_plain && !is_login) {
        smtp_in_reply(engine, command->has_argument ? 504 : 501,
                      "5.5.4 Use AUTH PLAIN or AUTH LOGIN");
        return;
    }
    /* The argument is a range of our own line, which may be written to. */
    char *initial = NULL;
    size_t length = 0;
    if (space != NULL) {
        size_t start = (size_t)(command->argument - engine->line_bytes) + mechanism;
        while (engine->line_bytes[start] == ' ') {
            start++;
        }
        initial = engine->line_bytes + start;
        length = (size_t)(command->argument + command->argument_length - initial);
    }
    smtp_in_move(engine, is_plain ? SMTP_IN_STATE_AUTH_PLAIN : SMTP_IN_STATE_AUTH_USER);
    if (initial == NULL) {
        smtp_in_raw(engine, is_plain ? "334 \r\n" : "334 VXNlcm5hbWU6\r\n");
    } else if (is_plain) {
        take_plain(engine, initial, length);
    } else {
        take_user(engine, initial, length);
    }
}
