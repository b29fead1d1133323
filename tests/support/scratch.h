/* A directory of a test's own under /tmp, and whole files in and out. Header only. */

#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#define SCRATCH_BYTES 256

struct scratch {
    char dir[64];
    char path[SCRATCH_BYTES]; /* of the name last asked for */
};

static inline void scratch_init(struct scratch *scratch)
{
    (void)snprintf(scratch->dir, sizeof scratch->dir, "/tmp/mesura-test-XXXXXX");
    cr_assert_not_null(mkdtemp(scratch->dir));
}

static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
    (void)snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->dir, name);
    return scratch->path;
}

/* The file as terminated text, for free(); NULL when there is none. */
static inline char *scratch_read(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return NULL;
    }
    size_t size = 0;
    char *text = calloc(1, 1);
    char chunk[4096];
    size_t got = 0;
    while (text != NULL && (got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        char *larger = realloc(text, size + got + 1);
        cr_assert_not_null(larger);
        text = larger;
        memcpy(text + size, chunk, got);
        size += got;
        text[size] = '\0';
    }
    (void)fclose(file);
    return text;
}

static inline void scratch_write(const char *path, const char *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, size), (ssize_t)size);
    (void)close(fd);
}

/* Take away the directory and the files in it. */
static inline void scratch_done(struct scratch *scratch)
{
    DIR *dir = opendir(scratch->dir);
    cr_assert_not_null(dir);
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    (void)closedir(dir);
    cr_expect_eq(rmdir(scratch->dir), 0);
}

#endif
