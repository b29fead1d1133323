/* Good path: the file is made with mode 0600 or opened, put in WAL mode, checked, and its
 * tables are there.
 * Failure modes: it is damaged, or no database at all: renamed, with its companions, and
 * an empty one begun; the caller is told. It was written by a newer version, or the disk
 * refuses: an error, and nothing is changed. */

#include "relay/store_file.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/linebuf.h"

#define FILE_NAME  "store.sqlite"
#define PATH_BYTES 4096
#define FILE_MODE  0600
#define VERSION    1
#define BUSY_MS    5000 /* an operator's sqlite3 may hold a lock for a moment */

static const char *const settings = "PRAGMA trusted_schema=OFF;"
                                    "PRAGMA synchronous=FULL;"
                                    "PRAGMA temp_store=MEMORY;"
                                    "PRAGMA journal_size_limit=16777216;";

static const char *const tables =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS state("
    " kind TEXT NOT NULL, key TEXT NOT NULL, unix_ms INTEGER NOT NULL, value TEXT NOT "
    "NULL,"
    " PRIMARY KEY(kind, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS counted("
    " hour_unix_ms INTEGER NOT NULL, key TEXT NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY(hour_unix_ms, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS journal("
    " number INTEGER PRIMARY KEY AUTOINCREMENT, unix_ms INTEGER NOT NULL,"
    " actor TEXT NOT NULL, kind TEXT NOT NULL, stream TEXT NOT NULL, source TEXT NOT "
    "NULL,"
    " site TEXT NOT NULL, subject TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT "
    "NULL,"
    " evidence TEXT NOT NULL, until_unix_ms INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS journal_time ON journal(unix_ms);"
    "PRAGMA user_version=1;"
    "COMMIT;";

int store_file_errno(int result)
{
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return 0;
    case SQLITE_FULL: return -ENOSPC;
    case SQLITE_NOMEM: return -ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return -EUCLEAN;
    case SQLITE_READONLY: return -EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -EBUSY;
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return -EACCES;
    default: return -EIO;
    }
}

static int complain(sqlite3 *db, int result, const char *what, struct errmsg *err)
{
    errmsg_set(err, "%s: %s", what, db == NULL ? "no memory" : sqlite3_errmsg(db));
    return store_file_errno(result);
}

static int run(sqlite3 *db, const char *sql, const char *what, struct errmsg *err)
{
    int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : complain(db, result, what, err);
}

/* The first column of a pragma's first row, as text. */
static int ask(sqlite3 *db, const char *sql, char *out, size_t size, struct errmsg *err)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        result = sqlite3_step(statement);
    }
    int failed = 0;
    if (result == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(statement, 0);
        (void)snprintf(out, size, "%s", text == NULL ? "" : (const char *)text);
    } else {
        failed = complain(db, result, sql, err);
        failed = failed == 0 ? -EIO : failed;
    }
    (void)sqlite3_finalize(statement);
    return failed;
}

static int check_version(sqlite3 *db, struct errmsg *err)
{
    char version[32] = "";
    int failed = ask(db, "PRAGMA user_version", version, sizeof version, err);
    if (failed < 0) {
        return failed;
    }
    if (strlen(version) > 1 || version[0] < '0' || version[0] > '0' + VERSION) {
        errmsg_set(
            err,
            "written by a newer version (%s, this one knows %d); use that version, "
            "or move the file away to begin anew without stops and ledgers",
            version, VERSION);
        return -ENOTSUP;
    }
    return 0;
}

static int check_health(sqlite3 *db, struct errmsg *err)
{
    char verdict[ERRMSG_BYTES] = "";
    int failed = ask(db, "PRAGMA quick_check(1)", verdict, sizeof verdict, err);
    if (failed == 0 && strcmp(verdict, "ok") != 0) {
        errmsg_set(err, "%s", verdict);
        return -EUCLEAN;
    }
    return failed;
}

/* Make the file ourselves: SQLite would let others read it. */
static int make_file(const char *path, bool *out_is_new, struct errmsg *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0 && errno != EEXIST) {
        int failed = -errno;
        errmsg_errno(err, failed, "create");
        return failed;
    }
    *out_is_new = fd >= 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return 0;
}

static int open_once(sqlite3 **out, const char *path, struct errmsg *err)
{
    sqlite3 *db = NULL;
    char mode[32];
    int result =
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int failed = result == SQLITE_OK ? 0 : complain(db, result, "open", err);
    if (failed == 0) {
        (void)sqlite3_extended_result_codes(db, 1);
        (void)sqlite3_busy_timeout(db, BUSY_MS);
        failed = run(db, settings, "settings", err);
    }
    if (failed == 0) {
        failed = check_version(db, err);
    }
    if (failed == 0) {
        failed = check_health(db, err);
    }
    if (failed == 0) {
        failed = ask(db, "PRAGMA journal_mode=WAL", mode, sizeof mode, err);
    }
    if (failed == 0) {
        failed = run(db, tables, "tables", err);
    }
    if (failed < 0) {
        (void)sqlite3_close(db);
        return failed;
    }
    *out = db;
    return 0;
}

/* Rename the file and its companions, so that an expert can still look into them. */
static int set_aside(const char *path, int64_t unix_ms, struct errmsg *err)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char suffix[64];
    struct linebuf when;
    linebuf_init(&when, suffix, sizeof suffix - 1);
    linebuf_time(&when, unix_ms, "Z");
    suffix[when.used] = '\0';
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char from[PATH_BYTES];
        char to[PATH_BYTES];
        (void)snprintf(from, sizeof from, "%s%s", path, endings[i]);
        if (snprintf(to, sizeof to, "%s.damaged-%s%s", path, suffix, endings[i]) >=
            (int)sizeof to) {
            errmsg_set(err, "the path is too long");
            return -ENAMETOOLONG;
        }
        if (rename(from, to) < 0 && errno != ENOENT) {
            int failed = -errno;
            errmsg_errno(err, failed, "set aside as %s", to);
            return failed;
        }
    }
    return 0;
}

static int open_checked(sqlite3 **out, const char *path,
                        const struct store_options *options, struct store_opened *opened,
                        struct errmsg *err)
{
    int failed = make_file(path, &opened->is_new, err);
    if (failed < 0) {
        return failed;
    }
    failed = open_once(out, path, err);
    if (failed != -EUCLEAN) {
        return failed;
    }
    struct errmsg damage = *err;
    failed = set_aside(path, options->unix_ms, err);
    if (failed < 0) {
        return failed;
    }
    opened->is_damaged = true;
    (void)snprintf(
        opened->note, sizeof opened->note,
        "store.sqlite is damaged (%.100s): set aside as .damaged-*; all stops, "
        "freezes and ledgers in it are LOST; check what was blocked before mail "
        "flows again",
        damage.text);
    failed = make_file(path, &opened->is_new, err);
    return failed < 0 ? failed : open_once(out, path, err);
}

int store_file_open(sqlite3 **out, const struct store_options *options,
                    struct store_opened *out_opened, struct errmsg *err)
{
    assert(out != NULL);
    assert(options != NULL);
    assert(out_opened != NULL);
    char path[PATH_BYTES - 128];
    *out_opened = (struct store_opened){0};
    if (snprintf(path, sizeof path, "%s/%s", options->dir, FILE_NAME) >=
        (int)sizeof path) {
        errmsg_set(err, "store: the path of the spool is too long");
        return -ENAMETOOLONG;
    }
    int failed = open_checked(out, path, options, out_opened, err);
    if (failed < 0) {
        errmsg_wrap(err, "store %s", path);
    }
    return failed;
}
