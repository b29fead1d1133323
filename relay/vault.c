/* Good path: the key file is opened, judged and read into guarded memory; a payload is
 * gathered, encrypted in place, and followed by its tag and its nonce.
 *
 * Failure modes: a key file that is not there, that others may read, or that is no key:
 * the start is refused with a sentence. A payload that was not sealed with this key, or
 * was changed since: -EBADMSG, which the queue takes for damage. */

#include "relay/vault.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/bytes.h"
#include "queue/queue.h"

#include "relay/arena.h"
#include "relay/entropy.h"

#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define BOUND_BYTES 8

struct vault {
    struct seal seal;
    uint8_t *key; /* owned, guarded */
};

static int seal_parts(void *owner, const struct iovec *parts, unsigned count,
                      uint64_t bound_to, uint8_t *sealed)
{
    const struct vault *vault = owner;
    uint8_t bound[BOUND_BYTES];
    size_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].iov_len > 0) {
            memcpy(sealed + length, parts[i].iov_base, parts[i].iov_len);
            length += parts[i].iov_len;
        }
    }
    uint8_t *tag = sealed + length;
    uint8_t *nonce = tag + TAG_BYTES;
    entropy_bytes(nonce, NONCE_BYTES);
    bytes_put_u64(bound, bound_to);
    return crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
               sealed, tag, NULL, sealed, length, bound, sizeof bound, NULL, nonce,
               vault->key) == 0
               ? 0
               : -EIO;
}

static int open_sealed(void *owner, uint8_t *sealed, size_t length, uint64_t bound_to)
{
    const struct vault *vault = owner;
    uint8_t bound[BOUND_BYTES];
    if (length < vault->seal.overhead) {
        return -EBADMSG;
    }
    size_t plain = length - vault->seal.overhead;
    const uint8_t *tag = sealed + plain;
    const uint8_t *nonce = tag + TAG_BYTES;
    bytes_put_u64(bound, bound_to);
    return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
               sealed, NULL, sealed, plain, tag, bound, sizeof bound, nonce,
               vault->key) == 0
               ? 0
               : -EBADMSG;
}

/* ---- the key ---- */

/* Fill key from the file. */
static int read_key(int fd, const char *path, uint8_t *key, struct errmsg *err)
{
    struct stat info;
    uint8_t one_more = 0;
    if (fstat(fd, &info) != 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "%s", path);
        return rc;
    }
    if (!S_ISREG(info.st_mode)) {
        errmsg_set(err, "%s is not a file", path);
        return -EINVAL;
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        errmsg_set(err, "others than its owner may use %s; chmod 600 it", path);
        return -EACCES;
    }
    ssize_t got = read(fd, key, VAULT_KEY_BYTES);
    if (got < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "read %s", path);
        return rc;
    }
    if (got != VAULT_KEY_BYTES || read(fd, &one_more, 1) != 0 ||
        sodium_is_zero(key, VAULT_KEY_BYTES) != 0) {
        errmsg_set(err,
                   "%s is no key: a key is %d random bytes, made with: (umask 077; head "
                   "-c %d /dev/urandom > FILE)",
                   path, VAULT_KEY_BYTES, VAULT_KEY_BYTES);
        return -EINVAL;
    }
    return 0;
}

/* A name for the key that tells nothing about it. */
static uint64_t name_of(const uint8_t *key)
{
    static const char purpose[] = "mesura queue key id";
    uint8_t hash[crypto_generichash_BYTES];
    int rc = crypto_generichash(hash, sizeof hash, (const uint8_t *)purpose,
                                sizeof purpose - 1, key, VAULT_KEY_BYTES);
    assert(rc == 0);
    uint64_t name = bytes_u64(hash);
    return name != 0 ? name : 1;
}

int vault_open(struct vault **out, const char *path, struct errmsg *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "open %s", path);
        return rc;
    }
    struct vault *vault = arena_must(1, sizeof *vault);
    vault->key = sodium_malloc(VAULT_KEY_BYTES);
    int rc = vault->key == NULL ? -ENOMEM : read_key(fd, path, vault->key, err);
    (void)close(fd);
    if (rc != 0) {
        if (vault->key == NULL) {
            errmsg_errno(err, rc, "memory for a key");
        }
        vault_close(vault);
        return rc;
    }
    vault->seal = (struct seal){.overhead = TAG_BYTES + NONCE_BYTES,
                                .key_id = name_of(vault->key),
                                .seal = seal_parts,
                                .open = open_sealed,
                                .owner = vault};
    (void)sodium_mprotect_readonly(vault->key);
    *out = vault;
    return 0;
}

void vault_close(struct vault *vault)
{
    if (vault != NULL) {
        sodium_free(vault->key); /* wipes it */
        free(vault);
    }
}

const struct seal *vault_seal(const struct vault *vault)
{
    return vault != NULL ? &vault->seal : NULL;
}

int vault_wrap(const struct queue *queue, struct queue_write *write, uint8_t **out_sealed)
{
    *out_sealed = NULL;
    if (!queue_has_seal(queue)) {
        return 0;
    }
    size_t length = queue_sealed_bytes(queue, write);
    uint8_t *sealed = malloc(length);
    if (sealed == NULL) {
        return -ENOMEM;
    }
    int rc = queue_seal_write(queue, write, sealed, length);
    if (rc != 0) {
        free(sealed);
        return rc;
    }
    *out_sealed = sealed;
    return 0;
}
