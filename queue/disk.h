/* The fault seam: every touch of the file system by the queue goes through here.
 *
 * A struct disk stands for one directory. Functions return >= 0 or a negative errno.
 * Names are plain file names in that directory. All functions may be called from any
 * thread; handles are small integers. What a crash keeps is the POSIX minimum: content
 * after fdatasync of the file, names after sync_dir. */

#ifndef QUEUE_DISK_H
#define QUEUE_DISK_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

struct disk_space {
    uint64_t free_bytes;
    uint64_t free_inodes;
};

typedef void (*disk_name_cb)(void *owner, const char *name);

struct disk {
    /* Take the directory for this process alone; -EBUSY and the owner's pid (0 = unknown)
     * when another has it; 0 when it is taken already through this disk. Freed by
     * close_all. */
    int (*lock)(const struct disk *disk, long *out_owner_pid);
    int (*open)(const struct disk *disk, const char *name, bool create);
    int (*open_readonly)(const struct disk *disk, const char *name);
    void (*close)(const struct disk *disk, int handle);
    int64_t (*size)(const struct disk *disk, int handle);
    int (*resize)(const struct disk *disk, int handle, uint64_t size); /* ftruncate */
    ssize_t (*pwritev)(const struct disk *disk, int handle, const struct iovec *parts,
                       int count, uint64_t offset);
    /* nowait: -EAGAIN instead of waiting for the device, where the system can tell. */
    ssize_t (*pread)(const struct disk *disk, int handle, void *bytes, size_t length,
                     uint64_t offset, bool nowait);
    int (*fdatasync)(const struct disk *disk, int handle);
    int (*rename)(const struct disk *disk, const char *from, const char *to);
    int (*unlink)(const struct disk *disk, const char *name);
    int (*sync_dir)(const struct disk *disk);
    int (*list)(const struct disk *disk, disk_name_cb name_cb, void *owner);
    int (*space)(const struct disk *disk, struct disk_space *out_space);
    void (*close_all)(const struct disk *disk); /* gives up the lock and the directory */
    void *owner;                                /* the implementation's */
};

/* Fill *out_disk for a directory of the real file system, made when it is missing (mode
 * 0700). End with out_disk->close_all. */
ATTR_MUST_CHECK int disk_posix_open(const char *directory, bool readonly,
                                    struct disk *out_disk, struct errmsg *err);

#endif
