/* What a side of TLS has agreed with itself beforehand: certificate and key of a server,
 * trust and strictness of a client. Hides OpenSSL.
 *
 * A context is made once and shared by all threads; each connection holds a reference, so
 * a reload swaps contexts and old connections go on. Each server context has ticket keys
 * of its own: a ticket of one listener opens nothing at another. */

#ifndef RELAY_NET_TLS_CONFIG_H
#define RELAY_NET_TLS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/errmsg.h"

struct tls_context;
struct tls_roots;

enum tls_level {
    TLS_OPPORTUNISTIC, /* any certificate, SECLEVEL 1: better than plaintext */
    TLS_REQUIRED, /* any certificate, but plaintext is not an option for the caller */
    TLS_VERIFY,   /* chain to a trusted root and the server's name, or no session */
    TLS_DANE,     /* the certificate of the peer's TLSA records, or no session */
};

/* certificate: PEM with the chain, leaf first; key: PEM, without a password. name keeps
 * the sessions of listeners apart. TLS 1.2 is the least. -ENOENT, -EACCES, -EINVAL (not a
 * PEM, key and certificate do not match, ...) with err naming the file. */
int tls_config_server(struct tls_context **out, const char *certificate, const char *key,
                      const char *name, struct errmsg *err) ATTR_MUST_CHECK;

/* A server shows another certificate to who asks for one of these names ("mail.a.test",
 * "*.a.test" for one label); the first that was added counts, the context's own is for
 * all others. Before the context is used. Errors as above. */
int tls_config_add_names(struct tls_context *context, const char *const *names,
                         size_t count, const char *certificate, const char *key,
                         struct errmsg *err) ATTR_MUST_CHECK;

/* A server asks clients for a certificate, takes any and none, and tells in
 * conn_tls_facts which: the key is proven to be the client's, nothing else is. Before the
 * context is used. */
void tls_config_ask_clients(struct tls_context *context);

/* The roots of all clients, read once: the system's have some hundred and cost 0.2 s.
 * trust: a PEM file, or "" for the system's. -ENOENT, -EACCES, -EINVAL with err naming
 * the file. Freed by tls_roots_free, also while contexts made from them live on. */
int tls_roots_load(struct tls_roots **out, const char *trust,
                   struct errmsg *err) ATTR_MUST_CHECK;
void tls_roots_free(struct tls_roots *roots);

/* Where the system's roots are looked for: OpenSSL's places, or what SSL_CERT_FILE and
 * SSL_CERT_DIR say. Is one of them there? */
bool tls_roots_places(const char **out_file, const char **out_folder);

/* roots: may be NULL, and then no peer is verified: a session at TLS_VERIFY fails, the
 * other levels report it. */
struct tls_context *tls_config_client(enum tls_level level,
                                      const struct tls_roots *roots);

/* Any thread. Each reference is given back with tls_config_unref; NULL is allowed there.
 */
struct tls_context *tls_config_ref(struct tls_context *context);
void tls_config_unref(struct tls_context *context);

bool tls_config_is_server(const struct tls_context *context);

#endif
