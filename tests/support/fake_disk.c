#include "tests/support/fake_disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE   512
#define FILES   512
#define HANDLES 256
#define NAME    48

struct file {
    bool used;
    uint8_t *now;    /* as written; length size, room room */
    uint8_t *synced; /* as on the platter */
    uint8_t *dirty;  /* per piece */
    uint64_t size;
    uint64_t synced_size;
    uint64_t room;
    unsigned handles;
    unsigned names; /* in either directory, or in pending changes */
};

struct entry {
    char name[NAME];
    int file; /* -1 = free */
};

/* A change of names that no sync_dir has covered. */
struct name_change {
    char remove[NAME]; /* "" = nothing */
    char add[NAME];
    int file;
};

struct fake_disk {
    struct disk face;
    pthread_mutex_t mutex;
    uint64_t dice;
    struct file files[FILES];
    struct entry now[FILES];
    struct entry synced[FILES];
    struct name_change *changes;
    size_t change_count;
    int handles[HANDLES]; /* file; -1 = free */
    unsigned crash_at;
    unsigned fail_sync;
    unsigned syncs;
    bool down;
    bool locked;
    enum fake_mutation mutation;
    uint64_t limit;
};

static uint64_t roll(struct fake_disk *fake)
{
    fake->dice ^= fake->dice << 13;
    fake->dice ^= fake->dice >> 7;
    fake->dice ^= fake->dice << 17;
    return fake->dice;
}

static struct fake_disk *lock(const struct disk *disk)
{
    struct fake_disk *fake = disk->owner;
    (void)pthread_mutex_lock(&fake->mutex);
    return fake;
}

static void unlock(struct fake_disk *fake)
{
    (void)pthread_mutex_unlock(&fake->mutex);
}

/* One call that changes something. */
static bool has_power(struct fake_disk *fake)
{
    if (!fake->down && fake->crash_at > 0 && --fake->crash_at == 0) {
        fake->down = true;
    }
    return !fake->down;
}

