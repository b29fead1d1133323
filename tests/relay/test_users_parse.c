#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relay/limits.h"
#include "relay/users.h"

#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define HASH                                                 \
    "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static struct users_errors errors;

static struct users *good(const char *text)
{
    struct users *users = NULL;
    int failed = users_parse(&users, "users", text, strlen(text), &errors);
    cr_assert_eq(failed, 0, "%s", errors.told[0].text);
    return users;
}

static void bad(const char *text, const char *wanted)
{
    struct users *users = NULL;
    cr_assert_eq(users_parse(&users, "users", text, strlen(text), &errors), -EINVAL, "%s",
                 text);
    cr_assert_null(users);
    cr_assert_not_null(strstr(errors.told[0].text, wanted), "%s: %s", text,
                       errors.told[0].text);
}

TEST(users_parse, reads_everything_a_line_may_say)
{
    /* Each setting reaches its field; comments and empty lines are nothing; lists allow.
     */
    struct users *users =
        good("# a comment\n"
             "\n   \t\r\n"
             "erp " HASH " streams=transactional,bulk "
             "from=Example.com,*.example.org networks=10.0.0.0/8,::1 "
             "per_minute=1 per_hour=2 per_day=3 max_message=4 priority=2-5 "
             "token=000102030405060708090a0b0c0d0e0f"
             "101112131415161718191a1b1c1d1e1f disabled\r\n"
             "app\t-");
    cr_assert_eq(users_count(users), 2);
    cr_assert_str_eq(users_at(users, 0)->name, "app");
    const struct users_user *user = users_find(users, "ERP");
    cr_assert_not_null(user);
    cr_assert_str_eq(user->hash, HASH);
    cr_assert(user->is_disabled);
    cr_assert_eq(user->stream_count, 2);
    cr_assert_str_eq(user->streams[1], "bulk");
    cr_assert_str_eq(user->from[0], "example.com");
    cr_assert_eq(user->network_count, 2);
    cr_assert_eq(user->per_minute, 1);
    cr_assert_eq(user->per_hour, 2);
    cr_assert_eq(user->per_day, 3);
    cr_assert_eq(user->max_message_bytes, 4);
    cr_assert_eq(user->priority_low, 2);
    cr_assert_eq(user->priority_high, 5);
    cr_assert_eq(user->token_count, 1);
    cr_assert_eq(user->tokens[0].hash[31], 31);
    const struct users_user *plain = users_find(users, "app");
    cr_assert_str_eq(plain->hash, "");
    cr_assert_eq(plain->priority_high, 9);
    cr_assert_not(plain->is_disabled);
    cr_assert_null(users_find(users, "nobody"));
    users_free(users);
}

TEST(users_parse, names_the_line_and_the_way_out)
{
    /* Each mistake is told with file and line and what would be right. */
    bad("erp\n", "users:1: a line is NAME HASH");
    bad("\n\nerp secret\n", "users:3: the hash is not one");
    bad("e=p -\n", "is no user's name");
    bad("erp - colour=red\n", "\"colour\" is unknown: known are");
    bad("erp - streams\n", "has no value");
    bad("erp - streams=\n", "has no value");
    bad("erp - streams=a,,b\n", "is no stream's name");
    bad("erp - from=@x\n", "write example.com");
    bad("erp - networks=10.0.0.0/99\n", "write 192.0.2.0/24");
    bad("erp - per_hour=many\n", "per_hour is a whole number");
    bad("erp - per_hour=4294967296\n", "per_hour is a whole number");
    bad("erp - max_message=-1\n", "max_message is a whole number");
    bad("erp - priority=5\n", "priority=0-5");
    bad("erp - priority=5-2\n", "LOW-HIGH");
    bad("erp - token=12\n", "64 hexadecimal digits");
    bad("erp -\nERP -\n", "users:2: user ERP is already above");
}

TEST(users_parse, tells_all_mistakes_in_one_pass)
{
    /* Every bad line is counted, the first ones are told, and there is no table. */
    static const char bad[] = "bad\n";
    char text[50 * 4 + 1] = "";
    for (size_t i = 0; i < 50; i++) {
        memcpy(text + 4 * i, bad, sizeof bad - 1);
    }
    struct users *users = NULL;
    cr_assert_eq(users_parse(&users, "users", text, strlen(text), &errors), -EINVAL);
    cr_assert_eq(errors.count, 50);
    cr_assert_not_null(strstr(errors.told[USERS_ERRORS - 1].text, "users:20:"));
}

TEST(users_parse, refuses_what_is_too_large)
{
    /* A line too long, a list too long and a NUL byte are errors, not crashes. */
    static char text[LIMIT_USERS_LINE + 100];
    memset(text, 'a', sizeof text - 1);
    bad(text, "too long");
    char list[] =
        "erp - streams=................................................................."
        "................................................................";
    for (char *at = strchr(list, '.'); at != NULL; at = strchr(at, '.')) {
        at[0] = 'a';
        if (at[1] != '\0') {
            at[1] = ',';
        }
    }
    bad(list, "at most 64 items");
    struct users *users = NULL;
    cr_assert_eq(users_parse(&users, "users", "a\0b", 3, &errors), -EINVAL);
    cr_assert_eq(users_parse(&users, "users", "", 0, &errors), 0);
    cr_assert_eq(users_count(users), 0);
    users_free(users);
}

TEST(users_parse, loads_a_file_that_only_we_may_write)
{
    /* A file others may read, or its group may write, is refused; a missing one is
     * -ENOENT. */
    struct scratch scratch;
    scratch_init(&scratch);
    const char *path = scratch_path(&scratch, "users");
    scratch_write(path, "app -\n", 6);
    struct users *users = NULL;
    const mode_t refused[] = {0644, 0602, 0660};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(chmod(path, refused[i]), 0);
        cr_assert_eq(users_load(&users, path, &errors), -EPERM);
        cr_assert_not_null(strstr(errors.told[0].text, "chmod 0640"));
    }
    const mode_t taken[] = {0600, 0640, 0400};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(chmod(path, taken[i]), 0);
        cr_assert_eq(users_load(&users, path, &errors), 0, "%s", errors.told[0].text);
        cr_assert_eq(users_count(users), 1);
        users_free(users);
    }
    cr_assert_eq(users_load(&users, scratch_path(&scratch, "none"), &errors), -ENOENT);
    cr_assert_eq(users_load(&users, scratch.dir, &errors), -EFBIG);
    scratch_done(&scratch);
}
