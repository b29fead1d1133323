#include <errno.h>
#include <string.h>

#include "relay/net/conn_end.h"

#include "tests/support/test.h"

/* Each errno has a cause and words; what is our fault is origin LOCAL. */
TEST(conn_end, from_errno)
{
    static const struct {
        int error;
        enum conn_cause cause;
        enum reply_origin origin;
        unsigned subject;
    } rows[] = {
        {-ECONNREFUSED, CONN_REFUSED, REPLY_NETWORK, 4},
        {-ECONNRESET, CONN_RESET, REPLY_NETWORK, 4},
        {-EPIPE, CONN_RESET, REPLY_NETWORK, 4},
        {-ETIMEDOUT, CONN_TIMED_OUT, REPLY_NETWORK, 4},
        {-ENETUNREACH, CONN_UNREACHABLE, REPLY_NETWORK, 4},
        {-EHOSTUNREACH, CONN_UNREACHABLE, REPLY_NETWORK, 4},
        {-EACCES, CONN_UNREACHABLE, REPLY_NETWORK, 4},
        {-EADDRNOTAVAIL, CONN_NO_ROOM, REPLY_LOCAL, 3},
        {-EMFILE, CONN_NO_ROOM, REPLY_LOCAL, 3},
        {-ENOMEM, CONN_NO_ROOM, REPLY_LOCAL, 3},
        {-EPROTO, CONN_RESET, REPLY_NETWORK, 4},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conn_end end;
        struct reply reply;
        conn_end_from_errno(&end, rows[i].error);
        conn_end_reply(&end, REPLY_STAGE_MAIL, &reply);
        cr_assert_eq(end.cause, rows[i].cause, "%d", rows[i].error);
        cr_assert_neq(end.text[0], '\0');
        cr_assert_str_eq(reply.text, end.text);
        cr_assert_eq(reply.origin, rows[i].origin);
        cr_assert_eq(reply.stage, REPLY_STAGE_MAIL);
        cr_assert_eq(reply.code, 0);
        cr_assert_eq(reply.enhanced[0], 4);
        cr_assert_eq(reply.enhanced[1], rows[i].subject);
    }
}

/* A text that is too long is cut, not overrun. */
TEST(conn_end, long_text)
{
    struct conn_end end;
    char words[1000];
    memset(words, 'w', sizeof words);
    words[sizeof words - 1] = '\0';
    conn_end_set(&end, CONN_TLS, "%s", words);
    cr_assert_eq(strlen(end.text), sizeof end.text - 1);
}
