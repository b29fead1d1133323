/* Good path: lines are gathered and written with one write a batch.
 * Failure modes: a write fails (full disk, dead pipe): its lines are counted as lost and
 * the next batch is tried as if nothing had been; a write is cut short: the rest is
 * written, and when that fails the torn line is ended before the next; a file cannot be
 * opened again: the old one stays. Nothing is retried by waiting. */

#include "relay/log_file.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/arena.h"

#define FILE_MODE 0640

static int open_path(const char *path, struct errmsg *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                  FILE_MODE);
    if (fd < 0) {
        int failed = -errno;
        errmsg_errno(err, failed, "open log file %s", path);
        return failed;
    }
    return fd;
}

int log_file_open(struct log_file *file, const char *path, size_t size_bytes,
                  struct errmsg *err)
{
    assert(file != NULL);
    assert(path != NULL);
    *file = (struct log_file){.fd = -1};
    if (path[0] == '\0') {
        return 0;
    }
    int fd = open_path(path, err);
    if (fd < 0) {
        return fd;
    }
    size_t path_size = strlen(path) + 1;
    file->path = arena_must(1, path_size);
    memcpy(file->path, path, path_size);
    file->fd = fd;
    file->size = size_bytes;
    file->data = arena_must(1, size_bytes);
    return 0;
}

void log_file_init_fd(struct log_file *file, int fd, size_t size_bytes)
{
    assert(file != NULL);
    *file = (struct log_file){.fd = fd, .size = size_bytes};
    file->data = arena_must(1, size_bytes);
}

int log_file_reopen(struct log_file *file, struct errmsg *err)
{
    assert(file != NULL);
    log_file_flush(file);
    if (file->path == NULL) {
        return 0;
    }
    int fd = open_path(file->path, err);
    if (fd < 0) {
        return fd;
    }
    (void)close(file->fd);
    file->fd = fd;
    file->is_torn = false;
    return 0;
}

void log_file_add(struct log_file *file, const char *data, size_t size, uint64_t lines)
{
    assert(file != NULL);
    if (file->fd < 0 || size == 0) {
        return;
    }
    assert(size <= file->size);
    if (size > file->size - file->used) {
        log_file_flush(file);
    }
    memcpy(file->data + file->used, data, size);
    file->used += size;
    file->waiting += lines;
}

static bool write_all(struct log_file *file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(file->fd, data, size);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            file->last_errno = wrote < 0 ? errno : EIO;
            return false;
        }
        data += wrote;
        size -= (size_t)wrote;
        file->is_torn = data[-1] != '\n';
    }
    return true;
}

void log_file_flush(struct log_file *file)
{
    assert(file != NULL);
    if (file->used == 0) {
        return;
    }
    bool is_good = !file->is_torn || write_all(file, "\n", 1);
    is_good = is_good && write_all(file, file->data, file->used);
    if (is_good) {
        file->written += file->waiting;
        file->last_errno = 0;
    } else {
        file->failed += file->waiting;
    }
    file->used = 0;
    file->waiting = 0;
}

void log_file_done(struct log_file *file)
{
    if (file == NULL || file->data == NULL) {
        return;
    }
    log_file_flush(file);
    if (file->path != NULL) {
        (void)close(file->fd);
    }
    free(file->path);
    free(file->data);
    *file = (struct log_file){.fd = -1};
}
