/* R6: a receiver that greylists, keyed by network or address, sender and recipient; two
 * sources of one stream, and the real split, backoff, classifier and controller. */

#ifndef TESTS_SIM_GREY_H
#define TESTS_SIM_GREY_H

#include <stdint.h>

struct grey_result {
    uint64_t messages;
    uint64_t delivered;
    uint64_t attempts;
    uint64_t moved;  /* attempts from another source than the one first answered */
    uint64_t slowed; /* lanes whose rate or window was cut */
};

/* Some hundred messages, until all are delivered or have expired. */
void grey_run(uint64_t seed, struct grey_result *out_result);

#endif
