#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/roster.h"
#include "relay/users.h"

#include "tests/support/core_rig.h"
#include "tests/support/test.h"

static void write_users(const char *path, const char *text)
{
    FILE *out = fopen(path, "we");
    cr_assert_not_null(out);
    cr_assert_geq(fputs(text, out), 0);
    cr_assert_eq(fclose(out), 0);
    cr_assert_eq(chmod(path, 0600), 0);
}

static void open_with(struct core_rig *rig, char path[128])
{
    char config[1024];
    (void)snprintf(path, 128, "/tmp/mesura-roster-%d", (int)getpid());
    (void)snprintf(config, sizeof config, "users = \"%s\";\n%s", path, core_rig_default);
    core_rig_open(rig, config);
}

/* A file that is read again is in force at once; one that is wrong changes nothing and is
 * named; one that is gone leaves no users. */
TEST(roster, takes_a_changed_file)
{
    struct core_rig rig;
    struct errmsg err = {.text = ""};
    char path[128];
    open_with(&rig, path);
    cr_assert_eq(users_count(rig.core->users), 0);
    write_users(path, "erp - per_hour=5\n");
    cr_assert_eq(roster_reload(rig.core, &err), 0, "%s", err.text);
    cr_assert_eq(users_find(rig.core->users, "erp")->per_hour, 5);
    write_users(path, "erp - per_hour=many\n");
    cr_assert_eq(roster_reload(rig.core, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, path), "%s", err.text);
    cr_assert_not_null(strstr(err.text, ":1:"), "%s", err.text);
    cr_assert_eq(users_find(rig.core->users, "erp")->per_hour, 5);
    cr_assert_eq(chmod(path, 0644), 0);
    cr_assert_eq(roster_reload(rig.core, &err), -EPERM);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(roster_reload(rig.core, &err), 0);
    cr_assert_eq(users_count(rig.core->users), 0);
    core_rig_close(&rig);
}

/* A reload of the configuration takes the users along, and is refused as a whole when
 * they are wrong. */
TEST(roster, is_part_of_a_reload)
{
    struct core_rig rig;
    char path[128];
    open_with(&rig, path);
    write_users(path, "erp -\n");
    cr_assert_eq(core_rig_reload(&rig), 0);
    cr_assert_not_null(users_find(rig.core->users, "erp"));
    write_users(path, "erp\n");
    cr_assert_neq(core_rig_reload(&rig), 0);
    cr_assert_not_null(users_find(rig.core->users, "erp"));
    cr_assert_eq(unlink(path), 0);
    core_rig_close(&rig);
}

/* Passwords are asked for where a listener says so, and only there. */
TEST(roster, knows_who_wants_logins)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    cr_assert_not(roster_has_logins(rig.core->snapshot->config));
    core_rig_close(&rig);
}
