#include "relay/net/tls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "relay/net/dns_answer.h"
#include "relay/net/loop_uv.h"
#include "relay/net/tls_config.h"
#include "relay/net/tls_config_inner.h"
#include "relay/net/tls_sessions.h"

/* Ciphertext waits in two plain buffers; OpenSSL reaches them through a BIO of our own,
 * so that they can be given back when empty. OpenSSL's list of errors belongs to the
 * thread and not to the session: it is cleared before every call and asked right after.
 */

#define BUFFER_LEAST 1024
#define BUFFER_IDLE  4096 /* an empty buffer larger than this is given back */

struct buffer {
    char *bytes; /* owned */
    size_t from;
    size_t size; /* of what is in it, from `from` on */
    size_t room;
};

struct tls {
    struct tls_context *context; /* a reference */
    SSL *ssl;                    /* owned */
    struct buffer in;
    struct buffer out;
    struct tls_sessions *sessions; /* borrowed; NULL: none */
    char session_key[TLS_SESSIONS_KEY];
    bool by_dane;
    bool failed;
    char failure[200];
};

static void buffer_add(struct buffer *buffer, const char *bytes, size_t size)
{
    if (buffer->from > 0 && buffer->from + buffer->size + size > buffer->room) {
        memmove(buffer->bytes, buffer->bytes + buffer->from, buffer->size);
        buffer->from = 0;
    }
    size_t need = buffer->size + size;
    if (need > buffer->room) {
        size_t room = buffer->room < BUFFER_LEAST ? BUFFER_LEAST : buffer->room;
        while (room < need) {
            room *= 2;
        }
        char *grown = realloc(buffer->bytes, room);
        if (grown == NULL) {
            abort();
        }
        buffer->bytes = grown;
        buffer->room = room;
    }
    memcpy(buffer->bytes + buffer->from + buffer->size, bytes, size);
    buffer->size += size;
}

static void buffer_take(struct buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    buffer->from += size;
    buffer->size -= size;
    if (buffer->size > 0) {
        return;
    }
    buffer->from = 0;
    if (buffer->room > BUFFER_IDLE) {
        free(buffer->bytes);
        buffer->bytes = NULL;
        buffer->room = 0;
    }
}

int tls_bio_read(BIO *bio, char *bytes, int size)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->in.size == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t take = (size_t)size < tls->in.size ? (size_t)size : tls->in.size;
    memcpy(bytes, tls->in.bytes + tls->in.from, take);
    buffer_take(&tls->in, take);
    return (int)take;
}

int tls_bio_write(BIO *bio, const char *bytes, int size)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buffer_add(&tls->out, bytes, (size_t)size);
    return size;
}

long tls_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* Ask for the name and, where it matters, have it verified. */
static void name_server(SSL *ssl, const char *server_name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (server_name[0] == '\0' ||
        X509_VERIFY_PARAM_set1_ip_asc(param, server_name) == 1) {
        return;
    }
    char name[256]; /* OpenSSL's macro wants it writable, and copies it */
    (void)snprintf(name, sizeof name, "%s", server_name);
    (void)SSL_set_tlsext_host_name(ssl, name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    (void)SSL_set1_host(ssl, server_name);
}

/* Have the certificate compared with the TLSA records. */
static bool match_tlsa(SSL *ssl, const struct conn_tls_peer *peer)
{
    unsigned added = 0;
    if (SSL_dane_enable(ssl, peer->server_name) != 1) {
        return false;
    }
    if (peer->domain[0] != '\0') {
        (void)SSL_add1_host(ssl, peer->domain);
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    for (unsigned i = 0; i < peer->tlsa_count; i++) {
        const struct dns_tlsa *tlsa = &peer->tlsa[i];
        added += SSL_dane_tlsa_add(ssl, tlsa->usage, tlsa->selector, tlsa->matching,
                                   tlsa->data, tlsa->size) == 1;
    }
    return added > 0;
}

/* Go on where a session with the same server ended. */
static void resume(struct tls *tls, const struct conn_tls_peer *peer)
{
    if (peer->sessions == NULL || tls->by_dane) {
        return; /* TLSA records may have changed: each session is looked at anew */
    }
    tls->sessions = peer->sessions;
    (void)snprintf(tls->session_key, sizeof tls->session_key, "%s", peer->session_key);
    SSL_SESSION *session = tls_sessions_take(tls->sessions, tls->session_key);
    if (session != NULL) {
        (void)SSL_set_session(tls->ssl, session);
        SSL_SESSION_free(session);
    }
}

int tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls *tls = SSL_get_app_data(ssl);
    if (tls == NULL || tls->sessions == NULL || tls->failed) {
        return 0;
    }
    tls_sessions_put(tls->sessions, tls->session_key, session);
    return 1;
}

struct tls *tls_new(struct tls_context *context, const struct conn_tls_peer *peer)
{
    ERR_clear_error();
    SSL *ssl = SSL_new(tls_config_ssl(context));
    BIO *bio = BIO_new(tls_config_bio(context));
    if (ssl == NULL || bio == NULL) {
        SSL_free(ssl);
        BIO_free(bio);
        return NULL;
    }
    struct tls *tls = loop_alloc(sizeof *tls);
    tls->context = tls_config_ref(context);
    tls->ssl = ssl;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    if (tls_config_is_server(context)) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
        (void)SSL_set_app_data(ssl, tls);
        tls->by_dane = peer->tlsa_count > 0;
        if (!tls->by_dane) {
            name_server(ssl, peer->server_name);
        } else if (!match_tlsa(ssl, peer)) {
            ERR_clear_error();
            tls_free(tls);
            return NULL;
        }
        resume(tls, peer);
    }
    ERR_clear_error();
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL) {
        return;
    }
    if (!tls->failed) {
        /* Else OpenSSL takes an end without close_notify for a fault of the session and
         * will not resume it. TLS 1.1 and later do not mind (RFC 5246 7.2.1). */
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(tls->ssl);
    tls_config_unref(tls->context);
    free(tls->in.bytes);
    free(tls->out.bytes);
    free(tls);
}

