/* One non-blocking TCP connection, plain or under TLS, for the tools: bytes in, bytes
 * out, nothing decided. Certificates of peers are not checked: both ends are ours, on
 * loopback or in a laboratory. */

#ifndef TOOLS_WIRE_H
#define TOOLS_WIRE_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#define WIRE_ADDRESS_TEXT 64 /* "[ipv6]:port" and to spare */

struct ssl_st;
struct ssl_ctx_st;

struct wire {
    int fd;             /* owned; -1 when closed */
    struct ssl_st *ssl; /* owned; NULL while plain */
    uint32_t wants;     /* after -EAGAIN: the epoll event that makes a retry useful */
};

/* Read "ADDRESS:PORT" or "[ADDRESS]:PORT" (numeric). Returns 0 or -EINVAL. */
int wire_parse_address(const char *text, struct sockaddr_storage *out_address,
                       socklen_t *out_size) ATTR_MUST_CHECK;

/* "ADDRESS:PORT" into text. */
void wire_address_text(const struct sockaddr_storage *address, char *text, size_t size);

/* Make the TLS contexts: the server's with a certificate made now, signed by itself, for
 * the given name. NULL with the sentence in err when OpenSSL refuses. */
struct ssl_ctx_st *wire_server_tls(const char *name, struct errmsg *err);
struct ssl_ctx_st *wire_client_tls(struct errmsg *err);
void wire_tls_free(struct ssl_ctx_st *tls);

/* Begin TLS on a plain wire; then call wire_handshake until it stops saying -EAGAIN.
 * Returns 0 or -ENOMEM. */
int wire_start_tls(struct wire *wire, struct ssl_ctx_st *tls,
                   bool server) ATTR_MUST_CHECK;
int wire_handshake(struct wire *wire) ATTR_MUST_CHECK;

/* Read or write some. More than 0: bytes. 0 (read only): the peer closed. -EAGAIN: see
 * wants. Anything else negative: the connection is gone. */
ssize_t wire_read(struct wire *wire, void *buffer, size_t size) ATTR_MUST_CHECK;
ssize_t wire_write(struct wire *wire, const void *bytes, size_t size) ATTR_MUST_CHECK;

/* As wire_write, for two pieces in one system call where there is no TLS. */
ssize_t wire_write_pair(struct wire *wire, const struct iovec pieces[2]) ATTR_MUST_CHECK;

/* Close; with reset the peer gets an RST in place of a FIN. Any number of times. */
void wire_close(struct wire *wire, bool reset);

#endif
