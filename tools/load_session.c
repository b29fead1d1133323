/* Good path: connect, dialogue, next message, QUIT. Failure modes: the connection is not
 * made, is lost before, inside or after a message, is closed while idle, or the server
 * does not speak SMTP; load_session_lost decides in all of them. */

#include "tools/load_session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/grab.h"
#include "tools/load_dialog.h"
#include "tools/ticks.h"

#define FIRST_OUT_BYTES 4096

static void on_event(void *owner, uint32_t events);
static void on_timer(void *owner);

static bool watch(struct load_session *session, uint32_t events)
{
    return reactor_watch(&session->crew->reactor, &session->io, events) == 0;
}

void load_session_close(struct load_session *session)
{
    reactor_forget(&session->crew->reactor, &session->io);
    wire_close(&session->wire, false);
    session->tls = false;
    session->in_used = 0;
    session->out_used = 0;
    session->out_sent = 0;
    session->body = NULL;
    session->on_connection = 0;
    if (list_is_linked(&session->node)) {
        list_remove(&session->node);
    }
}

void load_session_off(struct load_session *session)
{
    load_session_close(session);
    if (session->state != LOAD_OFF) {
        session->state = LOAD_OFF;
        session->crew->alive--;
    }
}

void load_session_pause(struct load_session *session)
{
    struct reactor *reactor = &session->crew->reactor;

    session->state = LOAD_PAUSE;
    reactor_timer_set(reactor, &session->timer,
                      reactor->now_ns + session->crew->plan->pause_ns);
}

void load_session_lost(struct load_session *session)
{
    struct load_crew *crew = session->crew;
    const struct load_plan *plan = crew->plan;
    enum load_state state = session->state;

    load_session_close(session);
    if (session->has_message) {
        session->has_message = false;
        if (state == LOAD_DOT) {
            load_tally_uncertain(crew->tally, plan, session->id, session->dot_ns);
        } else {
            crew->tally->lost++;
        }
        if (!plan->reconnect && state != LOAD_DOT) {
            load_tally_failed(crew->tally, plan, session->id, 0);
        }
        load_crew_give(crew, session->id, plan->reconnect);
    } else if (state != LOAD_WAITING && state != LOAD_QUIT && state != LOAD_PAUSE &&
               state != LOAD_RSET) {
        crew->tally->connect_failures++;
    } else {
        session->state = LOAD_PAUSE; /* closed while idle: nothing is wrong */
        reactor_timer_set(&crew->reactor, &session->timer, crew->reactor.now_ns);
        return;
    }
    if (plan->reconnect) {
        load_session_pause(session);
    } else {
        load_session_off(session);
    }
}

