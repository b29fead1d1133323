/* A disk that fails on demand, under a whole daemon: loaded with LD_PRELOAD.
 *
 * The file that $FAULTDISK names holds lines of a call and an errno ("fdatasync 5");
 * while it is there, that call on a segment of the queue fails so. Each failed call is a
 * line in $FAULTDISK.log: the call and its descriptor. Everything else goes to libc. */

#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 65536

static bool is_segment[FILES]; /* by descriptor; a race is a test's own fault */

static void note(const char *path, const char *call, int fd)
{
    char name[512];
    char line[64];
    (void)snprintf(name, sizeof name, "%s.log", path);
    int length = snprintf(line, sizeof line, "%s %d\n", call, fd);
    int log =
        (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log >= 0) {
        (void)!write(log, line, (size_t)length);
        (void)close(log);
    }
}

/* The errno with which this call must fail now; 0: it need not. */
static int fault(const char *call, int fd)
{
    const char *path = getenv("FAULTDISK");
    char text[256];
    if (path == NULL || fd < 0 || fd >= FILES || !is_segment[fd]) {
        return 0;
    }
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
    if (file < 0) {
        return 0;
    }
    ssize_t got = read(file, text, sizeof text - 1);
    (void)close(file);
    text[got > 0 ? got : 0] = '\0';
    size_t length = strlen(call);
    for (char *rest = text, *line = NULL; (line = strsep(&rest, "\n")) != NULL;) {
        if (strncmp(line, call, length) == 0 && line[length] == ' ') {
            note(path, call, fd);
            return (int)strtol(line + length, NULL, 10);
        }
    }
    return 0;
}

static int opened(int fd, const char *name)
{
    size_t length = strlen(name);
    if (fd >= 0 && fd < FILES) {
        is_segment[fd] = (length > 4 && strcmp(name + length - 4, ".seg") == 0) ||
                         strncmp(name, "spare-", 6) == 0;
    }
    return fd;
}

/* The calls of libc, whose headers name their parameters with reserved words.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

int openat(int dir, const char *name, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    return opened((int)syscall(SYS_openat, dir, name, flags, mode), name);
}

int openat64(int dir, const char *name, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    return opened((int)syscall(SYS_openat, dir, name, flags | O_LARGEFILE, mode), name);
}

static int failed(int code)
{
    errno = code;
    return -1;
}

int fdatasync(int fd)
{
    int code = fault("fdatasync", fd);
    return code != 0 ? failed(code) : (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    int code = fault("pwritev", fd);
    return code != 0 ? failed(code) : syscall(SYS_pwritev, fd, parts, count, offset, 0L);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return pwritev64(fd, parts, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset)
{
    int code = fault("pread", fd);
    return code != 0 ? failed(code) : syscall(SYS_pread64, fd, bytes, length, offset);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset)
{
    return pread64(fd, bytes, length, offset);
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset,
                   int flags)
{
    int code = fault("pread", fd);
    return code != 0 ? failed(code)
                     : syscall(SYS_preadv2, fd, parts, count, offset, 0L, flags);
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    return preadv64v2(fd, parts, count, offset, flags);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
