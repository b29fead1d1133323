#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relay/now.h"

#include "tests/support/core_rig.h"

#define DAY CORE_RIG_DAY

static struct suppression_entry entry_of(const char *address, const char *stream)
{
    struct suppression_entry entry = {
        .cause = SUPPRESS_OPERATOR, .since_ms = now_unix_ms(), .until_ms = INT64_MAX};
    (void)snprintf(entry.address, sizeof entry.address, "%s", address);
    (void)snprintf(entry.stream, sizeof entry.stream, "%s", stream);
    (void)snprintf(entry.why, sizeof entry.why, "asked by telephone");
    return entry;
}

static bool blocks(struct core_rig *rig, const char *stream, const char *address)
{
    struct suppression_entry entry;
    return suppression_blocks(&rig->core->suppression, rig->core->snapshot->config,
                              stream, address, now_unix_ms(), &entry);
}

/* An entry holds for its stream, or for all; without case; over a crash; until its end.
 */
TEST(suppression, list)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct suppression *list = &rig.core->suppression;
    struct suppression_entry entry = entry_of("Eve@Example.TEST", "bulk");
    cr_assert_eq(suppression_set(list, &entry, NULL), 0);
    entry = entry_of("all@example.test", "");
    entry.until_ms = now_unix_ms() + DAY;
    cr_assert_eq(suppression_set(list, &entry, NULL), 0);
    entry = entry_of("no address", "");
    cr_assert_eq(suppression_set(list, &entry, NULL), -EINVAL);
    entry = entry_of("a@b.test", "bu|lk");
    cr_assert_eq(suppression_set(list, &entry, NULL), -EINVAL);
    core_rig_run(&rig);
    core_rig_crash(&rig);
    list = &rig.core->suppression;
    cr_assert_eq(list->blocking, 2);
    cr_assert(blocks(&rig, "bulk", "eve@example.test"));
    cr_assert_not(blocks(&rig, "transactional", "eve@example.test"));
    cr_assert(blocks(&rig, "transactional", "ALL@example.test"));
    cr_assert(blocks(&rig, "bulk", "all@example.test"));
    core_rig_pass(&rig, DAY + 1000);
    cr_assert_not(blocks(&rig, "bulk", "all@example.test"));
    cr_assert(suppression_remove(list, "bulk", "EVE@example.test", NULL));
    cr_assert_not(suppression_remove(list, "bulk", "EVE@example.test", NULL));
    cr_assert_not(blocks(&rig, "bulk", "eve@example.test"));
    core_rig_close(&rig);
}

/* Every entry is on exactly one page, whatever grows meanwhile. */
TEST(suppression, pages)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    struct suppression *list = &rig.core->suppression;
    char name[32];
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "u%d@x.test", i);
        struct suppression_entry entry = entry_of(name, "");
        cr_assert_eq(suppression_set(list, &entry, NULL), 0);
    }
    struct suppression_entry page[100];
    bool seen[3000] = {false};
    uint64_t cursor = 0;
    unsigned count = 0;
    int added = 0;
    do {
        size_t got = suppression_page(list, &cursor, page, 100);
        for (size_t i = 0; i < got; i++) {
            int number = 0;
            if (sscanf(page[i].address, "u%d@", &number) == 1) {
                cr_assert_not(seen[number]);
                seen[number] = true;
                count++;
            }
        }
        for (int i = 0; i < 200 && added < 3000; i++, added++) {
            (void)snprintf(name, sizeof name, "w%d@x.test", added);
            struct suppression_entry entry = entry_of(name, "");
            cr_assert_eq(suppression_set(list, &entry, NULL), 0);
        }
    } while (cursor != 0);
    cr_assert_eq(count, 3000);
    core_rig_close(&rig);
}

/* A stream that shall not ask the list does not; one that observes is not kept back. */
TEST(suppression, exempt)
{
    struct core_rig rig;
    core_rig_open(
        &rig,
        "sources = ( { name = \"tx1\"; address = \"127.0.0.10\"; shared = true; } );\n"
        "streams = ( { name = \"transactional\"; sources = [ \"tx1\" ]; "
        "suppression = \"none\"; },\n"
        "{ name = \"eyes\"; sources = [ \"tx1\" ]; mode = \"observe\"; }, "
        "{ name = \"bulk\"; sources = [ \"tx1\" ]; } );\n");
    struct suppression_entry entry = entry_of("all@example.test", "");
    cr_assert_eq(suppression_set(&rig.core->suppression, &entry, NULL), 0);
    cr_assert_not(blocks(&rig, "transactional", "all@example.test"));
    cr_assert_not(blocks(&rig, "eyes", "all@example.test"));
    cr_assert(blocks(&rig, "bulk", "all@example.test"));
    core_rig_close(&rig);
}

/* Why a recipient was not written to, in words that its sender understands. */
TEST(suppression, words)
{
    struct suppression_entry entry = {.cause = SUPPRESS_BAD_MAILBOX,
                                      .since_ms = CORE_RIG_START,
                                      .until_ms = CORE_RIG_START + 90 * DAY,
                                      .why = "550 5.1.1 no such user"};
    char text[300];
    suppression_words(&entry, text, sizeof text);
    cr_assert_str_eq(text, "not written to until 2024-02-12: its receiver refused this "
                           "mailbox on 2023-11-14: 550 5.1.1 no such user");
}
