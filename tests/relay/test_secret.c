#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/secret.h"

#include "tests/support/test.h"

static char folder[] = "/tmp/mesura-secret-XXXXXX";
static char path[64];

static void put(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(path, mode), 0);
}

static void open_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/token", folder);
}

static void close_folder(void)
{
    (void)unlink(path);
    cr_assert_eq(rmdir(folder), 0);
}

/* An absolute path or the name of a credential; nothing that leaves the directory. */
TEST(secret, places)
{
    cr_assert(secret_is_place("/etc/mesura/secret"));
    cr_assert(secret_is_place("credential:relay"));
    static const char *const bad[] = {"",
                                      "secret",
                                      "credential:",
                                      "credential:../x",
                                      "credential:a/b",
                                      "credential:.x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(secret_is_place(bad[i]), "%s", bad[i]);
    }
}

/* The first line of a file that is its owner's alone; the secret is in no message. */
TEST(secret, files)
{
    char out[16];
    struct errmsg err = {.text = ""};
    open_folder();
    cr_assert_eq(secret_read(path, out, sizeof out, &err), -ENOENT);
    put("geheim\r\nmore\n", 0600);
    cr_assert_eq(secret_read(path, out, sizeof out, &err), 0, "%s", err.text);
    cr_assert_str_eq(out, "geheim");
    cr_assert_eq(chmod(path, 0640), 0);
    cr_assert_eq(secret_read(path, out, sizeof out, &err), -EPERM);
    cr_assert_not_null(strstr(err.text, "chmod 600"));
    cr_assert_null(strstr(err.text, "geheim"));
    put("\n", 0600);
    cr_assert_eq(secret_read(path, out, sizeof out, &err), -ENODATA);
    put("0123456789abcde", 0600);
    cr_assert_eq(secret_read(path, out, sizeof out, &err), 0);
    put("0123456789abcdef", 0600);
    cr_assert_eq(secret_read(path, out, sizeof out, &err), -EMSGSIZE);
    cr_assert_null(strstr(err.text, "01234"));
    close_folder();
}

/* systemd's directory: by name, whatever mode its ACL shows; without it a clear word. */
TEST(secret, credentials)
{
    char out[16];
    struct errmsg err = {.text = ""};
    open_folder();
    put("token\n", 0440);
    cr_assert_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    cr_assert_eq(secret_read("credential:token", out, sizeof out, &err), -ENOENT);
    cr_assert_not_null(strstr(err.text, "LoadCredential"));
    cr_assert_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    cr_assert_eq(secret_read("credential:token", out, sizeof out, &err), 0, "%s",
                 err.text);
    cr_assert_str_eq(out, "token");
    close_folder();
}
