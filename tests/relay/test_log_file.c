#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/log_file.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

TEST(log_file, gathers_lines_and_appends_them)
{
    /* Lines are written in order, after what the file held, also when the buffer is
     * small. */
    struct scratch scratch;
    scratch_init(&scratch);
    const char *path = scratch_path(&scratch, "a.log");
    scratch_write(path, "old\n", 4);
    struct log_file file;
    struct errmsg err = {""};
    cr_assert_eq(log_file_open(&file, path, 8, &err), 0, "%s", err.text);
    log_file_add(&file, "one\n", 4, 1);
    log_file_add(&file, "two\n", 4, 1);
    log_file_add(&file, "three\n", 6, 1);
    log_file_flush(&file);
    cr_assert_eq(file.written, 3);
    cr_assert_eq(file.failed, 0);
    log_file_done(&file);
    char *text = scratch_read(path);
    cr_assert_str_eq(text, "old\none\ntwo\nthree\n");
    free(text);
    scratch_done(&scratch);
}

TEST(log_file, may_be_unwanted)
{
    /* A file that is not wanted takes lines and does nothing; reopening it is no error.
     */
    struct log_file file;
    struct errmsg err = {""};
    cr_assert_eq(log_file_open(&file, "", 100, &err), 0);
    log_file_add(&file, "one\n", 4, 1);
    log_file_flush(&file);
    cr_assert_eq(log_file_reopen(&file, &err), 0);
    cr_assert_eq(file.written, 0);
    log_file_done(&file);
    log_file_done(NULL);
}

TEST(log_file, is_opened_again_after_a_rotation)
{
    /* Lines before the reopening go to the old file, later ones to the new; when the name
     * cannot be opened, the old file is written on. */
    struct scratch scratch;
    scratch_init(&scratch);
    char path[SCRATCH_BYTES];
    char rotated[SCRATCH_BYTES];
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "a.log"));
    (void)snprintf(rotated, sizeof rotated, "%s", scratch_path(&scratch, "a.log.1"));
    struct log_file file;
    struct errmsg err = {""};
    cr_assert_eq(log_file_open(&file, path, 100, &err), 0);
    log_file_add(&file, "one\n", 4, 1);
    cr_assert_eq(rename(path, rotated), 0);
    cr_assert_eq(log_file_reopen(&file, &err), 0, "%s", err.text);
    log_file_add(&file, "two\n", 4, 1);
    log_file_flush(&file);

    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_lt(log_file_reopen(&file, &err), 0);
    cr_assert_not_null(strstr(err.text, path));
    log_file_add(&file, "three\n", 6, 1);
    log_file_flush(&file);
    cr_assert_eq(file.written, 3);
    log_file_done(&file);
    cr_assert_eq(rmdir(path), 0);
    char *text = scratch_read(rotated);
    cr_assert_str_eq(text, "one\n");
    free(text);
    scratch_done(&scratch);
}

TEST(log_file, counts_what_a_full_disk_costs)
{
    /* A file that may not grow loses lines, which are counted; once it may, writing goes
     * on on a line of its own. */
    struct scratch scratch;
    scratch_init(&scratch);
    const char *path = scratch_path(&scratch, "a.log");
    struct log_file file;
    struct errmsg err = {""};
    cr_assert_eq(log_file_open(&file, path, 100, &err), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit tight = {.rlim_cur = 6, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    log_file_add(&file, "one\n", 4, 1);
    log_file_add(&file, "two\n", 4, 1);
    log_file_flush(&file);
    cr_assert_eq(file.failed, 2);
    cr_assert_eq(file.last_errno, EFBIG);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    log_file_add(&file, "three\n", 6, 1);
    log_file_flush(&file);
    cr_assert_eq(file.written, 1);
    cr_assert_eq(file.last_errno, 0);
    log_file_done(&file);
    char *text = scratch_read(path);
    cr_assert_str_eq(text, "one\ntw\nthree\n");
    free(text);
    scratch_done(&scratch);
}

TEST(log_file, writes_to_a_descriptor_and_leaves_it_open)
{
    /* A pipe is written to and stays the caller's. */
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    struct log_file file;
    log_file_init_fd(&file, ends[1], 100);
    log_file_add(&file, "one\n", 4, 1);
    log_file_done(&file);
    char got[8] = "";
    cr_assert_eq(read(ends[0], got, sizeof got), 4);
    cr_assert_eq(fcntl(ends[1], F_GETFD) >= 0, true);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(log_file, refuses_a_path_that_is_none)
{
    /* An error at start names the file. */
    struct log_file file;
    struct errmsg err = {""};
    cr_assert_eq(log_file_open(&file, "/nonexistent/x.log", 100, &err), -ENOENT);
    cr_assert_not_null(strstr(err.text, "/nonexistent/x.log"));
    log_file_done(&file);
}
