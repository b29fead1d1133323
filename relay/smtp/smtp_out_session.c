/* The session around the transactions: greeting, EHLO or HELO, STARTTLS, AUTH, QUIT. */

#include <stdio.h>
#include <string.h>

#include "relay/smtp/base64.h"
#include "relay/smtp/smtp_out_parts.h"

/* A user name or a password above this is not one. */
#define SECRET_BYTES 256

static bool is_yes(const struct reply *reply)
{
    return reply->code >= 200 && reply->code <= 299;
}

static void say_hello(struct smtp_out *engine, const char *verb,
                      enum smtp_out_state state)
{
    char line[LIMIT_REPLY_LINE];
    memset(&engine->peer, 0, sizeof engine->peer);
    (void)snprintf(line, sizeof line, "%s %.255s\r\n", verb, engine->options->helo);
    smtp_out_send(engine, line);
    smtp_out_move(engine, state);
}

void smtp_out_session_ehlo(struct smtp_out *engine)
{
    say_hello(engine, "EHLO", SMTP_OUT_STATE_EHLO);
}

void smtp_out_session_end(struct smtp_out *engine)
{
    engine->output_length = 0;
    smtp_out_move(engine, SMTP_OUT_STATE_CLOSED);
}

/* Write one base64 line; secrets do not stay on the stack. */
static void send_secret(struct smtp_out *engine, const char *prefix, const char *bytes,
                        size_t length)
{
    char text[BASE64_LENGTH(2 * SECRET_BYTES + 2) + 1];
    (void)base64_encode(bytes, length, text, sizeof text);
    smtp_out_send(engine, prefix);
    smtp_out_send(engine, text);
    smtp_out_send(engine, "\r\n");
    explicit_bzero(text, sizeof text);
}

/* The initial response that Google and Microsoft have agreed on. */
static void auth_xoauth2(struct smtp_out *engine)
{
    const struct smtp_out_options *options = engine->options;
    char both[SECRET_BYTES + SMTP_OUT_TOKEN_BYTES + 32];
    int length = snprintf(both, sizeof both, "user=%s\001auth=Bearer %s\001\001",
                          options->user, options->password);
    char text[BASE64_LENGTH(sizeof both) + 1];
    (void)base64_encode(both, (size_t)length, text, sizeof text);
    smtp_out_send(engine, "AUTH XOAUTH2 ");
    smtp_out_send(engine, text);
    smtp_out_send(engine, "\r\n");
    explicit_bzero(text, sizeof text);
    explicit_bzero(both, sizeof both);
}

static void auth_plain(struct smtp_out *engine)
{
    const struct smtp_out_options *options = engine->options;
    size_t user = strlen(options->user);
    size_t password = strlen(options->password);
    char both[2 * SECRET_BYTES + 2];

    both[0] = '\0';
    memcpy(both + 1, options->user, user + 1);
    memcpy(both + user + 2, options->password, password);
    send_secret(engine, "AUTH PLAIN ", both, user + password + 2);
    explicit_bzero(both, sizeof both);
}

/* Which mechanism it will be; what is asked for and not offered is a problem. */
static enum smtp_out_auth choose_auth(const struct smtp_out *engine,
                                      const char **out_problem)
{
    const struct ehlo *peer = &engine->peer;
    enum smtp_out_auth auth = engine->options->auth;
    const char *problem = NULL;
    switch (auth) {
    case SMTP_OUT_AUTH_PASSWORD:
        auth = peer->auth_plain ? SMTP_OUT_AUTH_PLAIN : SMTP_OUT_AUTH_LOGIN;
        if (!peer->auth_plain && !peer->auth_login) {
            problem = "the server offers neither AUTH PLAIN nor AUTH LOGIN";
        }
        break;
    case SMTP_OUT_AUTH_PLAIN:
        problem = peer->auth_plain ? NULL : "the server does not offer AUTH PLAIN";
        break;
    case SMTP_OUT_AUTH_LOGIN:
        problem = peer->auth_login ? NULL : "the server does not offer AUTH LOGIN";
        break;
    case SMTP_OUT_AUTH_XOAUTH2:
        problem = peer->auth_xoauth2 ? NULL : "the server does not offer AUTH XOAUTH2";
        break;
    }
    *out_problem = problem;
    return auth;
}

/* The session is set up as far as EHLO and TLS go: log in where asked, then it is idle.
 */
static void go_on(struct smtp_out *engine)
{
    const struct smtp_out_options *options = engine->options;
    const char *problem = NULL;

    if (options->requiretls && !engine->peer.requiretls) {
        struct reply refusal;
        reply_parse_make(&refusal, REPLY_STAGE_STARTTLS, REPLY_LOCAL, 550, "5.7.30",
                         "the message asks for REQUIRETLS and the server does not offer "
                         "it");
        smtp_out_fail(engine, &refusal);
        return;
    }
    if (options->user == NULL || options->user[0] == '\0') {
        smtp_out_move(engine, SMTP_OUT_STATE_IDLE);
        return;
    }
    size_t secret_max =
        options->auth == SMTP_OUT_AUTH_XOAUTH2 ? SMTP_OUT_TOKEN_BYTES : SECRET_BYTES;
    enum smtp_out_auth auth = choose_auth(engine, &problem);
    if (!engine->is_tls && !options->auth_in_clear) {
        problem = "a password is not sent without TLS";
    } else if (problem == NULL && (strlen(options->user) >= SECRET_BYTES ||
                                   strlen(options->password) >= secret_max)) {
        problem = "user name or password is too long";
    }
    if (problem != NULL) {
        smtp_out_fail_text(engine, REPLY_STAGE_AUTH, REPLY_LOCAL, "4.7.0", problem);
        return;
    }
    engine->auth_step = 0;
    engine->auth = auth;
    if (auth == SMTP_OUT_AUTH_XOAUTH2) {
        auth_xoauth2(engine);
    } else if (auth == SMTP_OUT_AUTH_PLAIN) {
        auth_plain(engine);
    } else {
        smtp_out_send(engine, "AUTH LOGIN\r\n");
    }
    smtp_out_move(engine, SMTP_OUT_STATE_AUTH);
}

