#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/disk.h"

#include "tests/support/test.h"

static void count_name(void *owner, const char *name)
{
    (void)name;
    ++*(int *)owner;
}

/* Files are written, read, renamed, listed and removed; errors are negative errnos; the
 * lock has one holder. */
TEST(disk_posix, works)
{
    char directory[] = "/tmp/mesura-disk-XXXXXX";
    struct disk disk;
    struct disk other;
    struct errmsg err = {""};
    long pid = 0;
    int names = 0;
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(disk_posix_open(directory, false, &disk, &err), 0);
    cr_assert_eq(disk_posix_open(directory, false, &other, &err), 0);
    cr_assert_eq(disk.lock(&disk, &pid), 0);
    cr_assert_eq(disk.lock(&disk, &pid), 0, "it is ours already");
    cr_assert_eq(other.lock(&other, &pid), -EBUSY);
    cr_assert_eq(pid, (long)getpid());
    cr_assert_eq(disk.open(&disk, "a", false), -ENOENT);
    int handle = disk.open(&disk, "a", true);
    cr_assert_geq(handle, 0);
    char hello[] = "hello ";
    char world[] = "world";
    struct iovec parts[2] = {{hello, 6}, {world, 5}};
    cr_assert_eq(disk.pwritev(&disk, handle, parts, 2, 4), 11);
    cr_assert_eq(disk.size(&disk, handle), 15);
    cr_assert_eq(disk.fdatasync(&disk, handle), 0);
    char text[16] = "";
    cr_assert_eq(disk.pread(&disk, handle, text, 11, 4, true), 11);
    cr_assert_str_eq(text, "hello world");
    cr_assert_eq(disk.resize(&disk, handle, 5), 0);
    cr_assert_eq(disk.size(&disk, handle), 5);
    disk.close(&disk, handle);
    cr_assert_eq(disk.rename(&disk, "a", "b"), 0);
    cr_assert_eq(disk.sync_dir(&disk), 0);
    cr_assert_eq(disk.list(&disk, count_name, &names), 0);
    cr_assert_eq(names, 2);
    struct disk_space space = {0};
    cr_assert_eq(disk.space(&disk, &space), 0);
    cr_assert_gt(space.free_inodes, 0);
    cr_assert_eq(disk.unlink(&disk, "a"), -ENOENT);
    cr_assert_eq(disk.unlink(&disk, "b"), 0);
    cr_assert_eq(disk.unlink(&disk, "lock"), 0);
    other.close_all(&other);
    disk.close_all(&disk);
    cr_assert_eq(rmdir(directory), 0);
}
