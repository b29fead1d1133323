#include <sys/stat.h>

#include "relay/config_machine.h"

#include "tests/support/folder.h"
#include "tests/support/loaded.h"

TEST(config_machine, files)
{
    /* A certificate that is missing or a key that everybody may read is an error; a
     * folder or the users file may still come. */
    struct folder folder;
    struct loaded loaded;
    char text[2048];
    char key[128];

    folder_make(&folder);
    folder_write(&folder, "tls.key", "k", 1);
    folder_write(&folder, "ok.pem", "k", 1);
    (void)folder_path(&folder, "ok.pem", key, sizeof key);
    cr_assert_eq(chmod(key, 0600), 0);
    (void)folder_path(&folder, "tls.key", key, sizeof key);
    cr_assert_eq(chmod(key, 0644), 0);
    (void)snprintf(text, sizeof text,
                   LOADED_HOST "tls = { certificate = \"%s/tls.crt\";\n"
                               "  key = \"%s/tls.key\"; };\n"
                               "listeners = ( { name = \"l\"; tls = \"starttls\";\n"
                               "  auth = \"required\"; port = 0; } );\n"
                               "users = \"%s/users\";\n"
                               "log = { file = \"%s/none/events\"; maillog = \"\"; };\n"
                               "dkim = ( { domain = \"a.test\"; selector = \"s\";\n"
                               "  key = \"%s/ok.pem\"; } );\n"
                               "alerts = { command = \"%s/none/page\"; };\n",
                   folder.path, folder.path, folder.path, folder.path, folder.path,
                   folder.path);
    loaded = loaded_text(text);
    cr_assert_not_null(loaded.config);
    config_machine(loaded.config, &loaded.notes);
    loaded_print(&loaded);
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 2, "tls.crt is not there"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 3, "everybody may read"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_WARNING, 6, "nobody can log in"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_WARNING, 7, "/none is not there"));
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_WARNING, 10, "cannot be run"));
    cr_assert_eq(loaded.notes.errors, 2);
    loaded_clear(&loaded);
    folder_remove(&folder);
}

TEST(config_machine, queue_key)
{
    /* The queue's key is for its owner alone: not even a group may read it. */
    struct folder folder;
    struct loaded loaded;
    char text[512];
    char key[128];

    folder_make(&folder);
    folder_write(&folder, "queue.key", "k", 1);
    (void)folder_path(&folder, "queue.key", key, sizeof key);
    (void)snprintf(text, sizeof text, LOADED_HOST "queue = {\n  key_file = \"%s\";\n};\n",
                   key);
    for (int mode = 0640; mode >= 0600; mode -= 0040) {
        cr_assert_eq(chmod(key, (mode_t)mode), 0);
        loaded = loaded_text(text);
        cr_assert_not_null(loaded.config);
        config_machine(loaded.config, &loaded.notes);
        cr_assert_eq(
            loaded_has(&loaded, CONFIG_NOTE_ERROR, 3, "others than its owner may use"),
            mode != 0600);
        loaded_clear(&loaded);
    }
    folder_remove(&folder);
}

TEST(config_machine, addresses)
{
    /* An address that this machine does not have yet is a warning on its own line. */
    struct loaded loaded = loaded_text(
        LOADED_HOST
        "sources = ( { name = \"a\"; shared = true; address = \"127.0.0.9\"; },\n"
        "  { name = \"b\"; shared = true;\n"
        "    address = \"203.0.113.77\"; } );\n");

    cr_assert_not_null(loaded.config);
    loaded.notes.warnings = 0;
    config_machine(loaded.config, &loaded.notes);
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_WARNING, 4,
                         "203.0.113.77 is not an address of this machine"));
    cr_assert_eq(loaded.notes.warnings, 1, "loopback is always there");
    loaded_clear(&loaded);
}

TEST(config_machine, zones)
{
    /* A time zone that the machine does not know is an error. */
    struct loaded loaded = loaded_text(
        LOADED_HOST "streams = ( { name = \"a\"; timezone = \"Europe/Atlantis\"; } );\n"
                    "warmups = ( { name = \"w\"; timezone = \"UTC\"; } );\n");

    cr_assert_not_null(loaded.config);
    config_machine(loaded.config, &loaded.notes);
    if (access("/usr/share/zoneinfo", F_OK) == 0) {
        cr_assert(loaded_has(&loaded, CONFIG_NOTE_ERROR, 2, "\"Europe/Atlantis\""));
        cr_assert_eq(loaded.notes.errors, 1);
    } else {
        cr_assert_eq(loaded.notes.errors, 0, "nothing to look it up in");
    }
    loaded_clear(&loaded);
}

/* No trusted roots on this machine is worth a word, not a refusal. */
TEST(config_machine, roots)
{
    struct loaded loaded = loaded_text("hostname = \"mail.a.test\";\n");
    cr_assert_not_null(loaded.config);
    cr_assert_eq(setenv("SSL_CERT_FILE", "/nowhere.pem", 1), 0);
    cr_assert_eq(setenv("SSL_CERT_DIR", "/nowhere", 1), 0);
    config_machine(loaded.config, &loaded.notes);
    cr_assert(loaded_has(&loaded, CONFIG_NOTE_WARNING, 1, "Install ca-certificates"));
    cr_assert_eq(loaded.notes.errors, 0);
    loaded_clear(&loaded);
}
