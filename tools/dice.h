/* Seeded dice for the tools: the same seed gives the same behaviour. Not for secrets.
 * Header only. */

#ifndef TOOLS_DICE_H
#define TOOLS_DICE_H

#include <stddef.h>
#include <stdint.h>

/* Spread the bits of a number over all 64. */
static inline uint64_t dice_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* The next 64 bits; state is the seed at first. */
static inline uint64_t dice_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return dice_mix(*state);
}

/* A number in [0, 1) from 64 bits. */
static inline double dice_unit(uint64_t bits)
{
    return (double)(bits >> 11) * (1.0 / 9007199254740992.0);
}

/* A hash of bytes, continued from seed. */
static inline uint64_t dice_hash(uint64_t seed, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    uint64_t hash = seed ^ UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    }
    return dice_mix(hash);
}

#endif
