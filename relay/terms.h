/* On what terms a message is taken: its stream, its priority, its lifetime; from its
 * X-Mesura headers, its user, its listener; and which routes depend on its sender. Worker
 * thread. */

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

/* The stream alone, as soon as the header is there; the listener's where the message
 * names one it may not have, which terms_read refuses later. */
uint32_t terms_stream(const struct intake *intake);

/* Read them when the header is complete. False when one may not be: text then says why,
 * for a 550, and begins with the enhanced code. */
bool terms_read(const struct intake *intake, struct terms *out, char *text, size_t size);

/* Recipients whose route depends on the sender wait under a name that says so (see
 * route_label). Before the envelope is filled. False when such a name is too long. */
bool terms_route(struct intake *intake, uint32_t stream);

#endif
