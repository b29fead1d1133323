/* Fresh keys for tests, in PEM. */

#ifndef TESTS_RELAY_DKIM_TESTKEY_H
#define TESTS_RELAY_DKIM_TESTKEY_H

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "relay/dkim.h"

/* rsa_bits 0: Ed25519; above 0 RSA; below 0 a kind that DKIM does not know. Returns the
 * PEM's length. */
static inline size_t dkim_testkey_pem(int rsa_bits, char *out, size_t cap)
{
    EVP_PKEY *pkey = rsa_bits == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                     : rsa_bits > 0
                         ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)rsa_bits)
                         : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    (void)PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
    size_t length = (size_t)BIO_get_mem_data(bio, &bytes);
    length = length < cap ? length : cap - 1;
    memcpy(out, bytes, length);
    out[length] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return length;
}

static inline struct dkim_key *dkim_testkey_new(int rsa_bits)
{
    char pem[8192];
    struct dkim_key *key = NULL;
    size_t length = dkim_testkey_pem(rsa_bits, pem, sizeof pem);
    return dkim_key_new(&key, "x.example", "s1", pem, length, NULL) == 0 ? key : NULL;
}

#endif
