/* The only clock of the tools. Monotonic nanoseconds are CLOCK_MONOTONIC, so that the
 * times printed by the generator and by the simulated providers can be compared. */

#ifndef TOOLS_TICKS_H
#define TOOLS_TICKS_H

#include <stdint.h>
#include <time.h>

#define TICKS_MS     INT64_C(1000000)
#define TICKS_SECOND INT64_C(1000000000)

static inline int64_t ticks_now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TICKS_SECOND + now.tv_nsec;
}

static inline int64_t ticks_unix_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / TICKS_MS;
}

#endif
