/* TLS sessions that a client may resume, by a key of the caller's that names server and
 * strictness. Fixed number, the longest unused goes; nothing older than an hour is given
 * out. One thread. */

#ifndef RELAY_NET_TLS_SESSIONS_H
#define RELAY_NET_TLS_SESSIONS_H

struct ssl_session_st; /* OpenSSL's struct ssl_session_st */

#define TLS_SESSIONS_KEY 400 /* bytes of a key; longer ones are not remembered */

struct tls_sessions;

struct tls_sessions *tls_sessions_new(void);
void tls_sessions_free(struct tls_sessions *sessions); /* NULL is allowed */

/* Remember; the session's reference is handed over. */
void tls_sessions_put(struct tls_sessions *sessions, const char *key,
                      struct ssl_session_st *session);

/* The session of key, the caller's to free, or NULL. One of TLS 1.3 is given out once
 * (RFC 8446 C.4). */
struct ssl_session_st *tls_sessions_take(struct tls_sessions *sessions, const char *key);

/* It was no good. */
void tls_sessions_drop(struct tls_sessions *sessions, const char *key);

/* Forget everything: what is trusted has changed. */
void tls_sessions_clear(struct tls_sessions *sessions);

#endif