static struct entry *find(struct entry *entries, const char *name)
{
    for (int i = 0; i < FILES; i++) {
        if (entries[i].file >= 0 && strcmp(entries[i].name, name) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

static void set_name(struct entry *entries, const char *name, int file)
{
    struct entry *entry = find(entries, name);
    for (int i = 0; entry == NULL && i < FILES; i++) {
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

static void add_change(struct fake_disk *fake, const char *gone, const char *add,
                       int file)
{
    fake->changes =
        realloc(fake->changes, (fake->change_count + 1) * sizeof *fake->changes);
    struct name_change *change = &fake->changes[fake->change_count++];
    (void)snprintf(change->remove, sizeof change->remove, "%s", gone);
    (void)snprintf(change->add, sizeof change->add, "%s", add);
    change->file = file;
}

static void apply(struct entry *entries, const struct name_change *change)
{
    struct entry *old = change->remove[0] == '\0' ? NULL : find(entries, change->remove);
    if (old != NULL) {
        old->file = -1;
    }
    if (change->add[0] != '\0') {
        set_name(entries, change->add, change->file);
    }
}

static void free_unnamed(struct fake_disk *fake)
{
    for (int i = 0; i < FILES; i++) {
        struct file *file = &fake->files[i];
        bool named = file->handles > 0;
        for (int k = 0; !named && k < FILES; k++) {
            named = fake->now[k].file == i || fake->synced[k].file == i;
        }
        for (size_t k = 0; !named && k < fake->change_count; k++) {
            named = fake->changes[k].file == i;
        }
        if (file->used && !named) {
            free(file->now);
            free(file->synced);
            free(file->dirty);
            *file = (struct file){0};
        }
    }
}

static int fake_lock(const struct disk *disk, long *out_owner_pid)
{
    (void)disk;
    *out_owner_pid = 0;
    return 0;
}

static int open_file(struct fake_disk *fake, const char *name, bool create)
{
    struct entry *entry = find(fake->now, name);
    int file = entry == NULL ? -1 : entry->file;
    if (file < 0) {
        if (!create) {
            return -ENOENT;
        }
        free_unnamed(fake);
        for (file = 0; file < FILES && fake->files[file].used; file++) {
        }
        if (file == FILES) {
            return -ENOSPC;
        }
        fake->files[file] = (struct file){.used = true};
        set_name(fake->now, name, file);
        add_change(fake, "", name, file);
    }
    for (int handle = 0; handle < HANDLES; handle++) {
        if (fake->handles[handle] < 0) {
            fake->handles[handle] = file;
            fake->files[file].handles++;
            return handle;
        }
    }
    return -EMFILE;
}

static int fake_open(const struct disk *disk, const char *name, bool create)
{
    struct fake_disk *fake = lock(disk);
    int rc = has_power(fake) ? open_file(fake, name, create) : -EIO;
    unlock(fake);
    return rc;
}

static int fake_open_readonly(const struct disk *disk, const char *name)
{
    struct fake_disk *fake = lock(disk);
    int rc = fake->down ? -EIO : open_file(fake, name, false);
    unlock(fake);
    return rc;
}

static void fake_close(const struct disk *disk, int handle)
{
    struct fake_disk *fake = lock(disk);
    fake->files[fake->handles[handle]].handles--;
    fake->handles[handle] = -1;
    unlock(fake);
}

static int64_t fake_size(const struct disk *disk, int handle)
{
    struct fake_disk *fake = lock(disk);
    int64_t size = (int64_t)fake->files[fake->handles[handle]].size;
    unlock(fake);
    return size;
}

static void grow(struct file *file, uint64_t size)
{
    if (size > file->room) {
        uint64_t room = (size * 2 + PIECE - 1) / PIECE * PIECE;
        file->now = realloc(file->now, room);
        file->synced = realloc(file->synced, room);
        file->dirty = realloc(file->dirty, room / PIECE);
        memset(file->now + file->room, 0, room - file->room);
        memset(file->synced + file->room, 0, room - file->room);
        memset(file->dirty + file->room / PIECE, 0, (room - file->room) / PIECE);
        file->room = room;
    }
}

static int fake_resize(const struct disk *disk, int handle, uint64_t size)
{
    struct fake_disk *fake = lock(disk);
    int rc = has_power(fake) ? 0 : -EIO;
    struct file *file = &fake->files[fake->handles[handle]];
    if (rc == 0) {
        grow(file, size);
        if (size < file->size) {
            memset(file->now + size, 0, file->size - size);
            memset(file->dirty + size / PIECE, 1,
                   (file->size + PIECE - 1) / PIECE - size / PIECE);
        }
        file->size = size;
    }
    unlock(fake);
    return rc;
}

static uint64_t all_bytes(const struct fake_disk *fake)
{
    uint64_t bytes = 0;
    for (int i = 0; i < FILES; i++) {
        bytes += fake->files[i].used ? fake->files[i].size : 0;
    }
    return bytes;
}

static int write_one(struct fake_disk *fake, struct file *file, const struct iovec *part,
                     uint64_t offset)
{
    uint64_t end = offset + part->iov_len;
    if (end > file->size) {
        free_unnamed(fake);
        if (fake->limit > 0 && all_bytes(fake) + end - file->size > fake->limit) {
            return -ENOSPC;
        }
        grow(file, end);
        file->size = end;
    }
    memcpy(file->now + offset, part->iov_base, part->iov_len);
    for (uint64_t piece = offset / PIECE; piece * PIECE < end; piece++) {
        file->dirty[piece] = 1;
    }
    return 0;
}

static ssize_t fake_pwritev(const struct disk *disk, int handle,
                            const struct iovec *parts, int count, uint64_t offset)
{
    struct fake_disk *fake = lock(disk);
    ssize_t rc = 0;
    struct file *file = &fake->files[fake->handles[handle]];
    if (!has_power(fake)) {
        /* Power fails in the middle of the call: some of it may have gone out. */
        int some = count > 0 ? (int)(roll(fake) % (unsigned)(count + 1)) : 0;
        for (int i = 0; fake->crash_at == 0 && i < some; i++) {
            (void)write_one(fake, file, &parts[i], offset);
            offset += parts[i].iov_len;
        }
        unlock(fake);
        return -EIO;
    }
    for (int i = 0; i < count; i++) {
        int one = write_one(fake, file, &parts[i], offset + (uint64_t)rc);
        if (one != 0) {
            rc = rc > 0 ? rc : one;
            break;
        }
        rc += (ssize_t)parts[i].iov_len;
        /* Short writes are allowed at any time. */
        if (i + 1 < count && roll(fake) % 16 == 0) {
            break;
        }
    }
    unlock(fake);
    return rc;
}

static ssize_t fake_pread(const struct disk *disk, int handle, void *bytes, size_t length,
                          uint64_t offset, bool nowait)
{
    struct fake_disk *fake = lock(disk);
    struct file *file = &fake->files[fake->handles[handle]];
    ssize_t rc = -EIO;
    if (nowait && roll(fake) % 4 == 0) {
        rc = -EAGAIN;
    } else if (!fake->down) {
        uint64_t left = offset < file->size ? file->size - offset : 0;
        rc = (ssize_t)(length < left ? length : left);
        if (rc > 0) {
            memcpy(bytes, file->now + offset, (size_t)rc);
        }
    }
    unlock(fake);
    return rc;
}

static void sync_file(struct file *file)
{
    if (file->room > 0) {
        memcpy(file->synced, file->now, file->room);
        memset(file->dirty, 0, file->room / PIECE);
    }
    file->synced_size = file->size;
}

static int fake_fdatasync(const struct disk *disk, int handle)
{
    struct fake_disk *fake = lock(disk);
    int rc = has_power(fake) ? 0 : -EIO;
    if (rc == 0 && fake->fail_sync > 0 && --fake->fail_sync == 0) {
        rc = -EIO;
    }
    if (rc == 0) {
        fake->syncs++;
        if (fake->mutation != FAKE_NO_FDATASYNC) {
            sync_file(&fake->files[fake->handles[handle]]);
        }
    }
    unlock(fake);
    return rc;
}

static int fake_rename(const struct disk *disk, const char *from, const char *to)
{
    struct fake_disk *fake = lock(disk);
    struct entry *entry = find(fake->now, from);
    int rc = !has_power(fake) ? -EIO : entry == NULL ? -ENOENT : 0;
    if (rc == 0) {
        add_change(fake, from, to, entry->file);
        apply(fake->now, &fake->changes[fake->change_count - 1]);
    }
    unlock(fake);
    return rc;
}

static int fake_unlink(const struct disk *disk, const char *name)
{
    struct fake_disk *fake = lock(disk);
    struct entry *entry = find(fake->now, name);
    int rc = !has_power(fake) ? -EIO : entry == NULL ? -ENOENT : 0;
    if (rc == 0) {
        add_change(fake, name, "", -1);
        entry->file = -1;
    }
    unlock(fake);
    return rc;
}

static int fake_sync_dir(const struct disk *disk)
{
    struct fake_disk *fake = lock(disk);
    int rc = has_power(fake) ? 0 : -EIO;
    if (rc == 0 && fake->mutation != FAKE_NO_SYNC_DIR) {
        memcpy(fake->synced, fake->now, sizeof fake->now);
        fake->change_count = 0;
    }
    unlock(fake);
    return rc;
}

static int fake_list(const struct disk *disk, disk_name_cb name_cb, void *owner)
{
    struct fake_disk *fake = lock(disk);
    int rc = fake->down ? -EIO : 0;
    for (int i = 0; rc == 0 && i < FILES; i++) {
        if (fake->now[i].file >= 0) {
            name_cb(owner, fake->now[i].name);
        }
    }
    unlock(fake);
    return rc;
}

static int fake_space(const struct disk *disk, struct disk_space *out_space)
{
    struct fake_disk *fake = lock(disk);
    uint64_t used = all_bytes(fake);
    out_space->free_bytes = fake->limit == 0     ? UINT64_C(1) << 40
                            : fake->limit < used ? 0
                                                 : fake->limit - used;
    out_space->free_inodes = 1000000;
    unlock(fake);
    return 0;
}

static void fake_close_all(const struct disk *disk)
{
    (void)disk;
}

struct fake_disk *fake_disk_new(uint64_t seed)
{
    struct fake_disk *fake = calloc(1, sizeof *fake);
    if (fake == NULL) {
        abort();
    }
    (void)pthread_mutex_init(&fake->mutex, NULL);
    fake->dice = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int i = 0; i < FILES; i++) {
        fake->now[i].file = -1;
        fake->synced[i].file = -1;
    }
    for (int i = 0; i < HANDLES; i++) {
        fake->handles[i] = -1;
    }
    fake->face = (struct disk){
        .lock = fake_lock,
        .open = fake_open,
        .open_readonly = fake_open_readonly,
        .close = fake_close,
        .size = fake_size,
        .resize = fake_resize,
        .pwritev = fake_pwritev,
        .pread = fake_pread,
        .fdatasync = fake_fdatasync,
        .rename = fake_rename,
        .unlink = fake_unlink,
        .sync_dir = fake_sync_dir,
        .list = fake_list,
        .space = fake_space,
        .close_all = fake_close_all,
        .owner = fake,
    };
    return fake;
}

void fake_disk_free(struct fake_disk *fake)
{
    for (int i = 0; i < FILES; i++) {
        free(fake->files[i].now);
        free(fake->files[i].synced);
        free(fake->files[i].dirty);
    }
    free(fake->changes);
    (void)pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

const struct disk *fake_disk_face(struct fake_disk *fake)
{
    return &fake->face;
}

void fake_disk_crash_at(struct fake_disk *fake, unsigned n)
{
    struct fake_disk *self = lock(&fake->face);
    self->crash_at = n;
    unlock(self);
}

bool fake_disk_is_down(struct fake_disk *fake)
{
    struct fake_disk *self = lock(&fake->face);
    bool down = self->down;
    unlock(self);
    return down;
}

/* Keep, lose or tear each piece that was not synced. */
static void settle_file(struct fake_disk *fake, struct file *file)
{
    bool keeps_size = roll(fake) % 2 == 0;
    for (uint64_t piece = 0; piece < file->room / PIECE; piece++) {
        if (!file->dirty[piece]) {
            continue;
        }
        uint64_t fate = roll(fake) % 8;
        uint64_t keep = fate < 4 ? PIECE : fate < 7 ? 0 : roll(fake) % PIECE;
        memcpy(file->synced + piece * PIECE, file->now + piece * PIECE, keep);
        if (keep > 0 && (piece + 1) * PIECE > file->synced_size) {
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
        memset(file->dirty, 0, file->room / PIECE);
    }
}

void fake_disk_restart(struct fake_disk *fake)
{
    struct fake_disk *self = lock(&fake->face);
    for (size_t i = 0; i < fake->change_count; i++) {
        if (roll(fake) % 2 == 0) {
            apply(fake->synced, &fake->changes[i]);
        }
    }
    fake->change_count = 0;
    memcpy(fake->now, fake->synced, sizeof fake->now);
    for (int i = 0; i < FILES; i++) {
        if (fake->files[i].handles > 0) {
            abort(); /* somebody forgot to close */
        }
        if (fake->files[i].used) {
            settle_file(fake, &fake->files[i]);
        }
    }
    fake->down = false;
    fake->crash_at = 0;
    free_unnamed(fake);
    unlock(self);
}

void fake_disk_mutate(struct fake_disk *fake, enum fake_mutation mutation)
{
    fake->mutation = mutation;
}

void fake_disk_limit(struct fake_disk *fake, uint64_t bytes)
{
    struct fake_disk *self = lock(&fake->face);
    self->limit = bytes;
    unlock(self);
}

void fake_disk_fail_sync(struct fake_disk *fake, unsigned n)
{
    struct fake_disk *self = lock(&fake->face);
    self->fail_sync = n;
    unlock(self);
}

bool fake_disk_flip(struct fake_disk *fake, const char *name, uint64_t offset)
{
    struct fake_disk *self = lock(&fake->face);
    struct entry *entry = find(fake->now, name);
    bool done = entry != NULL && offset < fake->files[entry->file].size;
    if (done) {
        fake->files[entry->file].now[offset] ^= 0x10;
        fake->files[entry->file].synced[offset] ^= 0x10;
    }
    unlock(self);
    return done;
}

size_t fake_disk_peek(struct fake_disk *fake, const char *name, uint64_t offset,
                      void *bytes, size_t length)
{
    struct fake_disk *self = lock(&fake->face);
    struct entry *entry = find(fake->now, name);
    size_t got = 0;
    if (entry != NULL && offset < fake->files[entry->file].size) {
        uint64_t left = fake->files[entry->file].size - offset;
        got = length < left ? length : (size_t)left;
        memcpy(bytes, fake->files[entry->file].now + offset, got);
    }
    unlock(self);
    return got;
}

unsigned fake_disk_syncs(struct fake_disk *fake)
{
    struct fake_disk *self = lock(&fake->face);
    unsigned syncs = self->syncs;
    unlock(self);
    return syncs;
}

uint64_t fake_disk_bytes(struct fake_disk *fake)
{
    struct fake_disk *self = lock(&fake->face);
    uint64_t bytes = all_bytes(self);
    unlock(self);
    return bytes;
}
