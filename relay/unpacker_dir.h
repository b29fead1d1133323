/* The files that unpacker reads: a directory as a whole, one envelope, and the ids that
 * were imported before. Porter's thread. */

#ifndef RELAY_UNPACKER_DIR_H
#define RELAY_UNPACKER_DIR_H

#include "relay/unpacker.h"

/* Fill ask's ids and known: every message whole, and as many as the manifest says. A
 * negative errno with a sentence when it is not so. */
ATTR_MUST_CHECK int unpacker_dir_open(struct unpacker_ask *ask);

/* Read ID.json, and see that ID.eml has its size. */
ATTR_MUST_CHECK int unpacker_dir_parcel(int dir, uint64_t id, struct parcel *out,
                                        struct errmsg *err);

bool unpacker_dir_knows(const struct unpacker_ask *ask, uint64_t id);

/* Write down the ids of the items that are not refused, durably. */
ATTR_MUST_CHECK int unpacker_dir_remember(struct unpacker_ask *ask);

#endif
