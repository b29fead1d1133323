#include "relay/net/conn_end.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void conn_end_set(struct conn_end *end, enum conn_cause cause, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(end->text, sizeof end->text, format, args);
    va_end(args);
    end->cause = cause;
}

void conn_end_from_errno(struct conn_end *end, int error)
{
    switch (-error) {
    case ECONNREFUSED: conn_end_set(end, CONN_REFUSED, "connection refused"); return;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED: conn_end_set(end, CONN_RESET, "connection reset by peer"); return;
    case ETIMEDOUT: conn_end_set(end, CONN_TIMED_OUT, "connection timed out"); return;
    case ENETUNREACH:
    case ENETDOWN: conn_end_set(end, CONN_UNREACHABLE, "network is unreachable"); return;
    case EHOSTUNREACH:
    case EHOSTDOWN: conn_end_set(end, CONN_UNREACHABLE, "no route to host"); return;
    case EPERM:
    case EACCES:
        conn_end_set(end, CONN_UNREACHABLE, "connection prohibited by this machine");
        return;
    case EADDRNOTAVAIL:
        conn_end_set(end, CONN_NO_ROOM, "no free local port to this destination");
        return;
    default: break;
    }
    char meaning[128];
    const char *words = strerror_r(-error, meaning, sizeof meaning);
    bool ours =
        error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
    conn_end_set(end, ours ? CONN_NO_ROOM : CONN_RESET, "%s", words);
}

static void enhanced_of(enum conn_cause cause, uint16_t *out)
{
    out[0] = 4;
    switch (cause) {
    case CONN_REFUSED:
    case CONN_UNREACHABLE:
    case CONN_TIMED_OUT:
        out[1] = 4;
        out[2] = 1;
        return;
    case CONN_EOF:
    case CONN_RESET:
        out[1] = 4;
        out[2] = 2;
        return;
    case CONN_NO_SOURCE:
        out[1] = 3;
        out[2] = 5;
        return;
    case CONN_NO_ROOM:
        out[1] = 3;
        out[2] = 0;
        return;
    case CONN_TLS:
    case CONN_INJECTED:
        out[1] = 7;
        out[2] = 5;
        return;
    }
}

void conn_end_reply(const struct conn_end *end, enum reply_stage stage, struct reply *out)
{
    bool ours = end->cause == CONN_NO_SOURCE || end->cause == CONN_NO_ROOM;
    memset(out, 0, sizeof *out);
    out->stage = stage;
    out->origin = ours ? REPLY_LOCAL : REPLY_NETWORK;
    enhanced_of(end->cause, out->enhanced);
    (void)snprintf(out->text, sizeof out->text, "%s", end->text);
}
