/* Good path: read, answer each line or piece of content, write the replies, until the
 * client says QUIT. Failure modes: the client goes away at any moment (freed at once), is
 * slow (its replies wait, bounded, and nothing more is read), never speaks (it may; the
 * provider has no patience to lose), or sends a line without an end (500 and closed). */

#include "tools/receiver_session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/dice.h"
#include "tools/grab.h"
#include "tools/receiver_body.h"
#include "tools/receiver_hostile.h"
#include "tools/receiver_talk.h"
#include "tools/ticks.h"

#define LINGER_NS       (2 * TICKS_SECOND) /* for a client that does not close */
#define DRIP_NS         TICKS_SECOND
#define FIRST_OUT_BYTES 4096

static void tick(struct receiver_session *session);

int64_t receiver_session_model_ns(const struct receiver_desk *desk)
{
    return (int64_t)((double)(desk->reactor.now_ns - desk->start_ns) * desk->speed);
}

static void close_session(struct receiver_session *session, bool reset)
{
    struct reactor *reactor = &session->desk->reactor;

    reactor_timer_cancel(reactor, &session->timer);
    reactor_forget(reactor, &session->io);
    wire_close(&session->wire, reset);
    receiver_book_closed(session->source);
    list_remove(&session->node);
    receiver_record_drop(&session->content);
    receiver_record_drop(&session->recipients);
    free(session->in);
    free(session->out);
    free(session);
}

void receiver_session_close_all(struct receiver_desk *desk)
{
    list_each_safe (node, &desk->sessions) {
        close_session(LIST_OWNER(node, struct receiver_session, node), false);
    }
}

void receiver_session_put(struct receiver_session *session, const char *bytes,
                          size_t size)
{
    if (session->out_used + size > RECEIVER_SESSION_OUT_BYTES) {
        return; /* only a hostile reply is that long; the client does not read it anyway
                 */
    }
    while (session->out_used + size > session->out_size) {
        session->out_size =
            session->out_size > 0 ? 2 * session->out_size : FIRST_OUT_BYTES;
        session->out = grab_resized(session->out, session->out_size, 1);
    }
    memcpy(session->out + session->out_used, bytes, size);
    session->out_used += size;
}

void receiver_session_hold(struct receiver_session *session,
                           const struct setting_span *span)
{
    int64_t wait_ns = span->min_ns;
    int64_t due_ns = 0;

    if (span->max_ns == 0) {
        return;
    }
    if (span->max_ns > span->min_ns) {
        wait_ns += (int64_t)(dice_unit(dice_next(&session->provider->dice)) *
                             (double)(span->max_ns - span->min_ns));
    }
    due_ns = session->held ? session->timer.due_ns : session->desk->reactor.now_ns;
    session->held = true;
    reactor_timer_set(&session->desk->reactor, &session->timer, due_ns + wait_ns);
}

void receiver_session_say(struct receiver_session *session, const char *text)
{
    receiver_hostile_reply(session, text);
    receiver_session_hold(session, &session->provider->spec.latency_reply);
}

/* Whether the input gives something to do now. */
static bool may_read(const struct receiver_session *session)
{
    return !session->held && session->end == RECEIVER_SESSION_STAY &&
           !session->start_tls && session->greeted &&
           session->out_used - session->out_sent < RECEIVER_SESSION_OUT_BYTES / 2;
}

/* One command line, if a whole one is there. */
static bool take_line(struct receiver_session *session)
{
    char *line = session->in + session->in_start;
    size_t size = session->in_used - session->in_start;
    char *end = memchr(line, '\n', size);

    if (end == NULL || end - line >= RECEIVER_SESSION_LINE_BYTES) {
        if (end != NULL || size >= RECEIVER_SESSION_LINE_BYTES) {
            receiver_session_say(session, "500 5.5.2 Line too long");
            session->end = RECEIVER_SESSION_END;
        }
        return false;
    }
    session->in_start += (size_t)(end - line) + 1;
    if (end > line && end[-1] == '\r') {
        end--;
    }
    *end = '\0';
    receiver_talk_line(session, line);
    return true;
}

