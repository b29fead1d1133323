#include "relay/entropy.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#define ROLLS 64 /* drawn at once: one system call for 64 rolls */

int entropy_start(struct errmsg *err)
{
    if (sodium_init() < 0) {
        errmsg_set(err, "libsodium finds no source of random numbers");
        return -EIO;
    }
    return 0;
}

void entropy_bytes(void *data, size_t size)
{
    randombytes_buf(data, size);
}

uint64_t entropy_roll(void)
{
    static _Thread_local uint64_t rolls[ROLLS];
    static _Thread_local unsigned left;
    if (left == 0) {
        randombytes_buf(rolls, sizeof rolls);
        left = ROLLS;
    }
    left--;
    return rolls[left];
}

/* The rolls below it are one short of a whole number of bounds, and are rolled again. */
static uint64_t bias_limit(uint64_t bound)
{
    assert(bound > 0);
    return (UINT64_MAX - bound + 1) % bound;
}

uint64_t entropy_below(uint64_t bound)
{
    uint64_t limit = bias_limit(bound);
    uint64_t roll = entropy_roll();
    while (roll < limit) {
        roll = entropy_roll();
    }
    return roll % bound;
}

/* Spread a seed over the state (the splitmix64 step), so that near seeds share nothing.
 */
void entropy_dice_init(struct entropy_dice *dice, uint64_t seed)
{
    assert(dice != NULL);
    for (size_t i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
        dice->state[i] = mixed ^ (mixed >> 31);
    }
}

static uint64_t turn(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

/* The generator xoshiro256**: good enough for histories, useless for secrets. */
uint64_t entropy_dice_roll(struct entropy_dice *dice)
{
    assert(dice != NULL);
    uint64_t *state = dice->state;
    uint64_t result = turn(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = turn(state[3], 45);
    return result;
}

uint64_t entropy_dice_below(struct entropy_dice *dice, uint64_t bound)
{
    uint64_t limit = bias_limit(bound);
    uint64_t roll = entropy_dice_roll(dice);
    while (roll < limit) {
        roll = entropy_dice_roll(dice);
    }
    return roll % bound;
}
