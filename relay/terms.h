/* On what terms a message is taken: its stream, its priority, its lifetime; from its
 * X-Mesura headers, its user, its listener. Worker thread; changes nothing. */

#ifndef RELAY_TERMS_H
#define RELAY_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intake;

struct terms {
    uint32_t stream; /* index */
    uint8_t priority;
    int64_t lifetime_ns;
};

/* Read them when the header is complete. False when one may not be: text then says why,
 * for a 550, and begins with the enhanced code. */
bool terms_read(const struct intake *intake, struct terms *out, char *text, size_t size);

#endif
