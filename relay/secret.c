#include "relay/secret.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "credential:"

static bool is_credential(const char *place)
{
    return strncmp(place, PREFIX, sizeof PREFIX - 1) == 0;
}

bool secret_is_place(const char *place)
{
    if (!is_credential(place)) {
        return place[0] == '/';
    }
    const char *name = place + sizeof PREFIX - 1;
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

bool secret_path(const char *place, char *out, size_t size)
{
    int length = -1;
    if (!is_credential(place)) {
        length = snprintf(out, size, "%s", place);
    } else {
        /* Nobody changes the environment after the start. */
        const char *folder =
            getenv("CREDENTIALS_DIRECTORY"); /* NOLINT(concurrency-mt-unsafe) */
        if (folder != NULL && folder[0] == '/') {
            length = snprintf(out, size, "%s/%s", folder, place + sizeof PREFIX - 1);
        }
    }
    return length >= 0 && (size_t)length < size;
}

static int read_line(int fd, const char *place, char *out, size_t size,
                     struct errmsg *err)
{
    ssize_t got = read(fd, out, size);
    if (got < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "read %s", place);
        return rc;
    }
    size_t length = 0;
    while (length < (size_t)got && out[length] != '\n' && out[length] != '\r') {
        length++;
    }
    if (length == size) {
        errmsg_set(err, "%s: the first line is longer than %zu bytes", place, size - 1);
        return -EMSGSIZE;
    }
    out[length] = '\0';
    if (length == 0) {
        errmsg_set(err, "%s: the first line is empty; the secret belongs there", place);
        return -ENODATA;
    }
    return 0;
}

int secret_read(const char *place, char *out, size_t size, struct errmsg *err)
{
    char path[1200];
    struct stat facts;
    if (!secret_path(place, path, sizeof path)) {
        errmsg_set(err,
                   "%s: there is no credentials directory; start mesurad by systemd "
                   "with LoadCredential=, or name a file",
                   place);
        return -ENOENT;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "read %s", place);
        return rc;
    }
    int rc = fstat(fd, &facts) == 0 ? 0 : -errno;
    if (rc != 0) {
        errmsg_errno(err, rc, "read %s", place);
    } else if (!is_credential(place) && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        /* systemd guards its folder, and shows modes that an ACL narrows. */
        rc = -EPERM;
        errmsg_set(err, "%s: others may read it; chmod 600 it", place);
    } else {
        rc = read_line(fd, place, out, size, err);
    }
    (void)close(fd);
    return rc;
}
