/* The fake disk's power, and the other things a test does to it. No test of its own: as
 * fake_disk_files.c. */

#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_disk_impl.h"

void fake_disk_crash_at(struct fake_disk *fake, unsigned n)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    self->crash_at = n;
    fake_disk_unlock(self);
}

bool fake_disk_is_down(struct fake_disk *fake)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    bool down = self->down;
    fake_disk_unlock(self);
    return down;
}

/* Keep, lose or tear each piece that was not synced. */
static void settle_file(struct fake_disk *fake, struct fake_file *file)
{
    bool keeps_size = fake_disk_roll(fake) % 2 == 0;
    for (uint64_t piece = 0; piece < file->room / FAKE_PIECE; piece++) {
        if (!file->dirty[piece]) {
            continue;
        }
        uint64_t fate = fake_disk_roll(fake) % 8;
        uint64_t keep = fate < 4   ? FAKE_PIECE
                        : fate < 7 ? 0
                                   : fake_disk_roll(fake) % FAKE_PIECE;
        memcpy(file->synced + piece * FAKE_PIECE, file->now + piece * FAKE_PIECE, keep);
        if (keep > 0 && (piece + 1) * FAKE_PIECE > file->synced_size) {
            keeps_size = true;
        }
    }
    if (keeps_size) {
        file->synced_size = file->size;
    }
    file->size = file->synced_size;
    if (file->room > 0) {
        memset(file->synced + file->size, 0, file->room - file->size);
        memcpy(file->now, file->synced, file->room);
        memset(file->dirty, 0, file->room / FAKE_PIECE);
    }
}

void fake_disk_restart(struct fake_disk *fake)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    for (size_t i = 0; i < fake->change_count; i++) {
        if (fake_disk_roll(fake) % 2 == 0) {
            fake_disk_apply(fake->synced, &fake->changes[i]);
        }
    }
    fake->change_count = 0;
    memcpy(fake->now, fake->synced, sizeof fake->now);
    for (int i = 0; i < FAKE_FILES; i++) {
        if (fake->files[i].handles > 0) {
            abort(); /* somebody forgot to close */
        }
        if (fake->files[i].used) {
            settle_file(fake, &fake->files[i]);
        }
    }
    fake->down = false;
    fake->crash_at = 0;
    fake_disk_free_unnamed(fake);
    fake_disk_unlock(self);
}

void fake_disk_mutate(struct fake_disk *fake, enum fake_mutation mutation)
{
    fake->mutation = mutation;
}

void fake_disk_limit(struct fake_disk *fake, uint64_t bytes)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    self->limit = bytes;
    fake_disk_unlock(self);
}

void fake_disk_fail_sync(struct fake_disk *fake, unsigned n)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    self->fail_sync = n;
    fake_disk_unlock(self);
}

bool fake_disk_flip(struct fake_disk *fake, const char *name, uint64_t offset)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    struct fake_entry *entry = fake_disk_find(fake->now, name);
    bool done = entry != NULL && offset < fake->files[entry->file].size;
    if (done) {
        fake->files[entry->file].now[offset] ^= 0x10;
        fake->files[entry->file].synced[offset] ^= 0x10;
    }
    fake_disk_unlock(self);
    return done;
}

size_t fake_disk_peek(struct fake_disk *fake, const char *name, uint64_t offset,
                      void *bytes, size_t length)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    struct fake_entry *entry = fake_disk_find(fake->now, name);
    size_t got = 0;
    if (entry != NULL && offset < fake->files[entry->file].size) {
        uint64_t left = fake->files[entry->file].size - offset;
        got = length < left ? length : (size_t)left;
        memcpy(bytes, fake->files[entry->file].now + offset, got);
    }
    fake_disk_unlock(self);
    return got;
}

unsigned fake_disk_syncs(struct fake_disk *fake)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    unsigned syncs = self->syncs;
    fake_disk_unlock(self);
    return syncs;
}

uint64_t fake_disk_bytes(struct fake_disk *fake)
{
    struct fake_disk *self = fake_disk_lock(&fake->face);
    fake_disk_free_unnamed(self);
    uint64_t bytes = fake_disk_all_bytes(self);
    fake_disk_unlock(self);
    return bytes;
}
