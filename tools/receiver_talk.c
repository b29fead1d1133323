#include "tools/receiver_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/receiver_body.h"
#include "tools/receiver_gates.h"
#include "tools/receiver_text.h"

#define SAY_BYTES 1024

struct receiver_decision receiver_talk_decision(const struct receiver_session *session,
                                                enum receiver_stage stage,
                                                enum receiver_class class, int code)
{
    struct receiver_decision decision = {
        .now_ns = session->desk->reactor.now_ns,
        .model_ns = receiver_session_model_ns(session->desk),
        .begun_ns = session->begun_ns,
        .provider = session->provider,
        .source = session->source,
        .connection = session->number,
        .stage = (int)stage,
        .class = class,
        .code = code,
        .sender = session->sender,
        .recipient = "",
        .message_id = "",
        .reply = "",
    };

    return decision;
}

void receiver_talk_reset(struct receiver_session *session)
{
    session->has_sender = false;
    session->sender[0] = '\0';
    session->sender_parameters[0] = '\0';
    session->begun_ns = 0;
    session->recipients.used = 0;
    session->recipients_count = 0;
    session->chunked = false;
    session->chunk_refuse = false;
    session->size = 0;
    session->header_used = 0;
    session->header_done = false;
    receiver_record_drop(&session->content);
}

static enum receiver_how how_of(const struct receiver_spec *spec,
                                enum receiver_class class)
{
    if (class == RECEIVER_CONNECTIONS) {
        return (enum receiver_how)spec->how_connections;
    }
    if (class == RECEIVER_OUTAGE) {
        return (enum receiver_how)spec->how_outage;
    }
    return RECEIVER_HOW_REPLY;
}

/* How many recipients a refusal at that stage concerns. */
static uint64_t weight_of(const struct receiver_session *session,
                          enum receiver_stage stage)
{
    bool known = stage == RECEIVER_DATA || stage == RECEIVER_DOT;

    return known && session->recipients_count > 0 ? session->recipients_count : 1;
}

static void refuse(struct receiver_session *session, struct receiver_decision *decision,
                   const char *template)
{
    const struct receiver_spec *spec = &session->provider->spec;
    struct receiver_text_facts facts = {session->source->text, decision->recipient};
    enum receiver_how how = how_of(spec, decision->class);
    char reply[RECEIVER_TEXT_BYTES] = "";

    if (how == RECEIVER_HOW_REPLY) {
        decision->code =
            receiver_text_reply(spec, decision->class, template, &facts, reply);
    }
    decision->reply = reply;
    receiver_book_count(session->source, decision->class, decision->code,
                        weight_of(session, (enum receiver_stage)decision->stage),
                        decision->now_ns);
    receiver_trail_write(session->desk->trail, decision);
    if (how != RECEIVER_HOW_REPLY) {
        session->end = how == RECEIVER_HOW_RESET ? RECEIVER_SESSION_END_RESET
                                                 : RECEIVER_SESSION_END_NOW;
        return;
    }
    receiver_session_say(session, reply);
    if (decision->code == 421 || decision->stage == RECEIVER_CONNECT) {
        session->end = RECEIVER_SESSION_END;
    }
}

bool receiver_talk_passes(struct receiver_session *session, enum receiver_stage stage,
                          const char *recipient, const char *message_id)
{
    struct receiver_case what = {
        .provider = session->provider,
        .source = session->source,
        .stage = (int)stage,
        .model_ns = receiver_session_model_ns(session->desk),
        .sender = session->sender,
        .recipient = recipient,
        .messages = session->messages,
        .recipients = session->recipients_count,
    };
    const char *template = NULL;
    struct receiver_decision decision;
    enum receiver_class class = receiver_gates_judge(&what, &template);

    if (class == RECEIVER_ACCEPTED) {
        return true;
    }
    decision = receiver_talk_decision(session, stage, class, 0);
    decision.recipient = recipient;
    decision.message_id = message_id;
    refuse(session, &decision, template);
    return false;
}

/* The client's own fault: out of order, malformed, too large. */
static void complain(struct receiver_session *session, int code, const char *text)
{
    char reply[SAY_BYTES];

    (void)snprintf(reply, sizeof reply, "%d %s", code, text);
    receiver_book_count(session->source, RECEIVER_PROTOCOL, code, 1,
                        session->desk->reactor.now_ns);
    receiver_session_say(session, reply);
}