static bool take_some(struct receiver_session *session)
{
    size_t size = session->in_used - session->in_start;
    size_t took = 0;

    switch (session->state) {
    case RECEIVER_SESSION_COMMAND: return take_line(session);
    case RECEIVER_SESSION_DATA:
    case RECEIVER_SESSION_BDAT:
        if (size == 0 && session->chunk_left > 0) {
            return false;
        }
        took = receiver_body_take(session, session->in + session->in_start, size);
        session->in_start += took;
        return took > 0 || (session->state == RECEIVER_SESSION_COMMAND);
    case RECEIVER_SESSION_LINGER:
    case RECEIVER_SESSION_SILENT: session->in_start = session->in_used; return false;
    case RECEIVER_SESSION_HANDSHAKE: return false;
    }
    return false;
}

static void process(struct receiver_session *session)
{
    while (may_read(session) && take_some(session)) {
    }
    if (session->in_start == session->in_used) {
        session->in_start = 0;
        session->in_used = 0;
    } else if (session->in_start > 0) {
        memmove(session->in, session->in + session->in_start,
                session->in_used - session->in_start);
        session->in_used -= session->in_start;
        session->in_start = 0;
    }
}

/* Write what waits. 0: all is written; -EAGAIN: more later; else the client is gone. */
static int flush(struct receiver_session *session)
{
    while (session->out_sent < session->out_used) {
        size_t waits = session->out_used - session->out_sent;
        size_t size = receiver_hostile_allows(session, waits);
        ssize_t put = 0;

        if (size == 0) {
            session->end = RECEIVER_SESSION_END_NOW;
            return -EPIPE;
        }
        put = wire_write(&session->wire, session->out + session->out_sent, size);
        if (put < 0) {
            return (int)put;
        }
        session->out_sent += (size_t)put;
        session->bytes_out += (uint64_t)put;
        if (session->hostile == RECEIVER_HOSTILE_DRIP) {
            session->held = true;
            reactor_timer_set(&session->desk->reactor, &session->timer,
                              session->desk->reactor.now_ns + DRIP_NS);
            return -EAGAIN;
        }
    }
    session->out_sent = 0;
    session->out_used = 0;
    return 0;
}

/* Ask for what can move the session. False when that fails. */
static bool watch(struct receiver_session *session)
{
    uint32_t events = 0;

    if (session->state == RECEIVER_SESSION_HANDSHAKE) {
        events = session->wire.wants;
    } else if (!session->held) {
        bool full = session->in_used == RECEIVER_SESSION_IN_BYTES;

        if (!full && (may_read(session) || session->state == RECEIVER_SESSION_LINGER)) {
            events |= EPOLLIN;
        }
        if (session->out_sent < session->out_used) {
            events |= EPOLLOUT;
        }
    }
    return reactor_watch(&session->desk->reactor, &session->io, events) == 0;
}

static void linger(struct receiver_session *session)
{
    session->state = RECEIVER_SESSION_LINGER;
    session->end = RECEIVER_SESSION_STAY;
    session->hostile = RECEIVER_HOSTILE_NONE;
    session->in_used = 0;
    (void)shutdown(session->wire.fd, SHUT_WR);
    reactor_timer_set(&session->desk->reactor, &session->timer,
                      session->desk->reactor.now_ns + LINGER_NS);
}

/* All replies are written: what then? False when the session is gone. */
static bool after_flush(struct receiver_session *session)
{
    if (session->start_tls) {
        session->start_tls = false;
        session->in_used = 0; /* what was sent in the clear behind STARTTLS is void */
        if (wire_start_tls(&session->wire, session->desk->tls, true) != 0) {
            close_session(session, false);
            return false;
        }
        session->state = RECEIVER_SESSION_HANDSHAKE;
        session->wire.wants = EPOLLIN;
        return true;
    }
    if (session->flooding) {
        receiver_hostile_flood(session);
        return true;
    }
    switch (session->end) {
    case RECEIVER_SESSION_STAY: return true;
    case RECEIVER_SESSION_END:
        if (!session->tls) {
            linger(session);
            return true;
        }
        close_session(session, false);
        return false;
    case RECEIVER_SESSION_END_NOW: close_session(session, false); return false;
    case RECEIVER_SESSION_END_RESET: close_session(session, true); return false;
    }
    return true;
}

/* Answer, write, and see what to wait for. Nothing of the session may be touched after.
 */
static void tick(struct receiver_session *session)
{
    int rc = 0;

    process(session);
    if (!session->held) {
        rc = flush(session);
        if (rc == 0 && !after_flush(session)) {
            return;
        }
        if (rc != 0 && rc != -EAGAIN) {
            close_session(session, false);
            return;
        }
    }
    if (!watch(session)) {
        close_session(session, false);
    }
}

