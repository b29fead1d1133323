/* Encryption at rest: hooks that the relay provides, so that queue/ knows no cipher.
 *
 * A sealed payload is overhead bytes longer than the plain one and carries its own nonce
 * and tag. bound_to is authenticated but not stored: it ties a payload to its record.
 * Both functions are called from any thread. */

#ifndef QUEUE_SEAL_H
#define QUEUE_SEAL_H

#include <sys/uio.h>

#include <stddef.h>
#include <stdint.h>

struct seal {
    size_t overhead;
    uint64_t key_id; /* names the key, kept in each segment's header; never 0 */

    /* Gather plain parts into sealed (their length + overhead bytes). 0 or negative
     * errno. */
    int (*seal)(void *owner, const struct iovec *parts, unsigned count, uint64_t bound_to,
                uint8_t *sealed);

    /* Open in place: length bytes become length - overhead plain bytes at the same start.
     * -EBADMSG when they were not sealed with this key. */
    int (*open)(void *owner, uint8_t *sealed, size_t length, uint64_t bound_to);
    void *owner; /* borrowed: lives as long as the queue */
};

#endif
