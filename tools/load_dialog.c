#include "tools/load_dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "tools/ticks.h"

#define COMMAND_BYTES 1024
#define SECRET_BYTES  400 /* of AUTH PLAIN, before base64 */

static void say(struct load_session *session, const char *command)
{
    load_session_put(session, command, strlen(command));
    load_session_put(session, "\r\n", 2);
}

/* Say the command that the step of the envelope asks for. */
static void say_step(struct load_session *session, uint64_t step)
{
    const struct load_plan *plan = session->crew->plan;
    char command[COMMAND_BYTES];

    if (step == 0) {
        (void)snprintf(command, sizeof command, "MAIL FROM:<%s>", plan->sender);
    } else if (step <= plan->recipients) {
        char recipient[LOAD_PLAN_ADDRESS];

        (void)load_plan_recipient(plan, session->id, step - 1, recipient,
                                  sizeof recipient);
        (void)snprintf(command, sizeof command, "RCPT TO:<%s>", recipient);
    } else {
        (void)snprintf(command, sizeof command, "DATA");
    }
    say(session, command);
}

void load_dialog_begin(struct load_session *session)
{
    const struct load_plan *plan = session->crew->plan;

    session->state = LOAD_ENVELOPE;
    session->step = 0;
    session->recipients = 0;
    session->failure = 0;
    session->mail_ns = ticks_now_ns();
    say_step(session, 0);
    if (plan->pipelining) {
        for (uint64_t step = 1; step <= plan->recipients + 1; step++) {
            say_step(session, step);
        }
    }
    (void)load_session_write(session);
}

void load_dialog_quit(struct load_session *session)
{
    session->state = LOAD_QUIT;
    say(session, "QUIT");
    (void)load_session_write(session);
}

void load_dialog_sent(struct load_session *session)
{
    session->dot_ns = ticks_now_ns();
    session->state = LOAD_DOT;
}

static bool greet(struct load_session *session)
{
    char command[COMMAND_BYTES];

    (void)snprintf(command, sizeof command, "EHLO %s", session->crew->plan->helo);
    session->state = LOAD_EHLO;
    say(session, command);
    return load_session_write(session);
}

void load_dialog_secured(struct load_session *session)
{
    if (session->crew->plan->tls == LOAD_TLS_IMPLICIT) {
        session->state = LOAD_GREETING;
    } else {
        (void)greet(session);
    }
}

static bool authenticate(struct load_session *session)
{
    const struct load_plan *plan = session->crew->plan;
    unsigned char secret[SECRET_BYTES];
    char command[COMMAND_BYTES] = "AUTH PLAIN ";
    size_t used = strlen(command);
    int length = snprintf((char *)secret, sizeof secret, "%c%s%c%s", 0, plan->user, 0,
                          plan->password);

    (void)EVP_EncodeBlock((unsigned char *)command + used, secret, length);
    session->state = LOAD_AUTH;
    say(session, command);
    return load_session_write(session);
}

static bool after_ehlo(struct load_session *session)
{
    const struct load_plan *plan = session->crew->plan;

    if (plan->tls == LOAD_TLS_STARTTLS && !session->tls) {
        session->state = LOAD_STARTTLS;
        say(session, "STARTTLS");
        return load_session_write(session);
    }
    if (plan->user[0] != '\0') {
        return authenticate(session);
    }
    load_session_next(session);
    return true;
}

/* The message in hand ends with that code; the connection stays. */
static void settle(struct load_session *session, int code)
{
    struct load_crew *crew = session->crew;
    bool again = code < 500 && !crew->plan->once;

    session->has_message = false;
    load_crew_give(crew, session->id, again);
    if (!again) {
        load_tally_failed(crew->tally, crew->plan, session->id, code);
    }
}

/* After a refusal: a pause when it was temporary, else straight on. */
static bool after_refusal(struct load_session *session, int code)
{
    settle(session, code);
    if (code == 421) {
        load_session_close(session);
        load_session_pause(session);
        return false;
    }
    if (code < 500) {
        load_session_pause(session);
    } else {
        load_session_next(session);
    }
    return true;
}

