/* The fake disk's files and directories, as written and as synced. No test of its own:
 * every test of the queue leans on it, and history.c makes it lie. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_disk_impl.h"

uint64_t fake_disk_roll(struct fake_disk *fake)
{
    fake->dice ^= fake->dice << 13;
    fake->dice ^= fake->dice >> 7;
    fake->dice ^= fake->dice << 17;
    return fake->dice;
}

struct fake_disk *fake_disk_lock(const struct disk *disk)
{
    struct fake_disk *fake = disk->owner;
    (void)pthread_mutex_lock(&fake->mutex);
    return fake;
}

void fake_disk_unlock(struct fake_disk *fake)
{
    (void)pthread_mutex_unlock(&fake->mutex);
}

struct fake_entry *fake_disk_find(struct fake_entry *entries, const char *name)
{
    for (int i = 0; i < FAKE_FILES; i++) {
        if (entries[i].file >= 0 && strcmp(entries[i].name, name) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

static void set_name(struct fake_entry *entries, const char *name, int file)
{
    struct fake_entry *entry = fake_disk_find(entries, name);
    for (int i = 0; entry == NULL && i < FAKE_FILES; i++) {
        if (entries[i].file < 0) {
            entry = &entries[i];
        }
    }
    if (entry == NULL) {
        abort();
    }
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->file = file;
}

void fake_disk_add_change(struct fake_disk *fake, const char *gone, const char *add,
                          int file)
{
    fake->changes =
        realloc(fake->changes, (fake->change_count + 1) * sizeof *fake->changes);
    struct fake_change *change = &fake->changes[fake->change_count++];
    (void)snprintf(change->remove, sizeof change->remove, "%s", gone);
    (void)snprintf(change->add, sizeof change->add, "%s", add);
    change->file = file;
}

void fake_disk_apply(struct fake_entry *entries, const struct fake_change *change)
{
    struct fake_entry *old =
        change->remove[0] == '\0' ? NULL : fake_disk_find(entries, change->remove);
    if (old != NULL) {
        old->file = -1;
    }
    if (change->add[0] != '\0') {
        set_name(entries, change->add, change->file);
    }
}

void fake_disk_free_unnamed(struct fake_disk *fake)
{
    for (int i = 0; i < FAKE_FILES; i++) {
        struct fake_file *file = &fake->files[i];
        bool named = file->handles > 0;
        for (int k = 0; !named && k < FAKE_FILES; k++) {
            named = fake->now[k].file == i || fake->synced[k].file == i;
        }
        for (size_t k = 0; !named && k < fake->change_count; k++) {
            named = fake->changes[k].file == i;
        }
        if (file->used && !named) {
            free(file->now);
            free(file->synced);
            free(file->dirty);
            *file = (struct fake_file){0};
        }
    }
}

int fake_disk_open_file(struct fake_disk *fake, const char *name, bool create)
{
    struct fake_entry *entry = fake_disk_find(fake->now, name);
    int file = entry == NULL ? -1 : entry->file;
    if (file < 0) {
        if (!create) {
            return -ENOENT;
        }
        fake_disk_free_unnamed(fake);
        for (file = 0; file < FAKE_FILES && fake->files[file].used; file++) {
        }
        if (file == FAKE_FILES) {
            return -ENOSPC;
        }
        fake->files[file] = (struct fake_file){.used = true};
        set_name(fake->now, name, file);
        fake_disk_add_change(fake, "", name, file);
    }
    for (int handle = 0; handle < FAKE_HANDLES; handle++) {
        if (fake->handles[handle] < 0) {
            fake->handles[handle] = file;
            fake->files[file].handles++;
            return handle;
        }
    }
    return -EMFILE;
}

void fake_disk_grow(struct fake_file *file, uint64_t size)
{
    if (size > file->room) {
        uint64_t room = (size * 2 + FAKE_PIECE - 1) / FAKE_PIECE * FAKE_PIECE;
        file->now = realloc(file->now, room);
        file->synced = realloc(file->synced, room);
        file->dirty = realloc(file->dirty, room / FAKE_PIECE);
        memset(file->now + file->room, 0, room - file->room);
        memset(file->synced + file->room, 0, room - file->room);
        memset(file->dirty + file->room / FAKE_PIECE, 0,
               (room - file->room) / FAKE_PIECE);
        file->room = room;
    }
}

uint64_t fake_disk_all_bytes(const struct fake_disk *fake)
{
    uint64_t bytes = 0;
    for (int i = 0; i < FAKE_FILES; i++) {
        bytes += fake->files[i].used ? fake->files[i].size : 0;
    }
    return bytes;
}

int fake_disk_write_one(struct fake_disk *fake, struct fake_file *file,
                        const struct iovec *part, uint64_t offset)
{
    uint64_t end = offset + part->iov_len;
    if (end > file->size) {
        fake_disk_free_unnamed(fake);
        if (fake->limit > 0 &&
            fake_disk_all_bytes(fake) + end - file->size > fake->limit) {
            return -ENOSPC;
        }
        fake_disk_grow(file, end);
        file->size = end;
    }
    memcpy(file->now + offset, part->iov_base, part->iov_len);
    for (uint64_t piece = offset / FAKE_PIECE; piece * FAKE_PIECE < end; piece++) {
        file->dirty[piece] = 1;
    }
    return 0;
}

void fake_disk_sync_file(struct fake_file *file)
{
    if (file->room > 0) {
        memcpy(file->synced, file->now, file->room);
        memset(file->dirty, 0, file->room / FAKE_PIECE);
    }
    file->synced_size = file->size;
}
