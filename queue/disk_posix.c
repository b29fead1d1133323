/* The real file system behind struct disk: the only file of the queue with system calls
 * that touch a disk.
 *
 * Good path: open directory -> lock file (an open file description lock would be lost on
 * no close but ours, so flock) -> files by openat -> pwritev, fdatasync -> fsync of the
 * directory descriptor for names.
 * Failures: every call answers with a negative errno; EINTR is retried but for fdatasync,
 * whose failure of any kind must be seen. */

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/disk.h"
#include "queue/mem.h"

#define LOCK_NAME "lock"

struct posix_disk {
    int directory;
    int lock; /* -1 = not taken */
};

static struct posix_disk *posix_of(const struct disk *disk)
{
    return disk->owner;
}

static int posix_lock(const struct disk *disk, long *out_owner_pid)
{
    struct posix_disk *posix = posix_of(disk);
    if (posix->lock >= 0) {
        return 0; /* taken already, by us */
    }
    int lock = openat(posix->directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        return -errno;
    }
    char text[32] = "";
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
        ssize_t got = pread(lock, text, sizeof text - 1, 0);
        text[got > 0 ? got : 0] = '\0';
        *out_owner_pid = strtol(text, NULL, 10);
        (void)close(lock);
        return rc;
    }
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)length, 0) != length) {
        int rc = errno != 0 ? -errno : -EIO;
        (void)close(lock);
        return rc;
    }
    posix->lock = lock;
    return 0;
}

static int posix_open(const struct disk *disk, const char *name, bool create)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
    int handle = openat(posix_of(disk)->directory, name, flags, 0600);
    return handle < 0 ? -errno : handle;
}

static int posix_open_readonly(const struct disk *disk, const char *name)
{
    int handle =
        openat(posix_of(disk)->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return handle < 0 ? -errno : handle;
}

static void posix_close(const struct disk *disk, int handle)
{
    (void)disk;
    (void)close(handle);
}

static int64_t posix_size(const struct disk *disk, int handle)
{
    (void)disk;
    struct stat info;
    if (fstat(handle, &info) != 0) {
        return -errno;
    }
    return S_ISREG(info.st_mode) ? info.st_size : -EINVAL;
}

static int posix_resize(const struct disk *disk, int handle, uint64_t size)
{
    (void)disk;
    return ftruncate(handle, (off_t)size) != 0 ? -errno : 0;
}

static ssize_t posix_pwritev(const struct disk *disk, int handle,
                             const struct iovec *parts, int count, uint64_t offset)
{
    (void)disk;
    for (;;) {
        ssize_t wrote = pwritev(handle, parts, count, (off_t)offset);
        if (wrote >= 0 || errno != EINTR) {
            return wrote < 0 ? -errno : wrote;
        }
    }
}

static ssize_t posix_pread(const struct disk *disk, int handle, void *bytes,
                           size_t length, uint64_t offset, bool nowait)
{
    (void)disk;
    for (;;) {
        struct iovec part = {bytes, length};
        ssize_t got = nowait ? preadv2(handle, &part, 1, (off_t)offset, RWF_NOWAIT)
                             : pread(handle, bytes, length, (off_t)offset);
        if (got < 0 && nowait && errno == EOPNOTSUPP) {
            nowait = false; /* tmpfs and the like: always in memory */
        } else if (got >= 0 || errno != EINTR) {
            return got < 0 ? -errno : got;
        }
    }
}

static int posix_fdatasync(const struct disk *disk, int handle)
{
    (void)disk;
    return fdatasync(handle) != 0 ? -errno : 0;
}

static int posix_rename(const struct disk *disk, const char *from, const char *to)
{
    int directory = posix_of(disk)->directory;
    return renameat(directory, from, directory, to) != 0 ? -errno : 0;
}

static int posix_unlink(const struct disk *disk, const char *name)
{
    return unlinkat(posix_of(disk)->directory, name, 0) != 0 ? -errno : 0;
}

static int posix_sync_dir(const struct disk *disk)
{
    return fsync(posix_of(disk)->directory) != 0 ? -errno : 0;
}

static int posix_list(const struct disk *disk, disk_name_cb name_cb, void *owner)
{
    int copy = openat(posix_of(disk)->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) {
        return -errno;
    }
    DIR *stream = fdopendir(copy);
    if (stream == NULL) {
        int rc = -errno;
        (void)close(copy);
        return rc;
    }
    int rc = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry =
            readdir(stream); // NOLINT(concurrency-mt-unsafe): own stream
        if (entry == NULL) {
            rc = -errno;
            break;
        }
        if (entry->d_name[0] != '.') {
            name_cb(owner, entry->d_name);
        }
    }
    (void)closedir(stream);
    return rc;
}

static int posix_space(const struct disk *disk, struct disk_space *out_space)
{
    struct statvfs info;
    if (fstatvfs(posix_of(disk)->directory, &info) != 0) {
        return -errno;
    }
    out_space->free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    /* File systems without a fixed number of inodes say 0 of 0. */
    out_space->free_inodes = info.f_files == 0 ? UINT64_MAX : info.f_favail;
    return 0;
}

static void posix_close_all(const struct disk *disk)
{
    struct posix_disk *posix = posix_of(disk);
    if (posix->lock >= 0) {
        (void)close(posix->lock);
    }
    (void)close(posix->directory);
    free(posix);
}

int disk_posix_open(const char *directory, bool readonly, struct disk *out_disk,
                    struct errmsg *err)
{
    if (!readonly && mkdir(directory, 0700) != 0 && errno != EEXIST) {
        int rc = -errno;
        errmsg_errno(err, rc, "make directory %s", directory);
        return rc;
    }
    int handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "open directory %s", directory);
        return rc;
    }
    struct posix_disk *posix = mem_alloc(sizeof *posix);
    posix->directory = handle;
    posix->lock = -1;
    *out_disk = (struct disk){
        .lock = posix_lock,
        .open = posix_open,
        .open_readonly = posix_open_readonly,
        .close = posix_close,
        .size = posix_size,
        .resize = posix_resize,
        .pwritev = posix_pwritev,
        .pread = posix_pread,
        .fdatasync = posix_fdatasync,
        .rename = posix_rename,
        .unlink = posix_unlink,
        .sync_dir = posix_sync_dir,
        .list = posix_list,
        .space = posix_space,
        .close_all = posix_close_all,
        .owner = posix,
    };
    return 0;
}
