/* The fake disk as struct disk. No test of its own: as fake_disk_files.c. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_disk_impl.h"

/* One call that changes something. */
static bool has_power(struct fake_disk *fake)
{
    if (!fake->down && fake->crash_at > 0 && --fake->crash_at == 0) {
        fake->down = true;
    }
    return !fake->down;
}

static int fake_lock(const struct disk *disk, long *out_owner_pid)
{
    (void)disk;
    *out_owner_pid = 0;
    return 0;
}

static int fake_open(const struct disk *disk, const char *name, bool create)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    int rc = has_power(fake) ? fake_disk_open_file(fake, name, create) : -EIO;
    fake_disk_unlock(fake);
    return rc;
}

static int fake_open_readonly(const struct disk *disk, const char *name)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    int rc = fake->down ? -EIO : fake_disk_open_file(fake, name, false);
    fake_disk_unlock(fake);
    return rc;
}

static void fake_close(const struct disk *disk, int handle)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    fake->files[fake->handles[handle]].handles--;
    fake->handles[handle] = -1;
    fake_disk_unlock(fake);
}

static int64_t fake_size(const struct disk *disk, int handle)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    int64_t size = (int64_t)fake->files[fake->handles[handle]].size;
    fake_disk_unlock(fake);
    return size;
}

static int fake_resize(const struct disk *disk, int handle, uint64_t size)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    int rc = has_power(fake) ? 0 : -EIO;
    struct fake_file *file = &fake->files[fake->handles[handle]];
    if (rc == 0) {
        fake_disk_grow(file, size);
        if (size < file->size) {
            memset(file->now + size, 0, file->size - size);
            memset(file->dirty + size / FAKE_PIECE, 1,
                   (file->size + FAKE_PIECE - 1) / FAKE_PIECE - size / FAKE_PIECE);
        }
        file->size = size;
    }
    fake_disk_unlock(fake);
    return rc;
}

static ssize_t fake_pwritev(const struct disk *disk, int handle,
                            const struct iovec *parts, int count, uint64_t offset)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    ssize_t rc = 0;
    struct fake_file *file = &fake->files[fake->handles[handle]];
    if (!has_power(fake)) {
        /* Power fails in the middle of the call: some of it may have gone out. */
        int some = count > 0 ? (int)(fake_disk_roll(fake) % (unsigned)(count + 1)) : 0;
        for (int i = 0; fake->crash_at == 0 && i < some; i++) {
            (void)fake_disk_write_one(fake, file, &parts[i], offset);
            offset += parts[i].iov_len;
        }
        fake_disk_unlock(fake);
        return -EIO;
    }
    for (int i = 0; i < count; i++) {
        int one = fake_disk_write_one(fake, file, &parts[i], offset + (uint64_t)rc);
        if (one != 0) {
            rc = rc > 0 ? rc : one;
            break;
        }
        rc += (ssize_t)parts[i].iov_len;
        /* Short writes are allowed at any time. */
        if (i + 1 < count && fake_disk_roll(fake) % 16 == 0) {
            break;
        }
    }
    fake_disk_unlock(fake);
    return rc;
}

static ssize_t fake_pread(const struct disk *disk, int handle, void *bytes, size_t length,
                          uint64_t offset, bool nowait)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    struct fake_file *file = &fake->files[fake->handles[handle]];
    ssize_t rc = -EIO;
    if (nowait && fake_disk_roll(fake) % 4 == 0) {
        rc = -EAGAIN;
    } else if (!fake->down) {
        uint64_t left = offset < file->size ? file->size - offset : 0;
        rc = (ssize_t)(length < left ? length : left);
        if (rc > 0) {
            memcpy(bytes, file->now + offset, (size_t)rc);
        }
    }
    fake_disk_unlock(fake);
    return rc;
}

static int fake_fdatasync(const struct disk *disk, int handle)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    int rc = has_power(fake) ? 0 : -EIO;
    if (rc == 0 && fake->fail_sync > 0 && --fake->fail_sync == 0) {
        rc = -EIO;
    }
    if (rc == 0) {
        fake->syncs++;
        if (fake->mutation != FAKE_NO_FDATASYNC) {
            fake_disk_sync_file(&fake->files[fake->handles[handle]]);
        }
    }
    fake_disk_unlock(fake);
    return rc;
}

static int fake_rename(const struct disk *disk, const char *from, const char *to)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    struct fake_entry *entry = fake_disk_find(fake->now, from);
    int rc = !has_power(fake) ? -EIO : entry == NULL ? -ENOENT : 0;
    if (rc == 0) {
        fake_disk_add_change(fake, from, to, entry->file);
        fake_disk_apply(fake->now, &fake->changes[fake->change_count - 1]);
    }
    fake_disk_unlock(fake);
    return rc;
}

static int fake_unlink(const struct disk *disk, const char *name)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    struct fake_entry *entry = fake_disk_find(fake->now, name);
    int rc = !has_power(fake) ? -EIO : entry == NULL ? -ENOENT : 0;
    if (rc == 0) {
        fake_disk_add_change(fake, name, "", -1);
        entry->file = -1;
    }
    fake_disk_unlock(fake);
    return rc;
}

static int fake_sync_dir(const struct disk *disk)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    int rc = has_power(fake) ? 0 : -EIO;
    if (rc == 0 && fake->mutation != FAKE_NO_SYNC_DIR) {
        memcpy(fake->synced, fake->now, sizeof fake->now);
        fake->change_count = 0;
    }
    fake_disk_unlock(fake);
    return rc;
}

static int fake_list(const struct disk *disk, disk_name_cb name_cb, void *owner)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    int rc = fake->down ? -EIO : 0;
    for (int i = 0; rc == 0 && i < FAKE_FILES; i++) {
        if (fake->now[i].file >= 0) {
            name_cb(owner, fake->now[i].name);
        }
    }
    fake_disk_unlock(fake);
    return rc;
}

static int fake_space(const struct disk *disk, struct disk_space *out_space)
{
    struct fake_disk *fake = fake_disk_lock(disk);
    uint64_t used = fake_disk_all_bytes(fake);
    out_space->free_bytes = fake->limit == 0     ? UINT64_C(1) << 40
                            : fake->limit < used ? 0
                                                 : fake->limit - used;
    out_space->free_inodes = 1000000;
    fake_disk_unlock(fake);
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
    for (int i = 0; i < FAKE_FILES; i++) {
        fake->now[i].file = -1;
        fake->synced[i].file = -1;
    }
    for (int i = 0; i < FAKE_HANDLES; i++) {
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
    for (int i = 0; i < FAKE_FILES; i++) {
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
