/* The only dice in the tree: libsodium's generator, and a repeatable one for tests.
 *
 * Any thread. Rolls are cheap (a buffer per thread); bytes for keys, salts and nonces
 * come straight from the kernel. */

#ifndef RELAY_ENTROPY_H
#define RELAY_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

/* Start libsodium. Before threads and before any other call here. Negative errno on
 * refusal. */
ATTR_MUST_CHECK int entropy_start(struct errmsg *err);

/* Fill data with random bytes fit for keys. */
void entropy_bytes(void *data, size_t size);

/* One roll: 64 random bits, for jitter, shuffles and ids on the wire; not for keys. */
uint64_t entropy_roll(void);

/* A number below bound, without bias. bound is at least 1. */
uint64_t entropy_below(uint64_t bound);

/* Dice of one's own: the same seed gives the same rolls on every machine. */
struct entropy_dice {
    uint64_t state[4];
};

void entropy_dice_init(struct entropy_dice *dice, uint64_t seed);
uint64_t entropy_dice_roll(struct entropy_dice *dice);
uint64_t entropy_dice_below(struct entropy_dice *dice, uint64_t bound);

#endif
