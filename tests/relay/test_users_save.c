#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/entropy.h"
#include "relay/users.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

static struct users_errors errors;

static struct users *loaded(const char *path)
{
    struct users *users = NULL;
    cr_assert_eq(users_load(&users, path, &errors), 0, "%s", errors.told[0].text);
    return users;
}

TEST(users_save, writes_what_comes_back)
{
    /* A table with everything in it is the same after a way through the file, twice. */
    struct scratch scratch;
    scratch_init(&scratch);
    const char *path = scratch_path(&scratch, "users");
    const char text[] =
        "app - streams=a,b from=example.com,me@example.net "
        "networks=10.0.0.0/8,::1/128,2001:db8::/32,0.0.0.0/0,::/0 per_minute=1 "
        "per_hour=2 "
        "per_day=4294967295 max_message=25000000 priority=2-5 "
        "token=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
        "certificate=ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
        "disabled\n"
        "zed -\n";
    scratch_write(path, text, sizeof text - 1);
    struct users *first = loaded(path);
    struct errmsg err = {""};
    cr_assert_eq(users_save(first, path, &err), 0, "%s", err.text);
    char *written = scratch_read(path);
    cr_assert_not_null(written);
    cr_assert_eq(written[0], '#');
    const char *first_end = strchr(written, '\n');
    cr_assert_not_null(first_end);
    cr_assert_str_eq(first_end + 1, text);
    free(written);
    struct users *second = loaded(path);
    cr_assert_eq(users_count(second), 2);
    users_free(first);
    users_free(second);
    scratch_done(&scratch);
}

TEST(users_save, keeps_the_mode_and_leaves_nothing_behind)
{
    /* The mode of the old file stays; a new file is for its owner alone; a failure leaves
     * the old file and no other. */
    struct scratch scratch;
    scratch_init(&scratch);
    char path[SCRATCH_BYTES];
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "users"));
    struct users *users = users_new();
    struct errmsg err = {""};
    struct stat meta;
    cr_assert_eq(users_save(users, path, &err), 0, "%s", err.text);
    cr_assert_eq(stat(path, &meta), 0);
    cr_assert_eq(meta.st_mode & 07777, 0600);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_assert_eq(users_save(users, path, &err), 0, "%s", err.text);
    cr_assert_eq(stat(path, &meta), 0);
    cr_assert_eq(meta.st_mode & 07777, 0640);
    cr_assert_eq(users_save(users, "/nonexistent/users", &err), -ENOENT);
    cr_assert_not_null(strstr(err.text, "/nonexistent/users"));
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(users_save(users, path, &err), -EISDIR, "%s", err.text);
    users_free(users);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(rmdir(scratch.dir), 0, "a temporary file is left");
}

TEST(users_save, hashes_passwords_with_a_new_salt)
{
    /* The same password has another hash each time, and both fit the file. */
    char one[USERS_HASH_BYTES];
    char two[USERS_HASH_BYTES];
    cr_assert_eq(users_hash("secret", one), 0);
    cr_assert_eq(users_hash("secret", two), 0);
    cr_assert_neq(strcmp(one, two), 0);
    cr_assert_eq(strncmp(one, "$argon2id$", 10), 0);
}

TEST(users_save, one_change_at_a_time)
{
    /* Who holds the lock keeps others out; they are told, and get it afterwards. */
    struct scratch scratch;
    scratch_init(&scratch);
    char path[SCRATCH_BYTES];
    (void)snprintf(path, sizeof path, "%s", scratch_path(&scratch, "users"));
    struct errmsg err = {""};
    int lock = users_lock(path, 0, &err);
    cr_assert_geq(lock, 0, "%s", err.text);
    cr_assert_eq(users_lock(path, 40, &err), -EWOULDBLOCK);
    cr_assert_not_null(strstr(err.text, "another command"), "%s", err.text);
    users_unlock(lock);
    lock = users_lock(path, 0, &err);
    cr_assert_geq(lock, 0, "%s", err.text);
    users_unlock(lock);
    scratch_done(&scratch);
}
