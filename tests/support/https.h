/* A web server of one file for tests: TLS with a certificate of the test's, on a thread
 * of its own; it answers every connection with the same bytes. */

#ifndef TESTS_SUPPORT_HTTPS_H
#define TESTS_SUPPORT_HTTPS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "relay/net/netaddr.h"

#include "tests/support/test.h"

struct https {
    int listening;
    struct netaddr addr;
    SSL_CTX *tls;
    const char *answer; /* whole: status line, fields, body */
    atomic_uint served;
    pthread_t thread;
};

static inline void *https_run(void *arg)
{
    struct https *https = arg;
    for (;;) {
        int fd = accept4(https->listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return NULL;
        }
        char request[4096];
        SSL *ssl = SSL_new(https->tls);
        (void)SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof request) > 0) {
            atomic_fetch_add(&https->served, 1);
            (void)SSL_write(ssl, https->answer, (int)strlen(https->answer));
            (void)SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        (void)close(fd);
    }
}

static inline void https_open(struct https *https, const char *certificate,
                              const char *key, const char *answer)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t size = sizeof addr;
    memset(https, 0, sizeof *https);
    (void)signal(SIGPIPE, SIG_IGN); /* a client that will not have our certificate */
    https->answer = answer;
    https->tls = SSL_CTX_new(TLS_server_method());
    cr_assert_eq(SSL_CTX_use_certificate_chain_file(https->tls, certificate), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(https->tls, key, SSL_FILETYPE_PEM), 1);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    https->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(https->listening, (struct sockaddr *)&addr, sizeof addr), 0);
    cr_assert_eq(listen(https->listening, 16), 0);
    cr_assert_eq(getsockname(https->listening, (struct sockaddr *)&addr, &size), 0);
    cr_assert_eq(netaddr_parse("127.0.0.1", ntohs(addr.sin_port), &https->addr), 0);
    cr_assert_eq(pthread_create(&https->thread, NULL, https_run, https), 0);
}

static inline void https_close(struct https *https)
{
    (void)shutdown(https->listening, SHUT_RDWR);
    cr_assert_eq(pthread_join(https->thread, NULL), 0);
    (void)close(https->listening);
    SSL_CTX_free(https->tls);
}

#endif
