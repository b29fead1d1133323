/* A user's conduct as one line of fields, and back. Pure. */

#ifndef RELAY_VIGIL_STORE_H
#define RELAY_VIGIL_STORE_H

#include "policy/conduct.h"

#include "relay/fields.h"

/* now_ns for what decays. */
void vigil_store_write(const struct conduct *conduct, struct fields *out);

/* unix_ms of the row and of now: evidence has aged meanwhile. Absent fields are as new.
 */
void vigil_store_read(struct conduct *out, const struct fields *fields, int32_t hour,
                      int64_t age_ms, int64_t now_ns);

#endif
