#include "relay/dkim_key.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "relay/limits.h"
#include "relay/smtp/address.h"
#include "relay/smtp/base64.h"

#define FILE_BYTES   ((size_t)64 * 1024)
#define RSA_BITS_MIN 1024 /* RFC 8301 */
#define RSA_BITS_MAX 8192
#define PUBLIC_BYTES 2048

struct dkim_key {
    EVP_PKEY *pkey; /* owned */
    bool is_rsa;
    unsigned char ed25519[crypto_sign_SECRETKEYBYTES]; /* when it is not RSA */
    char domain[LIMIT_DOMAIN + 1];
    char selector[LIMIT_DOMAIN + 1];
};

/* A key behind a pass phrase is refused; OpenSSL would ask on the terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL's type */
static int no_passphrase(char *out, int cap, int is_writing, void *owner)
{
    (void)out;
    (void)cap;
    (void)is_writing;
    (void)owner;
    return -1;
}

static EVP_PKEY *read_pem(const char *pem, size_t length)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    EVP_PKEY *pkey = NULL;
    if (bio != NULL) {
        pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    }
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

/* The form in which libsodium wants an Ed25519 key. */
static bool expand(struct dkim_key *key)
{
    unsigned char seed[crypto_sign_SEEDBYTES];
    unsigned char public[crypto_sign_PUBLICKEYBYTES];
    size_t length = sizeof seed;
    bool is_good = EVP_PKEY_get_raw_private_key(key->pkey, seed, &length) == 1 &&
                   length == sizeof seed &&
                   crypto_sign_seed_keypair(public, key->ed25519, seed) == 0;
    explicit_bzero(seed, sizeof seed);
    return is_good;
}

/* Why a key cannot be used; NULL when it can. */
static const char *problem_of(EVP_PKEY *pkey)
{
    if (pkey == NULL) {
        return "not a private key in PEM without a pass phrase";
    }
    if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519) {
        return NULL;
    }
    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA) {
        return "neither an RSA nor an Ed25519 key";
    }
    int bits = EVP_PKEY_get_bits(pkey);
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
        return "an RSA key must have 1024 to 8192 bits (2048 is best)";
    }
    return NULL;
}

int dkim_key_new(struct dkim_key **out, const char *domain, const char *selector,
                 const char *pem, size_t pem_length, struct errmsg *err)
{
    if (!address_is_domain(domain, strlen(domain), false) || domain[0] == '[') {
        errmsg_set(err, "\"%.100s\" is not a domain name", domain);
        return -EINVAL;
    }
    if (!address_is_domain(selector, strlen(selector), false) || selector[0] == '[') {
        errmsg_set(err, "\"%.100s\" is not a selector", selector);
        return -EINVAL;
    }
    EVP_PKEY *pkey = pem_length > FILE_BYTES ? NULL : read_pem(pem, pem_length);
    const char *problem = problem_of(pkey);
    if (problem != NULL) {
        errmsg_set(err, "%s", problem);
        EVP_PKEY_free(pkey);
        return -EINVAL;
    }
    struct dkim_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        abort();
    }
    key->pkey = pkey;
    key->is_rsa = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
    (void)snprintf(key->domain, sizeof key->domain, "%s", domain);
    (void)snprintf(key->selector, sizeof key->selector, "%s", selector);
    if (!key->is_rsa && !expand(key)) {
        errmsg_set(err, "an Ed25519 key without its private half");
        dkim_key_free(key);
        return -EINVAL;
    }
    *out = key;
    return 0;
}

int dkim_key_open(struct dkim_key **out, const char *domain, const char *selector,
                  const char *path, struct errmsg *err)
{
    char *pem = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        int rc = -errno;
        errmsg_errno(err, rc, "%s", path);
        return rc;
    }
    pem = calloc(1, FILE_BYTES + 1);
    if (pem == NULL) {
        abort();
    }
    size_t length = fread(pem, 1, FILE_BYTES + 1, file);
    int rc = 0;
    if (ferror(file) != 0) {
        rc = -EIO;
        errmsg_set(err, "%s: cannot be read", path);
    } else {
        rc = dkim_key_new(out, domain, selector, pem, length, err);
        if (rc != 0) {
            errmsg_wrap(err, "%s", path);
        }
    }
    explicit_bzero(pem, FILE_BYTES + 1);
    free(pem);
    (void)fclose(file);
    return rc;
}

void dkim_key_free(struct dkim_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        explicit_bzero(key->ed25519, sizeof key->ed25519);
        free(key);
    }
}

const char *dkim_key_domain(const struct dkim_key *key)
{
    return key->domain;
}

const char *dkim_key_selector(const struct dkim_key *key)
{
    return key->selector;
}

bool dkim_key_is_rsa(const struct dkim_key *key)
{
    return key->is_rsa;
}

static int sign_rsa(const struct dkim_key *key, const unsigned char *hash,
                    unsigned char *out, size_t *out_length)
{
    size_t length = DKIM_KEY_SIGNATURE_BYTES;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool is_good = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
                   EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                   EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                   EVP_PKEY_sign(ctx, out, &length, hash, DKIM_HASH_BYTES) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!is_good) {
        ERR_clear_error();
        return -EIO;
    }
    *out_length = length;
    return 0;
}

int dkim_key_sign(const struct dkim_key *key, const unsigned char hash[DKIM_HASH_BYTES],
                  unsigned char out[DKIM_KEY_SIGNATURE_BYTES], size_t *out_length)
{
    if (key->is_rsa) {
        return sign_rsa(key, hash, out, out_length);
    }
    /* libsodium signs in a fraction of OpenSSL's time, on the path of every message. */
    unsigned long long length = 0;
    if (crypto_sign_detached(out, &length, hash, DKIM_HASH_BYTES, key->ed25519) != 0) {
        return -EIO;
    }
    *out_length = (size_t)length;
    return 0;
}

int dkim_key_record(const struct dkim_key *key, struct textbuf *out)
{
    unsigned char public[PUBLIC_BYTES];
    char text[BASE64_LENGTH(PUBLIC_BYTES) + 1];
    size_t length = sizeof public;

    if (key->is_rsa) {
        unsigned char *at = public;
        int needed = i2d_PUBKEY(key->pkey, NULL);
        if (needed <= 0 || (size_t)needed > sizeof public ||
            i2d_PUBKEY(key->pkey, &at) != needed) {
            return -EIO;
        }
        length = (size_t)needed;
    } else if (EVP_PKEY_get_raw_public_key(key->pkey, public, &length) != 1) {
        return -EIO;
    }
    (void)base64_encode((const char *)public, length, text, sizeof text);
    textbuf_printf(out, "v=DKIM1; k=%s; p=%s", key->is_rsa ? "rsa" : "ed25519", text);
    return out->failed ? -EIO : 0;
}
