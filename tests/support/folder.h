/* A folder of a test's own for files, gone when the test ends well. */

#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

#include <sys/stat.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/test.h"

struct folder {
    char path[64];
};

static inline void folder_make(struct folder *folder)
{
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/mesura-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder->path));
}

/* The path of a file in it, into buffer of size bytes. */
static inline char *folder_path(const struct folder *folder, const char *name,
                                char *buffer, size_t size)
{
    cr_assert_lt((size_t)snprintf(buffer, size, "%s/%s", folder->path, name), size);
    return buffer;
}

static inline void folder_write(const struct folder *folder, const char *name,
                                const char *bytes, size_t count)
{
    char path[256];
    FILE *file = fopen(folder_path(folder, name, path, sizeof path), "w");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, count, file), count);
    cr_assert_eq(fclose(file), 0);
}

static inline int folder_remove_one(const char *path, const struct stat *info, int flag,
                                    struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

static inline void folder_remove(const struct folder *folder)
{
    cr_assert_eq(nftw(folder->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
