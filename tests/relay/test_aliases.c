#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/aliases.h"
#include "relay/limits.h"

#include "tests/support/test.h"

/* What was told, with a comma behind each. */
static char told[4096];

static void on_target(void *owner, const char *target)
{
    (void)owner;
    size_t length = strlen(told);
    (void)snprintf(told + length, sizeof told - length, "%s,", target);
}

static struct aliases *parse(const char *text, struct aliases_doubt *doubt)
{
    struct aliases *aliases = NULL;
    struct errmsg err;
    cr_assert_eq(aliases_parse(&aliases, text, strlen(text), doubt, &err), 0);
    return aliases;
}

static void expect(const struct aliases *aliases, const char *name, const char *targets)
{
    told[0] = '\0';
    (void)aliases_expand(aliases, name, on_target, NULL);
    cr_assert_str_eq(told, targets, "%s leads to %s, not %s", name, told, targets);
}

TEST(aliases, leads_to_addresses)
{
    /* Names of any case, lists, folded lines, quotes and comments, as aliases(5) says;
     * other aliases are followed, in order. */
    struct aliases_doubt doubt;
    struct aliases *aliases = parse(
        "# comment\nRoot: kim@a.test, lee@b.test,\n   # not a line\n\tmia@c.test\n"
        "postmaster: root\n\nabuse :ROOT , zoe@d.test\n\"the cat\": \"x y\"@e.test\n"
        "last: end@f.test",
        &doubt);
    expect(aliases, "root", "kim@a.test,lee@b.test,mia@c.test,");
    expect(aliases, "POSTMASTER", "kim@a.test,lee@b.test,mia@c.test,");
    expect(aliases, "abuse", "zoe@d.test,kim@a.test,lee@b.test,mia@c.test,");
    expect(aliases, "the cat", "\"x y\"@e.test,");
    expect(aliases, "last", "end@f.test,");
    expect(aliases, "nobody", "");
    cr_assert_eq(aliases_count(aliases), 5);
    cr_assert_eq(doubt.count, 0);
    aliases_free(aliases);
}

TEST(aliases, ends_every_loop)
{
    /* Aliases of each other, and of themselves, lead somewhere or nowhere, but end. */
    struct aliases *aliases = parse("a: b, x@a.test\nb: c\nc: a, a@c.test\nme: me, \\me\n"
                                    "void: a2\na2: void\n",
                                    NULL);
    expect(aliases, "a", "x@a.test,a@c.test,");
    expect(aliases, "b", "a@c.test,x@a.test,");
    expect(aliases, "me", "me,me,");
    expect(aliases, "void", "");
    aliases_free(aliases);
}

TEST(aliases, tells_what_means_nothing)
{
    /* Programs, files, includes and lines without a name are counted, and the rest of
     * their entry holds. */
    struct aliases_doubt doubt;
    struct aliases *aliases =
        parse("ok: a@b.test\nlog: /var/mail/log, a@b.test\n"
              "p: \"|/bin/cat, more\"\ni: :include:/x\njust words\n",
              &doubt);
    cr_assert_eq(doubt.count, 4);
    cr_assert_eq(doubt.line, 2);
    cr_assert_str_eq(doubt.text, "/var/mail/log");
    expect(aliases, "log", "a@b.test,");
    expect(aliases, "p", "");
    aliases_free(aliases);
}

TEST(aliases, is_bounded)
{
    /* A file with too many entries is refused, whatever it costs, and never half used. */
    size_t size = (size_t)(LIMIT_ALIASES + 2) * 16;
    char *text = malloc(size);
    size_t length = 0;
    struct aliases *aliases = NULL;
    struct errmsg err;
    cr_assert_not_null(text);
    for (int i = 0; i <= LIMIT_ALIASES; i++) {
        length += (size_t)snprintf(text + length, size - length, "a%d: b\n", i);
    }
    cr_assert_eq(aliases_parse(&aliases, text, length, NULL, &err), -E2BIG);
    cr_assert_null(aliases);
    free(text);
}

TEST(aliases, reads_a_file_or_none)
{
    /* A file that is not there has no aliases; a folder is an error with its name. */
    char path[] = "/tmp/mesura-aliases-XXXXXX";
    struct aliases *aliases = NULL;
    struct errmsg err;
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "root: a@b.test\n", 15), 15);
    cr_assert_eq(close(fd), 0);
    cr_assert_eq(aliases_load(&aliases, path, NULL, &err), 0);
    expect(aliases, "root", "a@b.test,");
    aliases_free(aliases);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(aliases_load(&aliases, path, NULL, &err), 0);
    cr_assert_eq(aliases_count(aliases), 0);
    aliases_free(aliases);
    cr_assert_eq(aliases_load(&aliases, "/tmp", NULL, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "/tmp"));
}