void tls_feed(struct tls *tls, const char *bytes, size_t size)
{
    buffer_add(&tls->in, bytes, size);
}

static void note_failure(struct tls *tls, int error)
{
    unsigned long code = ERR_get_error();
    const char *words = code == 0 ? NULL : ERR_reason_error_string(code);
    long verdict = SSL_get_verify_result(tls->ssl);
    tls->failed = true;
    if (tls->sessions != NULL) {
        tls_sessions_drop(tls->sessions, tls->session_key);
    }
    if (code != 0 && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        (void)snprintf(tls->failure, sizeof tls->failure,
                       "TLS: the certificate was not accepted: %s",
                       X509_verify_cert_error_string(verdict));
    } else if (words != NULL) {
        (void)snprintf(tls->failure, sizeof tls->failure, "TLS: %s", words);
    } else {
        (void)snprintf(tls->failure, sizeof tls->failure, "TLS: failure %d", error);
    }
    ERR_clear_error();
}

/* What a call of OpenSSL that returned rc means. */
static enum tls_status judge(struct tls *tls, int rc)
{
    int error = SSL_get_error(tls->ssl, rc);
    switch (error) {
    case SSL_ERROR_NONE: return TLS_DONE;
    case SSL_ERROR_WANT_READ: return TLS_WANT;
    case SSL_ERROR_ZERO_RETURN: return TLS_CLOSED;
    default: note_failure(tls, error); return TLS_FAILED;
    }
}

enum tls_status tls_handshake(struct tls *tls)
{
    if (tls->failed) {
        return TLS_FAILED;
    }
    ERR_clear_error();
    return judge(tls, SSL_do_handshake(tls->ssl));
}

enum tls_status tls_read(struct tls *tls, char *bytes, size_t size, size_t *out_got)
{
    if (tls->failed) {
        return TLS_FAILED;
    }
    size_t got = 0;
    ERR_clear_error();
    enum tls_status status = judge(tls, SSL_read_ex(tls->ssl, bytes, size, &got));
    if (status == TLS_DONE) {
        *out_got = got;
    }
    return status;
}

enum tls_status tls_write(struct tls *tls, const char *bytes, size_t size)
{
    if (tls->failed) {
        return TLS_FAILED;
    }
    size_t wrote = 0;
    ERR_clear_error();
    enum tls_status status = judge(tls, SSL_write_ex(tls->ssl, bytes, size, &wrote));
    assert(status != TLS_DONE || wrote == size);
    return status;
}

void tls_shutdown(struct tls *tls)
{
    if (!tls->failed) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl);
        ERR_clear_error();
    }
}

size_t tls_output(const struct tls *tls, const char **out_bytes)
{
    if (tls->out.size > 0) {
        *out_bytes = tls->out.bytes + tls->out.from;
    }
    return tls->out.size;
}

void tls_output_taken(struct tls *tls, size_t size)
{
    buffer_take(&tls->out, size);
}

const char *tls_failure(const struct tls *tls)
{
    return tls->failure;
}

/* The first common name, made fit for a log. */
static void common_name(const X509_NAME *name, char *out, size_t size)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0) {
        return;
    }
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, at);
    unsigned char *text = NULL;
    int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    if (length < 0) {
        return;
    }
    size_t used = 0;
    for (int i = 0; i < length && used + 1 < size; i++) {
        bool plain = text[i] >= 0x20 && text[i] < 0x7f;
        out[used] = '?';
        if (plain) {
            out[used] = (char)text[i];
        }
        used++;
    }
    out[used] = '\0';
    OPENSSL_free(text);
}

void tls_facts(const struct tls *tls, struct conn_tls_facts *out)
{
    memset(out, 0, sizeof *out);
    (void)snprintf(out->version, sizeof out->version, "%s", SSL_get_version(tls->ssl));
    (void)snprintf(out->cipher, sizeof out->cipher, "%s", SSL_get_cipher_name(tls->ssl));
    out->bits = SSL_get_cipher_bits(tls->ssl, NULL);
    out->resumed = SSL_session_reused(tls->ssl) == 1;

    const X509 *peer = SSL_get0_peer_certificate(tls->ssl);
    if (peer == NULL) {
        return;
    }
    unsigned int size = sizeof out->print;
    out->has_print = X509_digest(peer, EVP_sha256(), out->print, &size) == 1 &&
                     X509_cmp_time(X509_get0_notBefore(peer), NULL) < 0 &&
                     X509_cmp_time(X509_get0_notAfter(peer), NULL) > 0;
    long verdict = SSL_get_verify_result(tls->ssl);
    out->verified = verdict == X509_V_OK;
    out->by_dane = out->verified && tls->by_dane;
    (void)snprintf(out->verify_text, sizeof out->verify_text, "%s",
                   X509_verify_cert_error_string(verdict));
    common_name(X509_get_subject_name(peer), out->peer_name, sizeof out->peer_name);
    common_name(X509_get_issuer_name(peer), out->issuer, sizeof out->issuer);
}
