/* Good path: compose -> EHLO, MAIL, RCPT ..., BDAT LAST said to an engine of our own, one
 * after the other, each after the answer to the one before; the last answer goes home.
 *
 * Failure modes: what cannot be composed (400-like: 554 5.6.0); any refusal of the engine
 * or of intake: that is the answer. Suspended while intake waits for core, for room or
 * for the disk: on_resume goes on. */

#include "relay/submission.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/arena.h"
#include "relay/compose.h"
#include "relay/dropfile.h"
#include "relay/intake.h"
#include "relay/smtp/smtp_in.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

enum stage {
    STAGE_EHLO,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_BDAT,
    STAGE_CONTENT,
    STAGE_OVER,
};

/* The worker's side of one. */
struct session {
    struct submission *submission; /* the worker's until it goes home */
    struct snapshot *snapshot;     /* one reference */
    struct users *users;           /* one reference */
    struct smtp_in_options options;
    struct smtp_in *engine; /* owned */
    struct intake intake;
    struct compose composed;
    enum stage stage;
    unsigned next_rcpt;
    size_t fed; /* of the content */
    bool is_going;
};

void submission_free(struct submission *submission)
{
    if (submission != NULL) {
        free(submission->from);
        free(submission->to);
        free(submission->content);
        free(submission);
    }
}

static void hook_mail(void *owner, const struct address *sender,
                      const struct mail_params *params)
{
    struct session *session = owner;
    intake_mail(&session->intake, sender, params);
}

static void hook_rcpt(void *owner, const struct address *recipient,
                      const struct rcpt_params *params)
{
    struct session *session = owner;
    intake_rcpt(&session->intake, recipient, params);
}

static void hook_data(void *owner)
{
    struct session *session = owner;
    intake_data(&session->intake);
}

static void hook_content(void *owner, const char *bytes, size_t length)
{
    struct session *session = owner;
    intake_content(&session->intake, bytes, length);
}

static void hook_content_end(void *owner, const struct smtp_in_content *content)
{
    struct session *session = owner;
    intake_content_end(&session->intake, content);
}

static void hook_reset(void *owner, enum smtp_in_end end)
{
    struct session *session = owner;
    (void)end;
    intake_reset(&session->intake);
}

static const struct smtp_in_ops engine_ops = {
    .on_mail = hook_mail,
    .on_rcpt = hook_rcpt,
    .on_data = hook_data,
    .on_content = hook_content,
    .on_content_end = hook_content_end,
    .on_reset = hook_reset,
};

/* ---- the end ---- */

static void go_home(struct worker *worker, struct submission *submission)
{
    worker->submissions--;
    mailbox_post(submission->home, &submission->letter, submission->done_cb);
}

static void session_free(struct session *session)
{
    smtp_in_free(session->engine);
    intake_done(&session->intake);
    compose_done(&session->composed);
    users_free(session->users);
    snapshot_unref(session->snapshot);
    free(session);
}

static void end(struct session *session, unsigned code, const char *text)
{
    struct submission *submission = session->submission;
    struct worker *worker = submission->worker;
    submission->code = code;
    (void)snprintf(submission->text, sizeof submission->text, "%s", text);
    submission->id = session->intake.id;
    session_free(session);
    go_home(worker, submission);
}

/* ---- the dialogue ---- */

/* Read one whole reply; 0 when there is none yet. Its last line's text is in out. */
static unsigned read_reply(struct session *session, char *out, size_t size)
{
    size_t length = 0;
    const char *bytes = smtp_in_output(session->engine, &length);
    size_t at = 0;
    while (at < length) {
        const char *lf = memchr(bytes + at, '\n', length - at);
        if (lf == NULL) {
            return 0;
        }
        size_t line = (size_t)(lf - bytes) + 1 - at;
        bool is_last = line >= 4 && bytes[at + 3] == ' ';
        if (is_last) {
            unsigned code = (unsigned)strtoul(bytes + at, NULL, 10);
            size_t text = line > 6 ? line - 6 : 0; /* without code and CRLF */
            (void)snprintf(out, size, "%.*s", (int)text, bytes + at + 4);
            smtp_in_sent(session->engine, at + line);
            return code;
        }
        at += line;
    }
    return 0;
}

static void say(struct session *session, const char *command)
{
    size_t length = strlen(command);
    size_t used = smtp_in_feed(session->engine, command, length);
    if (used < length) {
        /* A command the engine does not take whole is one it has refused by closing. */
        session->stage = STAGE_OVER;
    }
}

