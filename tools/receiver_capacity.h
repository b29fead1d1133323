/* How much a provider would take: its rate as a function of its own time (daily swing,
 * changes, outages), and integrals of it. Pure. */

#ifndef TOOLS_RECEIVER_CAPACITY_H
#define TOOLS_RECEIVER_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/receiver_spec.h"

/* Whether an outage is on at that time. */
bool receiver_capacity_outage(const struct receiver_spec *spec, int64_t model_ns);

/* What the token bucket gains from one time to another; spec.rate_per_s must be set. */
double receiver_capacity_refill(const struct receiver_spec *spec, int64_t from_ns,
                                int64_t to_ns);

/* What a sender that knew everything could have delivered in that time: the least of
 * rate, quotas and the curve of an account first seen at first_ns. Negative when nothing
 * limits it. */
double receiver_capacity_between(const struct receiver_spec *spec, int64_t first_ns,
                                 int64_t from_ns, int64_t to_ns);

/* The curve's allowance on the account's day (0 is its first). */
double receiver_capacity_curve(const struct receiver_spec *spec, int64_t day);

#endif