/* False when the session is gone. */
static bool receive(struct receiver_session *session)
{
    for (;;) {
        size_t room = RECEIVER_SESSION_IN_BYTES - session->in_used;
        ssize_t got =
            room > 0 ? wire_read(&session->wire, session->in + session->in_used, room)
                     : -EAGAIN;

        if (got == -EAGAIN) {
            return true;
        }
        if (got <= 0) {
            close_session(session, false);
            return false;
        }
        session->in_used += (size_t)got;
        session->bytes_in += (uint64_t)got;
        if (session->hostile == RECEIVER_HOSTILE_CUTIN &&
            session->bytes_in >= session->provider->spec.hostile_bytes) {
            close_session(session, true);
            return false;
        }
        if (session->wire.ssl == NULL) {
            return true; /* what is left comes with the next event */
        }
        process(session); /* OpenSSL's own buffer has no event */
        if (!may_read(session)) {
            return true;
        }
    }
}

static void handshake(struct receiver_session *session)
{
    int rc = wire_handshake(&session->wire);

    if (rc == -EAGAIN) {
        if (!watch(session)) {
            close_session(session, false);
        }
        return;
    }
    if (rc != 0) {
        close_session(session, false);
        return;
    }
    session->tls = true;
    session->state = RECEIVER_SESSION_COMMAND;
    if (!session->greeted) {
        receiver_talk_greet(session);
    }
    if (receive(session)) {
        tick(session);
    }
}

static void on_event(void *owner, uint32_t events)
{
    struct receiver_session *session = owner;

    if (session->state == RECEIVER_SESSION_HANDSHAKE) {
        handshake(session);
        return;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
        close_session(session, false);
        return;
    }
    if ((events & EPOLLIN) != 0 && !receive(session)) {
        return;
    }
    tick(session);
}

static void on_timer(void *owner)
{
    struct receiver_session *session = owner;

    if (session->state == RECEIVER_SESSION_LINGER) {
        close_session(session, false);
        return;
    }
    session->held = false;
    if (!session->greeted && session->state == RECEIVER_SESSION_COMMAND) {
        receiver_talk_greet(session);
    }
    /* Under TLS, bytes may have been left in OpenSSL's buffer. */
    if (session->tls && may_read(session) && !receive(session)) {
        return;
    }
    tick(session);
}

static enum receiver_hostile draw_hostility(struct receiver_provider *provider)
{
    double share = provider->spec.hostile_chance;

    if (share < 1.0 && dice_unit(dice_next(&provider->dice)) >= share) {
        return RECEIVER_HOSTILE_NONE;
    }
    return (enum receiver_hostile)provider->spec.hostile;
}

static void begin(struct receiver_session *session)
{
    const struct receiver_spec *spec = &session->provider->spec;

    if (spec->tls == RECEIVER_TLS_IMPLICIT) {
        if (wire_start_tls(&session->wire, session->desk->tls, true) != 0) {
            close_session(session, false);
            return;
        }
        session->state = RECEIVER_SESSION_HANDSHAKE;
        session->wire.wants = EPOLLIN;
    } else if (spec->latency_connect.max_ns == 0) {
        receiver_talk_greet(session);
    } else {
        receiver_session_hold(session, &spec->latency_connect);
    }
    tick(session);
}

void receiver_session_start(struct receiver_desk *desk,
                            struct receiver_provider *provider, int fd,
                            const struct sockaddr_storage *peer)
{
    struct wire wire = {.fd = fd};
    struct receiver_source *source =
        receiver_book_source(provider, peer, receiver_session_model_ns(desk));
    struct receiver_session *session = NULL;
    int yes = 1;

    if (source == NULL) {
        static const char sorry[] = "421 4.3.2 Too many addresses\r\n";

        (void)send(fd, sorry, sizeof sorry - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        wire_close(&wire, false);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    session = grab_zeroed(1, sizeof *session);
    session->desk = desk;
    session->provider = provider;
    session->source = source;
    session->wire = wire;
    session->io = (struct reactor_io){.fd = fd, .cb = on_event, .owner = session};
    session->timer.cb = on_timer;
    session->timer.owner = session;
    session->in = grab_resized(NULL, RECEIVER_SESSION_IN_BYTES, 1);
    session->hostile = draw_hostility(provider);
    session->number = ++desk->connections;
    list_push_back(&desk->sessions, &session->node);
    receiver_book_opened(source, desk->reactor.now_ns);
    begin(session);
}