void receiver_talk_greet(struct receiver_session *session)
{
    const struct receiver_spec *spec = &session->provider->spec;
    char reply[SAY_BYTES];

    session->greeted = true;
    if (session->hostile == RECEIVER_HOSTILE_HOLE) {
        session->state = RECEIVER_SESSION_SILENT;
        return;
    }
    if (session->hostile == RECEIVER_HOSTILE_GREET421 ||
        session->hostile == RECEIVER_HOSTILE_GREET554) {
        bool temporary = session->hostile == RECEIVER_HOSTILE_GREET421;

        (void)snprintf(reply, sizeof reply,
                       temporary ? "421 4.3.2 %s Service not available, closing"
                                 : "554 5.3.2 %s No SMTP service here",
                       spec->hostname);
        receiver_book_count(session->source, RECEIVER_HOSTILE, temporary ? 421 : 554, 1,
                            session->desk->reactor.now_ns);
        receiver_session_say(session, reply);
        session->end = RECEIVER_SESSION_END;
        return;
    }
    if (receiver_talk_passes(session, RECEIVER_CONNECT, "", "")) {
        (void)snprintf(reply, sizeof reply, "220 %s ESMTP", spec->hostname);
        receiver_session_say(session, reply);
    }
}

/* The keywords, one line each, as one reply. */
static void ehlo_lines(const struct receiver_session *session, char *reply, size_t size)
{
    const struct receiver_spec *spec = &session->provider->spec;
    bool offer_tls = spec->tls == RECEIVER_TLS_STARTTLS && !session->tls;
    const char *word = spec->ehlo;
    size_t used = (size_t)snprintf(reply, size, "250-%s\r\n", spec->hostname);

    while (*word != '\0' && used < size) {
        size_t length = strcspn(word, ";");

        if (length == 4 && strncasecmp(word, "SIZE", 4) == 0) {
            used += (size_t)snprintf(reply + used, size - used, "250-SIZE %llu\r\n",
                                     (unsigned long long)spec->max_size);
        } else if (length > 0) {
            used += (size_t)snprintf(reply + used, size - used, "250-%.*s\r\n",
                                     (int)length, word);
        }
        word += length + (word[length] == ';' ? 1 : 0);
    }
    if (used < size) {
        (void)snprintf(reply + used, size - used,
                       offer_tls ? "250 STARTTLS" : "250 HELP");
    }
}

static void do_helo(struct receiver_session *session, const char *arguments)
{
    char reply[SAY_BYTES];

    receiver_talk_reset(session);
    (void)snprintf(session->helo, sizeof session->helo, "%s", arguments);
    (void)snprintf(reply, sizeof reply, "250 %s", session->provider->spec.hostname);
    receiver_session_say(session, reply);
}

static void do_ehlo(struct receiver_session *session, const char *arguments)
{
    char reply[SAY_BYTES];

    receiver_talk_reset(session);
    (void)snprintf(session->helo, sizeof session->helo, "%s", arguments);
    if (receiver_talk_passes(session, RECEIVER_EHLO, "", "")) {
        ehlo_lines(session, reply, sizeof reply);
        receiver_session_say(session, reply);
    }
}

/* "FROM:<path> parameters": the path without its brackets and the rest. */
static bool parse_path(const char *text, const char *word,
                       char path[RECEIVER_SESSION_PATH_BYTES], const char **out_rest)
{
    bool quoted = false;
    const char *end = NULL;

    if (strncasecmp(text, word, strlen(word)) != 0) {
        return false;
    }
    text += strlen(word);
    text += strspn(text, " ");
    if (*text != '<') {
        return false;
    }
    for (end = ++text; *end != '\0' && (quoted || *end != '>'); end++) {
        if (*end == '\\' && end[1] != '\0') {
            end++;
        } else if (*end == '"') {
            quoted = !quoted;
        }
    }
    if (*end != '>' || end - text >= RECEIVER_SESSION_PATH_BYTES) {
        return false;
    }
    memcpy(path, text, (size_t)(end - text));
    path[end - text] = '\0';
    *out_rest = end + 1 + strspn(end + 1, " ");
    return strlen(*out_rest) < RECEIVER_SESSION_PATH_BYTES;
}

static bool too_large(const struct receiver_session *session, const char *parameters)
{
    const char *size = strcasestr(parameters, "SIZE=");

    return size != NULL &&
           strtoull(size + 5, NULL, 10) > session->provider->spec.max_size;
}

static void do_mail(struct receiver_session *session, const char *arguments)
{
    const struct receiver_spec *spec = &session->provider->spec;
    struct receiver_tally *tally = &session->source->tally;
    char path[RECEIVER_SESSION_PATH_BYTES];
    const char *rest = NULL;

    if (session->has_sender) {
        complain(session, 503, "5.5.1 One sender is enough");
        return;
    }
    if (spec->tls_required && !session->tls) {
        complain(session, 530, "5.7.0 Must issue a STARTTLS command first");
        return;
    }
    if (!parse_path(arguments, "FROM:", path, &rest)) {
        complain(session, 501, "5.5.4 Syntax: MAIL FROM:<address>");
        return;
    }
    if (too_large(session, rest)) {
        complain(session, 552, "5.3.4 Message too big");
        return;
    }
    tally->transactions++;
    if (tally->listing_ns != 0) {
        tally->after_listing++;
    }
    session->begun_ns = session->desk->reactor.now_ns;
    (void)snprintf(session->sender, sizeof session->sender, "%s", path);
    (void)snprintf(session->sender_parameters, sizeof session->sender_parameters, "%s",
                   rest);
    if (receiver_talk_passes(session, RECEIVER_MAIL, "", "")) {
        session->has_sender = true;
        receiver_session_say(session, "250 2.1.0 Sender OK");
    }
}

