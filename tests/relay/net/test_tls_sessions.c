#include <stdio.h>

#include <openssl/ssl.h>

#include "relay/limits.h"
#include "relay/net/tls_sessions.h"

#include "tests/support/test.h"

/* A session that could be resumed, as far as OpenSSL can tell. */
static SSL_SESSION *session_of(int version)
{
    SSL_SESSION *session = SSL_SESSION_new();
    static const unsigned char id[4] = {1, 2, 3, 4};
    cr_assert_not_null(session);
    cr_assert_eq(SSL_SESSION_set_protocol_version(session, version), 1);
    cr_assert_eq(SSL_SESSION_set1_id(session, id, sizeof id), 1);
    return session;
}

/* One of TLS 1.2 is given out as often as it is asked for, one of TLS 1.3 once. */
TEST(tls_sessions, once_or_often)
{
    struct tls_sessions *sessions = tls_sessions_new();
    cr_assert_null(tls_sessions_take(sessions, "a"));
    tls_sessions_put(sessions, "a", session_of(TLS1_2_VERSION));
    tls_sessions_put(sessions, "b", session_of(TLS1_3_VERSION));
    for (unsigned i = 0; i < 2; i++) {
        SSL_SESSION *session = tls_sessions_take(sessions, "a");
        cr_assert_not_null(session);
        SSL_SESSION_free(session);
    }
    SSL_SESSION *session = tls_sessions_take(sessions, "b");
    cr_assert_not_null(session);
    SSL_SESSION_free(session);
    cr_assert_null(tls_sessions_take(sessions, "b"));
    tls_sessions_drop(sessions, "a");
    tls_sessions_drop(sessions, "nobody");
    cr_assert_null(tls_sessions_take(sessions, "a"));
    tls_sessions_free(sessions);
}

/* The number is fixed: the oldest goes, a new one for the same key takes its place, and
 * clearing leaves none. */
TEST(tls_sessions, bounded)
{
    struct tls_sessions *sessions = tls_sessions_new();
    char key[TLS_SESSIONS_KEY + 10];
    for (unsigned i = 0; i < LIMIT_TLS_SESSIONS + 1; i++) {
        (void)snprintf(key, sizeof key, "host%u", i);
        tls_sessions_put(sessions, key, session_of(TLS1_2_VERSION));
        tls_sessions_put(sessions, key, session_of(TLS1_2_VERSION));
    }
    cr_assert_null(tls_sessions_take(sessions, "host0"));
    SSL_SESSION *session = tls_sessions_take(sessions, "host1");
    cr_assert_not_null(session);
    SSL_SESSION_free(session);
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    tls_sessions_put(sessions, key, session_of(TLS1_2_VERSION));
    cr_assert_null(tls_sessions_take(sessions, key), "too long a key is not remembered");
    tls_sessions_clear(sessions);
    cr_assert_null(tls_sessions_take(sessions, "host1"));
    tls_sessions_free(sessions);
    tls_sessions_free(NULL);
}
