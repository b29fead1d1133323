/* One side of one TLS session, without a socket: ciphertext in and out through buffers.
 *
 * conn feeds it what comes from the wire and sends what tls_output has. Hides OpenSSL. */

#ifndef RELAY_NET_TLS_H
#define RELAY_NET_TLS_H

#include <stddef.h>

#include "relay/net/conn.h"

struct tls;
struct tls_context;

enum tls_status {
    TLS_DONE,   /* it worked */
    TLS_WANT,   /* more ciphertext has to come first */
    TLS_CLOSED, /* the peer has said close_notify */
    TLS_FAILED, /* see tls_failure; an alert may be in tls_output */
};

/* References context; peer is what conn_start_tls_to is given, its sessions are borrowed
 * until tls_free. NULL when out of memory, or when none of its TLSA records can be used.
 */
struct tls *tls_new(struct tls_context *context, const struct conn_tls_peer *peer);
void tls_free(struct tls *tls);

/* Take ciphertext from the wire; copied. */
void tls_feed(struct tls *tls, const char *bytes, size_t size);

enum tls_status tls_handshake(struct tls *tls);

/* Up to size bytes of plaintext into bytes; *out_got of them when TLS_DONE. */
enum tls_status tls_read(struct tls *tls, char *bytes, size_t size, size_t *out_got);

/* Encrypt all of it; never TLS_WANT after a handshake. */
enum tls_status tls_write(struct tls *tls, const char *bytes, size_t size);

/* Say close_notify. */
void tls_shutdown(struct tls *tls);

/* Ciphertext for the wire: its size and where it is; valid until the next call. */
size_t tls_output(const struct tls *tls, const char **out_bytes);
void tls_output_taken(struct tls *tls, size_t size);

/* Why the last call failed: a clause, "" when none did. */
const char *tls_failure(const struct tls *tls);

void tls_facts(const struct tls *tls, struct conn_tls_facts *out);

#endif
