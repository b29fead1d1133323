/* Greylisting: who was seen first when, and who has passed. Bounded; when it is full,
 * strangers pass. Times are the provider's. */

#ifndef TOOLS_RECEIVER_GREY_H
#define TOOLS_RECEIVER_GREY_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/receiver_spec.h"

struct receiver_grey;

struct receiver_grey *receiver_grey_new(void);
void receiver_grey_free(struct receiver_grey *grey);

/* Whether an attempt of that hash has to come again later. */
bool receiver_grey_refuses(struct receiver_grey *grey, const struct receiver_spec *spec,
                           uint64_t hash, int64_t model_ns);

#endif
