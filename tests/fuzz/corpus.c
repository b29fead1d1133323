/* In place of libFuzzer in ordinary builds: a target's kept corpus, once, file by file.
 * What was found once stays mended with every compiler, and no target goes stale.
 *
 *     fuzz_NAME FOLDER        1: no file there, or one that cannot be read */

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES (1 << 20)

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The bytes are in memory of just their size, so that ASan sees a step beyond. */
static int run_file(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rbe");
    char *room = malloc(MOST_BYTES);
    if (file == NULL || room == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerrordesc_np(errno));
        exit(1);
    }
    size_t size = fread(room, 1, MOST_BYTES, file);
    int failed = ferror(file);
    (void)fclose(file);
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL || failed != 0) {
        exit(1);
    }
    memcpy(data, room, size);
    free(room);
    (void)printf("%s, %zu bytes\n", name, size);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int ran = 0;
    int count = argc == 2 ? scandir(argv[1], &entries, is_visible, alphasort) : -1;
    for (int i = 0; i < count; i++) {
        ran += run_file(argv[1], entries[i]->d_name);
        free(entries[i]);
    }
    free((void *)entries);
    (void)printf("%d files\n", ran);
    return ran > 0 ? 0 : 1;
}
