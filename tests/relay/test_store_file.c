#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/store_file.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

static struct scratch scratch;
static struct store_opened opened;
static struct errmsg err;
static sqlite3 *db;

static int open_it(void)
{
    struct store_options options = {.dir = scratch.dir, .unix_ms = 1764000000000};
    err.text[0] = '\0';
    db = NULL;
    return store_file_open(&db, &options, &opened, &err);
}

static int one_number(const char *sql)
{
    sqlite3_stmt *statement = NULL;
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
    int number = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

static bool has_file(const char *part)
{
    bool is_found = false;
    DIR *dir = opendir(scratch.dir);
    const struct dirent *found = NULL;
    while ((found = readdir(dir)) != NULL) {
        is_found = is_found || strstr(found->d_name, part) != NULL;
    }
    (void)closedir(dir);
    return is_found;
}

TEST(store_file, is_made_for_us_alone_and_syncs_fully)
{
    /* A new file is readable by its owner only, in WAL mode, with full syncs and our
     * tables; opening it again finds it. */
    scratch_init(&scratch);
    cr_assert_eq(open_it(), 0, "%s", err.text);
    cr_assert(opened.is_new);
    cr_assert_eq(one_number("PRAGMA synchronous"), 2);
    cr_assert_eq(one_number("PRAGMA trusted_schema"), 0);
    cr_assert_eq(
        one_number("SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN "
                   "('state','counted','journal')"),
        3);
    struct stat meta;
    cr_assert_eq(stat(scratch_path(&scratch, "store.sqlite"), &meta), 0);
    cr_assert_eq(meta.st_mode & 0777, 0600);
    cr_assert(has_file("-wal"));
    (void)sqlite3_close(db);
    cr_assert_eq(open_it(), 0, "%s", err.text);
    cr_assert_not(opened.is_new);
    cr_assert_str_eq(opened.note, "");
    (void)sqlite3_close(db);
    scratch_done(&scratch);
}

TEST(store_file, sets_a_damaged_file_aside)
{
    /* What is no database, or one whose pages are broken, is renamed and an empty one
     * begun, and the operator's sentence says what is lost. */
    static char garbage[20000];
    memset(garbage, 'g', sizeof garbage);
    scratch_init(&scratch);
    const char *path = scratch_path(&scratch, "store.sqlite");
    scratch_write(path, garbage, sizeof garbage);
    cr_assert_eq(open_it(), 0, "%s", err.text);
    cr_assert(opened.is_damaged);
    cr_assert_not_null(strstr(opened.note, "LOST"));
    cr_assert(has_file("store.sqlite.damaged-2025-11-24T16:00:00.000Z"));
    cr_assert_eq(one_number("SELECT count(*) FROM state"), 0);
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(
            sqlite3_exec(db,
                         "INSERT INTO journal(unix_ms,actor,kind,stream,source,"
                         "site,subject,before,after,evidence,until_unix_ms) "
                         "VALUES(1,'a','b','','','','','','',hex(randomblob(99)),0)",
                         NULL, NULL, NULL),
            SQLITE_OK);
    }
    (void)sqlite3_close(db);

    int fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, garbage, sizeof garbage, 4096), (ssize_t)sizeof garbage);
    (void)close(fd);
    cr_assert_eq(open_it(), 0, "%s", err.text);
    cr_assert(opened.is_damaged, "broken pages were not seen");
    cr_assert_eq(one_number("SELECT count(*) FROM journal"), 0);
    (void)sqlite3_close(db);
    scratch_done(&scratch);
}

TEST(store_file, survives_a_cut_at_any_length)
{
    /* A file cut anywhere opens, as itself or as an empty one; never is there an error.
     */
    scratch_init(&scratch);
    cr_assert_eq(open_it(), 0, "%s", err.text);
    (void)sqlite3_close(db);
    char path[SCRATCH_BYTES];
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "store.sqlite"));
    for (off_t size = 0; size < 12000; size += 517) {
        cr_assert_eq(truncate(path, size), 0);
        cr_assert_eq(open_it(), 0, "cut to %ld: %s", (long)size, err.text);
        cr_assert_eq(one_number("SELECT count(*) FROM state"), 0);
        (void)sqlite3_close(db);
    }
    scratch_done(&scratch);
}

TEST(store_file, refuses_a_newer_version)
{
    /* A file of a later version is left alone, and the error says what to do. */
    scratch_init(&scratch);
    cr_assert_eq(open_it(), 0, "%s", err.text);
    cr_assert_eq(sqlite3_exec(db, "PRAGMA user_version=9", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    cr_assert_eq(open_it(), -ENOTSUP);
    cr_assert_not_null(strstr(err.text, "newer version"));
    cr_assert_not_null(strstr(err.text, "store.sqlite"));
    cr_assert_not(has_file("damaged"));
    scratch_done(&scratch);
}

TEST(store_file, refuses_a_directory_that_is_none)
{
    /* A missing spool and a path too long are errors that name the file. */
    (void)snprintf(scratch.dir, sizeof scratch.dir, "/nonexistent");
    cr_assert_eq(open_it(), -ENOENT);
    cr_assert_not_null(strstr(err.text, "/nonexistent/store.sqlite"));
    static char large[5000];
    memset(large, 'd', sizeof large - 1);
    struct store_options options = {.dir = large};
    cr_assert_eq(store_file_open(&db, &options, &opened, &err), -ENAMETOOLONG);
}

TEST(store_file, translates_results)
{
    /* What SQLite says becomes the errno that says the same. */
    cr_assert_eq(store_file_errno(SQLITE_OK), 0);
    cr_assert_eq(store_file_errno(SQLITE_DONE), 0);
    cr_assert_eq(store_file_errno(SQLITE_FULL), -ENOSPC);
    cr_assert_eq(store_file_errno(SQLITE_CORRUPT), -EUCLEAN);
    cr_assert_eq(store_file_errno(SQLITE_IOERR_FSYNC), -EIO);
}