/* The envelope came to nothing. */
static bool envelope_refused(struct load_session *session, int code)
{
    if (code == 421) {
        return after_refusal(session, code);
    }
    session->failure = code;
    session->state = LOAD_RSET;
    say(session, "RSET");
    return load_session_write(session);
}

static bool send_content(struct load_session *session)
{
    char header[LOAD_PLAN_HEADER];
    size_t size = load_plan_message(session->crew->plan, session->id, header,
                                    sizeof header, &session->body, &session->body_bytes);

    session->state = LOAD_BODY;
    load_session_put(session, header, size);
    return load_session_write(session);
}

static bool envelope_done(struct load_session *session, int code)
{
    if (code == 354 && session->recipients == 0) {
        /* Only a pipelining client comes here: nothing was accepted, but DATA was. */
        session->state = LOAD_BODY;
        say(session, ".");
        return load_session_write(session);
    }
    if (code == 354) {
        return send_content(session);
    }
    return envelope_refused(session, session->failure != 0 ? session->failure : code);
}

static bool envelope_reply(struct load_session *session, int code)
{
    const struct load_plan *plan = session->crew->plan;
    uint64_t step = session->step++;
    bool accepted = code >= 200 && code < 300;

    if (step > plan->recipients) {
        return envelope_done(session, code);
    }
    if (!accepted && session->failure == 0) {
        session->failure = code;
    }
    if (code == 421) {
        return after_refusal(session, code);
    }
    if (step > 0 && accepted) {
        session->recipients++;
    }
    if (plan->pipelining) {
        return true;
    }
    if ((step == 0 && !accepted) ||
        (step == plan->recipients && session->recipients == 0)) {
        return envelope_refused(session, session->failure);
    }
    say_step(session, step + 1);
    return load_session_write(session);
}

static bool dot_reply(struct load_session *session, int code)
{
    struct load_crew *crew = session->crew;

    if (code >= 400 || session->recipients == 0) {
        return after_refusal(session, session->failure != 0 && session->recipients == 0
                                          ? session->failure
                                          : code);
    }
    load_tally_ok(crew->tally, crew->plan, session->id, session->mail_ns, session->dot_ns,
                  ticks_now_ns());
    crew->tally->recipients += session->recipients;
    session->on_connection++;
    session->has_message = false;
    load_crew_give(crew, session->id, false);
    load_session_next(session);
    return true;
}

/* A refusal before any message: another try after a pause, or nothing. */
static bool unwelcome(struct load_session *session)
{
    session->crew->tally->connect_failures++;
    load_session_close(session);
    if (session->crew->plan->once) {
        load_session_off(session);
    } else {
        load_session_pause(session);
    }
    return false;
}

bool load_dialog_reply(struct load_session *session, int code, const char *line)
{
    if (code >= 400) {
        load_tally_reply(session->crew->tally, code, line);
    }
    switch (session->state) {
    case LOAD_GREETING: return code < 400 ? greet(session) : unwelcome(session);
    case LOAD_EHLO: return code < 400 ? after_ehlo(session) : unwelcome(session);
    case LOAD_STARTTLS:
        return code < 400 ? load_session_secure(session) : unwelcome(session);
    case LOAD_AUTH:
        if (code >= 400) {
            return unwelcome(session);
        }
        load_session_next(session);
        return true;
    case LOAD_ENVELOPE: return envelope_reply(session, code);
    case LOAD_DOT: return dot_reply(session, code);
    case LOAD_RSET: return after_refusal(session, session->failure);
    case LOAD_BODY: /* it does not want the rest */
        settle(session, code >= 400 ? code : 451);
        load_session_close(session);
        load_session_pause(session);
        return false;
    case LOAD_QUIT:
        load_session_close(session);
        load_session_next(session);
        return false;
    case LOAD_PAUSE:
    case LOAD_WAITING: /* a farewell; the end of the connection follows */ return true;
    case LOAD_OFF:
    case LOAD_CONNECTING:
    case LOAD_HANDSHAKE: break;
    }
    return false;
}