/* Text that could end a command line early is no address. */
static bool is_sayable(const char *address)
{
    for (const char *at = address; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f || *at == '<' || *at == '>') {
            return false;
        }
    }
    return strlen(address) < LIMIT_COMMAND_LINE - 64;
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

static bool needs_utf8(const struct session *session)
{
    bool is_plain = is_ascii(session->composed.sender);
    for (unsigned i = 0; i < session->composed.recipient_count; i++) {
        is_plain = is_plain && is_ascii(session->composed.recipients[i]);
    }
    return !is_plain;
}

/* Say the next command. False when an address cannot be said. */
static bool say_next(struct session *session, char *refusal, size_t size)
{
    char line[LIMIT_COMMAND_LINE];
    const struct compose *composed = &session->composed;
    const struct submission *submission = session->submission;
    const char *address = "";
    switch (session->stage) {
    case STAGE_EHLO: (void)snprintf(line, sizeof line, "EHLO localhost\r\n"); break;
    case STAGE_MAIL:
        address = composed->sender;
        (void)snprintf(line, sizeof line,
                       "MAIL FROM:<%s> SIZE=%zu BODY=8BITMIME%s%s%s\r\n", address,
                       composed->content.length, needs_utf8(session) ? " SMTPUTF8" : "",
                       submission->ret[0] != '\0' ? " RET=" : "", submission->ret);
        break;
    case STAGE_RCPT:
        address = composed->recipients[session->next_rcpt];
        (void)snprintf(line, sizeof line, "RCPT TO:<%s>%s%s\r\n", address,
                       submission->notify[0] != '\0' ? " NOTIFY=" : "",
                       submission->notify);
        break;
    case STAGE_BDAT:
        (void)snprintf(line, sizeof line, "BDAT %zu LAST\r\n", composed->content.length);
        break;
    case STAGE_CONTENT:
    case STAGE_OVER: return true;
    }
    if (!is_sayable(address)) {
        (void)snprintf(refusal, size, "5.1.3 an address has bytes that none may have");
        return false;
    }
    say(session, line);
    return true;
}

/* The answer to what was said last was good: what is said next. */
static void advance(struct session *session)
{
    switch (session->stage) {
    case STAGE_EHLO: session->stage = STAGE_MAIL; return;
    case STAGE_MAIL: session->stage = STAGE_RCPT; return;
    case STAGE_RCPT:
        session->next_rcpt++;
        if (session->next_rcpt == session->composed.recipient_count) {
            session->stage = STAGE_BDAT;
        }
        return;
    case STAGE_BDAT:
    case STAGE_CONTENT:
    case STAGE_OVER: return;
    }
}

/* Feed content while it is taken. */
static void feed_content(struct session *session)
{
    const struct textbuf *content = &session->composed.content;
    while (session->fed < content->length && smtp_in_wants_input(session->engine) &&
           intake_wants_input(&session->intake)) {
        session->fed += smtp_in_feed(session->engine, content->bytes + session->fed,
                                     content->length - session->fed);
    }
}

/* As far as it goes now. */
static void go(struct session *session)
{
    char text[512];
    if (session->is_going) {
        return; /* on_resume from inside a feed: the loop below looks again */
    }
    session->is_going = true;
    for (;;) {
        if (session->stage == STAGE_CONTENT) {
            feed_content(session);
        }
        unsigned code = read_reply(session, text, sizeof text);
        if (code == 0) {
            session->is_going = false;
            return; /* suspended: on_resume goes on */
        }
        if (code >= 400 || session->stage == STAGE_CONTENT) {
            end(session, code, text);
            return;
        }
        advance(session);
        if (!say_next(session, text, sizeof text)) {
            end(session, 553, text);
            return;
        }
        if (session->stage == STAGE_BDAT) {
            session->stage = STAGE_CONTENT;
        } else if (session->stage == STAGE_OVER) {
            end(session, 554, "5.6.0 the message cannot be taken as it is");
            return;
        }
    }
}

static void on_resume(void *owner)
{
    go(owner);
}

/* ---- the start ---- */

