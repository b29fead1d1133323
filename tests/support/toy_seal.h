/* A seal for tests: a keyed stream over the bytes, then a tag over stream and bytes. It
 * keeps no secret; it notices another key, another record and any changed byte. Header
 * only. */

#ifndef TESTS_SUPPORT_TOY_SEAL_H
#define TESTS_SUPPORT_TOY_SEAL_H

#include <errno.h>
#include <stdbool.h>

#include "queue/bytes.h"
#include "queue/seal.h"

#define TOY_SEAL_OVERHEAD 16 /* nonce and tag */

struct toy_seal {
    struct seal seal; /* give this to the queue */
    uint64_t key;
    uint64_t nonce;
    bool refuses; /* sealing fails */
};

static inline uint64_t toy_seal_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static inline uint8_t toy_seal_stream(uint64_t key, uint64_t nonce, size_t at)
{
    return (uint8_t)(toy_seal_mix(key ^ toy_seal_mix(nonce + at / 8)) >> (at % 8 * 8));
}

static inline uint64_t toy_seal_tag(uint64_t key, uint64_t bound_to, const uint8_t *bytes,
                                    size_t length)
{
    uint64_t tag = toy_seal_mix(key + bound_to);
    for (size_t i = 0; i < length; i++) {
        tag = (tag ^ bytes[i]) * UINT64_C(0x100000001b3);
        tag ^= tag >> 29;
    }
    return tag;
}

static inline int toy_seal_seal(void *owner, const struct iovec *parts, unsigned count,
                                uint64_t bound_to, uint8_t *sealed)
{
    struct toy_seal *toy = owner;
    size_t at = 0;
    if (toy->refuses) {
        return -EIO;
    }
    uint64_t nonce = __atomic_add_fetch(&toy->nonce, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *plain = parts[i].iov_base;
        for (size_t k = 0; k < parts[i].iov_len; k++, at++) {
            sealed[at] = plain[k] ^ toy_seal_stream(toy->key, nonce, at);
        }
    }
    bytes_put_u64(sealed + at, nonce);
    bytes_put_u64(sealed + at + 8, toy_seal_tag(toy->key, bound_to, sealed, at + 8));
    return 0;
}

static inline int toy_seal_open(void *owner, uint8_t *sealed, size_t length,
                                uint64_t bound_to)
{
    const struct toy_seal *toy = owner;
    if (length < TOY_SEAL_OVERHEAD ||
        bytes_u64(sealed + length - 8) !=
            toy_seal_tag(toy->key, bound_to, sealed, length - 8)) {
        return -EBADMSG;
    }
    uint64_t nonce = bytes_u64(sealed + length - 16);
    for (size_t at = 0; at < length - TOY_SEAL_OVERHEAD; at++) {
        sealed[at] ^= toy_seal_stream(toy->key, nonce, at);
    }
    return 0;
}

static inline void toy_seal_init(struct toy_seal *toy, uint64_t key)
{
    *toy = (struct toy_seal){.seal = {.overhead = TOY_SEAL_OVERHEAD,
                                      .key_id = key,
                                      .seal = toy_seal_seal,
                                      .open = toy_seal_open,
                                      .owner = toy},
                             .key = key};
}

#endif