static bool open_socket(struct load_session *session)
{
    const struct load_plan *plan = session->crew->plan;
    const struct sockaddr *target =
        (const struct sockaddr *)(const void *)&plan->target_address;
    int yes = 1;
    int fd = socket(plan->target_address.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    session->wire = (struct wire){.fd = fd};
    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (plan->source_size > 0) {
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        if (bind(fd, (const struct sockaddr *)(const void *)&plan->source_address,
                 plan->source_size) != 0) {
            return false;
        }
    }
    if (connect(fd, target, plan->target_size) != 0 && errno != EINPROGRESS) {
        return false;
    }
    session->io = (struct reactor_io){.fd = fd, .cb = on_event, .owner = session};
    return watch(session, EPOLLOUT);
}

static void connect_now(struct load_session *session)
{
    session->state = LOAD_CONNECTING;
    if (!open_socket(session)) {
        load_session_lost(session);
    }
}

void load_session_start(struct load_session *session)
{
    session->timer.cb = on_timer;
    session->timer.owner = session;
    session->crew->alive++;
    connect_now(session);
}

void load_session_next(struct load_session *session)
{
    struct load_crew *crew = session->crew;
    uint64_t limit = crew->plan->per_connection;
    bool enough = false;

    if (session->wire.fd < 0) {
        if (load_crew_over(crew)) {
            load_session_off(session);
        } else {
            connect_now(session);
        }
        return;
    }
    enough = limit > 0 && session->on_connection >= limit;
    if (!enough && load_crew_take(crew, &session->id)) {
        session->has_message = true;
        load_dialog_begin(session);
    } else if (enough || load_crew_over(crew)) {
        load_dialog_quit(session);
    } else {
        session->state = LOAD_WAITING;
        load_crew_wait(crew, session);
    }
}

static void on_timer(void *owner)
{
    struct load_session *session = owner;

    if (session->state == LOAD_PAUSE) {
        load_session_next(session);
    }
}

void load_session_put(struct load_session *session, const char *bytes, size_t size)
{
    while (session->out_used + size > session->out_size) {
        session->out_size =
            session->out_size > 0 ? 2 * session->out_size : FIRST_OUT_BYTES;
        session->out = grab_resized(session->out, session->out_size, 1);
    }
    memcpy(session->out + session->out_used, bytes, size);
    session->out_used += size;
}

/* What follows the first sent bytes of out and body. */
static void advance(struct load_session *session, size_t sent)
{
    size_t head = session->out_used - session->out_sent;

    if (sent < head) {
        session->out_sent += sent;
        return;
    }
    session->out_used = 0;
    session->out_sent = 0;
    if (session->body != NULL) {
        session->body += sent - head;
        session->body_bytes -= sent - head;
    }
}

bool load_session_write(struct load_session *session)
{
    for (;;) {
        char *head = session->out + session->out_sent;
        size_t head_bytes = session->out_used - session->out_sent;
        size_t body_bytes = session->body != NULL ? session->body_bytes : 0;
        ssize_t put = 0;

        if (head_bytes + body_bytes == 0) {
            break;
        }
        if (head_bytes == 0 || body_bytes == 0) {
            put = wire_write(&session->wire, head_bytes > 0 ? head : session->body,
                             head_bytes + body_bytes);
        } else {
            struct iovec pieces[2] = {
                {head, head_bytes},
                {session->body, body_bytes},
            };

            put = wire_write_pair(&session->wire, pieces);
        }
        if (put == -EAGAIN && watch(session, EPOLLIN | EPOLLOUT)) {
            return true;
        }
        if (put < 0) {
            load_session_lost(session);
            return false;
        }
        session->crew->tally->bytes += (uint64_t)put;
        advance(session, (size_t)put);
    }
    session->body = NULL;
    if (!watch(session, EPOLLIN)) {
        load_session_lost(session);
        return false;
    }
    if (session->state == LOAD_BODY) {
        load_dialog_sent(session);
    }
    return true;
}

static void handshake(struct load_session *session)
{
    int rc = wire_handshake(&session->wire);

    if (rc == -EAGAIN && watch(session, session->wire.wants)) {
        return;
    }
    if (rc != 0 || !watch(session, EPOLLIN)) {
        load_session_lost(session);
        return;
    }
    session->tls = true;
    load_dialog_secured(session);
}

bool load_session_secure(struct load_session *session)
{
    if (wire_start_tls(&session->wire, session->crew->tls, false) != 0) {
        load_session_lost(session);
        return false;
    }
    session->in_used = 0; /* what came in the clear is void */
    session->state = LOAD_HANDSHAKE;
    handshake(session);
    return false;
}

/* The whole lines that have come. False when the connection is gone or another. */
static bool read_replies(struct load_session *session)
{
    size_t start = 0;

    for (;;) {
        char *line = session->in + start;
        char *end = memchr(line, '\n', session->in_used - start);
        int code = 0;

        if (end == NULL) {
            break;
        }
        start = (size_t)(end - session->in) + 1;
        if (end > line && end[-1] == '\r') {
            end--;
        }
        *end = '\0';
        if (end - line < 3 || strspn(line, "0123456789") != 3) {
            load_tally_reply(session->crew->tally, 0, line);
            load_session_lost(session);
            return false;
        }
        code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        if (line[3] != '-' && !load_dialog_reply(session, code, line)) {
            return false;
        }
    }
    memmove(session->in, session->in + start, session->in_used - start);
    session->in_used -= start;
    return true;
}

static void receive(struct load_session *session)
{
    do {
        size_t room = sizeof session->in - session->in_used;
        ssize_t got =
            room > 0 ? wire_read(&session->wire, session->in + session->in_used, room)
                     : -EPROTO;

        if (got == -EAGAIN) {
            return;
        }
        if (got <= 0) {
            load_session_lost(session);
            return;
        }
        session->in_used += (size_t)got;
    } while (read_replies(session) && session->wire.ssl != NULL);
}

static void on_event(void *owner, uint32_t events)
{
    struct load_session *session = owner;
    int error = 0;
    socklen_t size = sizeof error;

    if (session->state == LOAD_HANDSHAKE) {
        handshake(session);
        return;
    }
    if (session->state == LOAD_CONNECTING) {
        if (getsockopt(session->wire.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
            error != 0 || !watch(session, EPOLLIN)) {
            load_session_lost(session);
            return;
        }
        session->crew->tally->connections++;
        session->state = LOAD_GREETING;
        if (session->crew->plan->tls == LOAD_TLS_IMPLICIT) {
            (void)load_session_secure(session);
        }
        return;
    }
    if ((events & EPOLLOUT) != 0 && !load_session_write(session)) {
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        receive(session);
    }
}
