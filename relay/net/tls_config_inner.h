/* The OpenSSL side of tls_config.h, for tls.c alone. */

#ifndef RELAY_NET_TLS_CONFIG_INNER_H
#define RELAY_NET_TLS_CONFIG_INNER_H

#include <openssl/ssl.h>

#include "relay/net/tls_config.h"

/* Borrowed: live as long as a reference on context is held. */
SSL_CTX *tls_config_ssl(const struct tls_context *context);
BIO_METHOD *tls_config_bio(const struct tls_context *context);

/* tls.c. The methods of the BIO whose data is a struct tls. */
int tls_bio_read(BIO *bio, char *bytes, int size);
int tls_bio_write(BIO *bio, const char *bytes, int size);
long tls_bio_ctrl(BIO *bio, int command, long number, void *pointer);

/* tls.c. A client's session can be resumed later. */
int tls_on_session(SSL *ssl, SSL_SESSION *session);

#endif
