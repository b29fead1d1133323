/* Good path: bytes go through send and recv, or through OpenSSL bound to the descriptor.
 * Failure modes: the peer is slow (-EAGAIN and wants), closed (0), or gone (a negative
 * errno; -EPROTO for everything that TLS refuses). */

#include "tools/wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tools/setting.h"

#define CERTIFICATE_SECONDS (30L * 86400L) /* longer than any run */

int wire_parse_address(const char *text, struct sockaddr_storage *out_address,
                       socklen_t *out_size)
{
    const char *colon = strrchr(text, ':');
    char host[WIRE_ADDRESS_TEXT];
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)out_address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out_address;
    uint64_t port = 0;
    size_t length = 0;

    if (colon == NULL || setting_parse_count(colon + 1, &port) != 0 ||
        port > UINT16_MAX) {
        return -EINVAL;
    }
    length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    memset(out_address, 0, sizeof *out_address);
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        *out_size = sizeof *four;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        *out_size = sizeof *six;
        return 0;
    }
    return -EINVAL;
}

void wire_address_text(const struct sockaddr_storage *address, char *text, size_t size)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        (void)snprintf(text, size, "%s:%u", host, (unsigned)ntohs(four->sin_port));
    } else {
        (void)inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        (void)snprintf(text, size, "[%s]:%u", host, (unsigned)ntohs(six->sin6_port));
    }
}

static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = NULL;

    if (certificate == NULL) {
        return NULL;
    }
    subject = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, 2) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_SECONDS) != NULL &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   (const unsigned char *)name, -1, -1, 0) == 1 &&
        X509_set_issuer_name(certificate, subject) == 1 &&
        X509_set_pubkey(certificate, key) == 1 &&
        X509_sign(certificate, key, EVP_sha256()) > 0) {
        return certificate;
    }
    X509_free(certificate);
    return NULL;
}

static SSL_CTX *base_context(const SSL_METHOD *method)
{
    SSL_CTX *tls = SSL_CTX_new(method);

    if (tls != NULL) {
        SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    }
    return tls;
}

struct ssl_ctx_st *wire_server_tls(const char *name, struct errmsg *err)
{
    SSL_CTX *tls = base_context(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key != NULL ? make_certificate(key, name) : NULL;

    if (tls == NULL || certificate == NULL ||
        SSL_CTX_use_certificate(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(tls, key) != 1) {
        errmsg_set(err, "TLS: cannot make a certificate for \"%.100s\"", name);
        SSL_CTX_free(tls);
        tls = NULL;
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return tls;
}

struct ssl_ctx_st *wire_client_tls(struct errmsg *err)
{
    SSL_CTX *tls = base_context(TLS_client_method());

    if (tls == NULL) {
        errmsg_set(err, "TLS: OpenSSL gives no context");
        return NULL;
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
    return tls;
}

void wire_tls_free(struct ssl_ctx_st *tls)
{
    SSL_CTX_free(tls);
}

int wire_start_tls(struct wire *wire, struct ssl_ctx_st *tls, bool server)
{
    wire->ssl = SSL_new(tls);
    if (wire->ssl == NULL || SSL_set_fd(wire->ssl, wire->fd) != 1) {
        ERR_clear_error();
        return -ENOMEM;
    }
    if (server) {
        SSL_set_accept_state(wire->ssl);
    } else {
        SSL_set_connect_state(wire->ssl);
    }
    return 0;
}

/* What OpenSSL's answer means to the caller. */
static int tls_trouble(struct wire *wire, int answer)
{
    int kind = SSL_get_error(wire->ssl, answer);

    ERR_clear_error();
    if (kind == SSL_ERROR_WANT_READ) {
        wire->wants = EPOLLIN;
        return -EAGAIN;
    }
    if (kind == SSL_ERROR_WANT_WRITE) {
        wire->wants = EPOLLOUT;
        return -EAGAIN;
    }
    return kind == SSL_ERROR_ZERO_RETURN ? 0 : -EPROTO;
}

int wire_handshake(struct wire *wire)
{
    int answer = SSL_do_handshake(wire->ssl);
    int trouble = 0;

    if (answer == 1) {
        return 0;
    }
    trouble = tls_trouble(wire, answer);
    return trouble == 0 ? -EPROTO : trouble;
}

static int plain_trouble(struct wire *wire, uint32_t wants)
{
    if (errno == EAGAIN || errno == EINTR) {
        wire->wants = wants;
        return -EAGAIN;
    }
    return -errno;
}

static int chunk(size_t size)
{
    return size > INT_MAX ? INT_MAX : (int)size;
}

ssize_t wire_read(struct wire *wire, void *buffer, size_t size)
{
    if (wire->ssl != NULL) {
        int got = SSL_read(wire->ssl, buffer, chunk(size));

        return got > 0 ? got : tls_trouble(wire, got);
    }
    ssize_t got = recv(wire->fd, buffer, size, 0);

    return got >= 0 ? got : plain_trouble(wire, EPOLLIN);
}

ssize_t wire_write(struct wire *wire, const void *bytes, size_t size)
{
    if (wire->ssl != NULL) {
        int put = SSL_write(wire->ssl, bytes, chunk(size));
        int trouble = put > 0 ? 0 : tls_trouble(wire, put);

        return put > 0 ? put : (trouble == 0 ? -EPIPE : trouble);
    }
    ssize_t put = send(wire->fd, bytes, size, MSG_NOSIGNAL);

    return put >= 0 ? put : plain_trouble(wire, EPOLLOUT);
}

ssize_t wire_write_pair(struct wire *wire, const struct iovec pieces[2])
{
    struct msghdr message = {0};
    struct iovec both[2] = {pieces[0], pieces[1]};
    ssize_t put = 0;

    if (wire->ssl != NULL) {
        int first = pieces[0].iov_len > 0 ? 0 : 1;

        return wire_write(wire, pieces[first].iov_base, pieces[first].iov_len);
    }
    message.msg_iov = both;
    message.msg_iovlen = 2;
    put = sendmsg(wire->fd, &message, MSG_NOSIGNAL);
    return put >= 0 ? put : plain_trouble(wire, EPOLLOUT);
}

void wire_close(struct wire *wire, bool reset)
{
    if (wire->ssl != NULL) {
        if (!reset && SSL_is_init_finished(wire->ssl)) {
            (void)SSL_shutdown(wire->ssl);
        }
        SSL_free(wire->ssl);
        wire->ssl = NULL;
        ERR_clear_error();
    }
    if (wire->fd >= 0) {
        if (reset) {
            struct linger now = {.l_onoff = 1, .l_linger = 0};

            (void)setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        (void)close(wire->fd);
        wire->fd = -1;
    }
}
