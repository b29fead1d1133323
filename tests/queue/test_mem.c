#include <sys/wait.h>

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "queue/mem.h"

#include "tests/support/test.h"

/* Memory is zeroed, also after it was used and given back; nothing may be asked for. */
TEST(mem, zeroed)
{
    static const size_t sizes[] = {0, 1, 7, 64, 4096, 100001};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            uint8_t *bytes = mem_alloc(sizes[i]);
            cr_assert_not_null(bytes);
            for (size_t k = 0; k < sizes[i]; k++) {
                cr_assert_eq(bytes[k], 0, "byte %zu of %zu", k, sizes[i]);
                bytes[k] = 0xff;
            }
            free(bytes);
        }
    }
}

/* What was there stays when it grows; growing from nothing and to nothing is allowed. */
TEST(mem, resize_keeps)
{
    uint8_t *bytes = NULL;
    for (size_t size = 1; size <= 65536; size *= 2) {
        bytes = mem_resize(bytes, size);
        cr_assert_not_null(bytes);
        bytes[size - 1] = (uint8_t)(size % 251);
        for (size_t before = 1; before <= size; before *= 2) {
            cr_assert_eq(bytes[before - 1], before % 251);
        }
    }
    bytes = mem_resize(bytes, 0);
    cr_assert_not_null(bytes);
    free(bytes);
    void *none = mem_try(0);
    cr_assert_not_null(none);
    free(none);
}

static int status_of(void (*act)(void))
{
    int status = 0;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        (void)close(STDERR_FILENO);
        act();
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static volatile size_t impossible = SIZE_MAX / 2 - 4096;

static void alloc_impossible(void)
{
    free(mem_alloc(impossible));
}

static void resize_impossible(void)
{
    free(mem_resize(NULL, impossible));
}

/* A fixed size that cannot be had ends the process instead of giving NULL. */
TEST(mem, aborts)
{
    cr_assert_neq(status_of(alloc_impossible), 0);
    cr_assert_neq(status_of(resize_impossible), 0);
}

#ifndef TEST_HAS_LSAN
/* A size from outside that cannot be had is answered with NULL. */
TEST(mem, try_may_fail)
{
    cr_assert_null(mem_try(impossible));
}
#endif
