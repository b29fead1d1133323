/* A disk in memory that keeps what was not synced apart, and can lose power.
 *
 * Writes go to the page cache in pieces of 512 bytes, names to a directory cache. At a
 * crash each piece and each change of a name that no sync has covered is kept, lost, or
 * (pieces) torn, by the dice of a seed. That is all POSIX promises. Any thread. */

#ifndef TESTS_SUPPORT_FAKE_DISK_H
#define TESTS_SUPPORT_FAKE_DISK_H

#include "queue/disk.h"

enum fake_mutation {
    FAKE_HONEST,
    FAKE_NO_FDATASYNC, /* syncs of segments do nothing and say they did */
    FAKE_NO_SYNC_DIR,
};

struct fake_disk;

struct fake_disk *fake_disk_new(uint64_t seed);
void fake_disk_free(struct fake_disk *fake);
const struct disk *fake_disk_face(struct fake_disk *fake);

/* Power fails at the n-th call from now that changes something: it and all later ones
 * answer -EIO. 0 = never. */
void fake_disk_crash_at(struct fake_disk *fake, unsigned n);
bool fake_disk_is_down(struct fake_disk *fake);
/* Throw the dice over what was not synced, and switch on again. Nothing may be open. */
void fake_disk_restart(struct fake_disk *fake);

void fake_disk_mutate(struct fake_disk *fake, enum fake_mutation mutation);
/* Writes beyond this many bytes in all files answer -ENOSPC. 0 = no limit. */
void fake_disk_limit(struct fake_disk *fake, uint64_t bytes);
/* The n-th fdatasync from now fails with -EIO, once. */
void fake_disk_fail_sync(struct fake_disk *fake, unsigned n);
/* Flip one bit, as if it had been on the disk all along. False when there is no such
 * byte. */
bool fake_disk_flip(struct fake_disk *fake, const char *name, uint64_t offset);
/* Copy bytes out, e.g. a record for a hostile body. */
size_t fake_disk_peek(struct fake_disk *fake, const char *name, uint64_t offset,
                      void *bytes, size_t length);
unsigned fake_disk_syncs(struct fake_disk *fake);
uint64_t fake_disk_bytes(struct fake_disk *fake);

#endif