static void do_rcpt(struct receiver_session *session, const char *arguments)
{
    char path[RECEIVER_SESSION_PATH_BYTES];
    const char *rest = NULL;

    if (!session->has_sender) {
        complain(session, 503, "5.5.1 MAIL first");
        return;
    }
    if (!parse_path(arguments, "TO:", path, &rest)) {
        complain(session, 501, "5.5.4 Syntax: RCPT TO:<address>");
        return;
    }
    if (session->recipients_count == RECEIVER_SESSION_RECIPIENTS) {
        complain(session, 452, "4.5.3 Too many recipients");
        return;
    }
    if (receiver_talk_passes(session, RECEIVER_RCPT, path, "")) {
        receiver_record_add(&session->recipients, path, strlen(path) + 1);
        receiver_record_add(&session->recipients, rest, strlen(rest) + 1);
        session->recipients_count++;
        receiver_session_say(session, "250 2.1.5 Recipient OK");
    }
}

static void do_data(struct receiver_session *session, const char *arguments)
{
    (void)arguments;
    if (session->recipients_count == 0 || session->chunked) {
        complain(session, 503, "5.5.1 No valid recipients");
        return;
    }
    if (receiver_talk_passes(session, RECEIVER_DATA, "", "")) {
        receiver_session_say(session, "354 Go ahead");
        receiver_body_data(session);
    }
}

static void do_bdat(struct receiver_session *session, const char *arguments)
{
    char *end = NULL;
    unsigned long long size = strtoull(arguments, &end, 10);
    bool last = strcasecmp(end + strspn(end, " "), "LAST") == 0;

    if (end == arguments || arguments[0] == '-' || (!last && *end != '\0')) {
        complain(session, 501, "5.5.4 Syntax: BDAT size [LAST]");
        session->end = RECEIVER_SESSION_END; /* what follows cannot be told apart */
        return;
    }
    session->chunk_refuse = session->recipients_count == 0;
    receiver_body_chunk(session, size, last);
}

static void do_starttls(struct receiver_session *session, const char *arguments)
{
    (void)arguments;
    if (session->provider->spec.tls != RECEIVER_TLS_STARTTLS || session->tls) {
        complain(session, 502, "5.5.1 Not offered");
        return;
    }
    receiver_talk_reset(session);
    session->start_tls = true;
    receiver_session_say(session, "220 2.0.0 Ready to start TLS");
}

static void do_rset(struct receiver_session *session, const char *arguments)
{
    (void)arguments;
    receiver_talk_reset(session);
    receiver_session_say(session, "250 2.0.0 Flushed");
}

static void do_noop(struct receiver_session *session, const char *arguments)
{
    (void)arguments;
    receiver_session_say(session, "250 2.0.0 OK");
}

static void do_vrfy(struct receiver_session *session, const char *arguments)
{
    (void)arguments;
    receiver_session_say(session, "252 2.5.0 Try to send it");
}

static void do_help(struct receiver_session *session, const char *arguments)
{
    (void)arguments;
    receiver_session_say(session, "214 2.0.0 A simulated provider of Mesura");
}

static void do_quit(struct receiver_session *session, const char *arguments)
{
    (void)arguments;
    receiver_session_say(session, "221 2.0.0 Bye");
    session->end = RECEIVER_SESSION_END_NOW;
}

static const struct {
    const char *verb;
    void (*answer)(struct receiver_session *session, const char *arguments);
} verbs[] = {
    {"MAIL", do_mail}, {"RCPT", do_rcpt}, {"DATA", do_data},         {"BDAT", do_bdat},
    {"EHLO", do_ehlo}, {"HELO", do_helo}, {"STARTTLS", do_starttls}, {"RSET", do_rset},
    {"NOOP", do_noop}, {"VRFY", do_vrfy}, {"HELP", do_help},         {"QUIT", do_quit},
};

void receiver_talk_line(struct receiver_session *session, const char *line)
{
    size_t length = strcspn(line, " ");

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strlen(verbs[i].verb) == length &&
            strncasecmp(line, verbs[i].verb, length) == 0) {
            verbs[i].answer(session, line + length + (line[length] == ' ' ? 1 : 0));
            return;
        }
    }
    complain(session, 500, "5.5.2 Command not known");
}