/* All of the file. A link, a device, or one too large is not read. */
static int read_file(struct submission *submission, struct errmsg *err)
{
    struct stat facts;
    int fd = open(submission->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int rc = fd < 0 || fstat(fd, &facts) != 0 ? -errno : 0;
    if (rc == 0 && (!S_ISREG(facts.st_mode) || facts.st_nlink != 1 ||
                    facts.st_size > (off_t)LIMIT_API_MESSAGE)) {
        errmsg_set(err, "it is no file of its own, or above 64 MiB");
        (void)close(fd);
        return -EINVAL;
    }
    size_t size = rc == 0 ? (size_t)facts.st_size : 0;
    char *bytes = rc == 0 ? malloc(size + 1) : NULL;
    size_t got = 0;
    ssize_t part = 1;
    while (bytes != NULL && got < size && part > 0) {
        part = read(fd, bytes + got, size - got);
        got += part > 0 ? (size_t)part : 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (bytes == NULL || got < size) {
        free(bytes);
        errmsg_set(err, "it cannot be read");
        return -EIO;
    }
    free(submission->content);
    submission->content = bytes;
    submission->length = size;
    return 0;
}

static int compose_drop(struct session *session, struct errmsg *err)
{
    struct submission *submission = session->submission;
    struct dropfile file = {.content = 0};
    int rc = read_file(submission, err);
    if (rc == 0) {
        rc = dropfile_parse(&file, submission->content, submission->length, err);
    }
    if (rc == 0) {
        memcpy(submission->notify, file.notify, sizeof submission->notify);
        memcpy(submission->ret, file.ret, sizeof submission->ret);
        rc = compose_message(&session->composed, file.from, file.to.bytes,
                             submission->content + file.content,
                             submission->length - file.content, err);
    }
    dropfile_done(&file);
    return rc;
}

static int compose(struct session *session, struct errmsg *err)
{
    const struct submission *submission = session->submission;
    switch (submission->kind) {
    case SUBMISSION_JSON:
        return compose_json(&session->composed, submission->content, submission->length,
                            err);
    case SUBMISSION_MESSAGE:
        return compose_message(&session->composed, submission->from, submission->to,
                               submission->content, submission->length, err);
    case SUBMISSION_DROP: return compose_drop(session, err);
    }
    return -EINVAL;
}

static void open_session(struct session *session, const struct users_user *user)
{
    struct submission *submission = session->submission;
    struct intake_client *client = &session->intake.client;
    session->options = session->snapshot->inner[submission->door].options;
    session->engine = smtp_in_new(&session->options, &engine_ops, session, false);
    intake_init(&session->intake, submission->worker, session->snapshot, session->engine);
    session->intake.resume_cb = on_resume;
    session->intake.owner = session;
    client->door = &session->snapshot->inner[submission->door].listener;
    client->remote = submission->remote;
    client->tls = "";
    client->protocol = submission->protocol;
    client->is_trusted = user == NULL;
    client->user = user;
    (void)netaddr_format(&submission->remote, client->ip);
}

void submission_on_take(struct letter *letter)
{
    struct submission *submission = LIST_OWNER(letter, struct submission, letter);
    struct worker *worker = submission->worker;
    struct errmsg err = {.text = ""};
    worker->submissions++;
    const struct users_user *user = NULL;
    if (submission->user[0] != '\0') {
        user = users_find(worker->users, submission->user);
    }
    if (worker->stopping || (submission->user[0] != '\0' && user == NULL)) {
        submission->code = worker->stopping ? 421 : 550;
        (void)snprintf(submission->text, sizeof submission->text, "%s",
                       worker->stopping ? "4.3.2 shutting down; come back soon"
                                        : "5.7.1 this user may not send any more");
        go_home(worker, submission);
        return;
    }
    struct session *session = arena_must(1, sizeof *session);
    session->submission = submission;
    session->snapshot = snapshot_ref(worker->snapshot);
    session->users = users_ref(worker->users);
    open_session(session, user);
    int rc = compose(session, &err);
    if (rc != 0) {
        char text[sizeof submission->text];
        (void)snprintf(text, sizeof text, "%s %s", rc == -EINVAL ? "5.6.0" : "4.3.0",
                       err.text);
        end(session, rc == -EINVAL ? 554 : 451, text);
        return;
    }
    smtp_in_start(session->engine);
    char banner[512];
    (void)read_reply(session, banner, sizeof banner);
    session->stage = STAGE_EHLO;
    if (!say_next(session, banner, sizeof banner)) {
        end(session, 554, banner);
        return;
    }
    go(session);
}