static bool needs_tls(const struct smtp_out *engine)
{
    return engine->options->tls == SMTP_OUT_TLS_REQUIRED && !engine->is_tls;
}

static void after_hello(struct smtp_out *engine)
{
    bool wants_tls = engine->options->tls == SMTP_OUT_TLS_REQUIRED ||
                     engine->options->tls == SMTP_OUT_TLS_OPPORTUNISTIC;
    if (wants_tls && !engine->is_tls && engine->peer.starttls) {
        smtp_out_send(engine, "STARTTLS\r\n");
        smtp_out_move(engine, SMTP_OUT_STATE_STARTTLS);
    } else if (needs_tls(engine)) {
        smtp_out_fail_text(engine, REPLY_STAGE_STARTTLS, REPLY_LOCAL, "4.7.10",
                           "TLS is required here and the server does not offer it");
    } else {
        go_on(engine);
    }
}

static void take_ehlo(struct smtp_out *engine, const struct reply *reply)
{
    if (is_yes(reply)) {
        after_hello(engine);
    } else if (reply->code >= 500 && reply->code != 521) {
        say_hello(engine, "HELO", SMTP_OUT_STATE_HELO); /* a server older than EHLO */
    } else {
        smtp_out_fail(engine, reply);
    }
}

static void take_starttls(struct smtp_out *engine, const struct reply *reply, bool more)
{
    if (!is_yes(reply)) {
        if (needs_tls(engine)) {
            smtp_out_fail(engine, reply);
        } else {
            go_on(engine);
        }
        return;
    }
    smtp_out_move(engine, SMTP_OUT_STATE_HANDSHAKE);
    if (more) {
        /* What came behind the 220 was not said under TLS (CVE-2021-38371). */
        smtp_out_tls_done(engine, NULL, true);
        return;
    }
    engine->say_start_tls = true;
}

static void take_auth(struct smtp_out *engine, const struct reply *reply)
{
    const struct smtp_out_options *options = engine->options;
    bool is_login = engine->auth == SMTP_OUT_AUTH_LOGIN;
    bool is_token = engine->auth == SMTP_OUT_AUTH_XOAUTH2;

    if (is_yes(reply)) {
        smtp_out_move(engine, SMTP_OUT_STATE_IDLE);
    } else if (reply->code == 334 && is_token && engine->auth_step == 0) {
        engine->auth_step++; /* why the token is no good; an empty line brings the 535 */
        smtp_out_send(engine, "\r\n");
    } else if (reply->code == 334 && is_login && engine->auth_step < 2) {
        const char *text = engine->auth_step == 0 ? options->user : options->password;
        engine->auth_step++;
        send_secret(engine, "", text, strlen(text));
    } else {
        smtp_out_fail(engine, reply);
    }
}

/* The server speaks though nothing was asked: whatever it says, no message was hurt. */
static void take_unasked(struct smtp_out *engine, const struct reply *reply)
{
    if (reply->code >= 400) {
        smtp_out_fail(engine, reply);
    } else {
        smtp_out_fail_strange(engine, reply, "an answer came that nothing asked for");
    }
}

void smtp_out_session_reply(struct smtp_out *engine, const struct reply *reply, bool more)
{
    switch (engine->state) {
    case SMTP_OUT_STATE_GREETING:
        if (is_yes(reply)) {
            smtp_out_session_ehlo(engine);
        } else {
            smtp_out_fail(engine, reply);
        }
        return;
    case SMTP_OUT_STATE_EHLO: take_ehlo(engine, reply); return;
    case SMTP_OUT_STATE_HELO:
        if (is_yes(reply)) {
            after_hello(engine);
        } else {
            smtp_out_fail(engine, reply);
        }
        return;
    case SMTP_OUT_STATE_STARTTLS: take_starttls(engine, reply, more); return;
    case SMTP_OUT_STATE_AUTH: take_auth(engine, reply); return;
    case SMTP_OUT_STATE_RSET:
        if (is_yes(reply)) {
            smtp_out_move(engine, SMTP_OUT_STATE_IDLE);
        } else {
            smtp_out_fail(engine, reply);
        }
        return;
    case SMTP_OUT_STATE_QUIT: smtp_out_session_end(engine); return;
    case SMTP_OUT_STATE_HANDSHAKE:
    case SMTP_OUT_STATE_IDLE:
    case SMTP_OUT_STATE_MAIL:
    case SMTP_OUT_STATE_RCPT:
    case SMTP_OUT_STATE_DATA:
    case SMTP_OUT_STATE_BODY:
    case SMTP_OUT_STATE_RELEASE:
    case SMTP_OUT_STATE_DOT:
    case SMTP_OUT_STATE_EMPTY_DOT:
    case SMTP_OUT_STATE_CLOSED:
    case SMTP_OUT_STATE_COUNT: take_unasked(engine, reply); return;
    }
}
