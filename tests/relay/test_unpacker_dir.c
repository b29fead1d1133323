#include <errno.h>

#include "relay/id.h"
#include "relay/unpacker_dir.h"

#include "tests/support/porter_rig.h"

static void file_path(const struct porter_rig *rig, uint64_t id, const char *end,
                      char *out, size_t room)
{
    char text[ID_BYTES];
    id_print(id, text);
    (void)snprintf(out, room, "%s/%s%s", rig->dir, text, end);
}

static int open_again(struct porter_rig *rig)
{
    free(rig->unpack->ids);
    free(rig->unpack->known);
    rig->unpack->ids = NULL;
    rig->unpack->known = NULL;
    rig->unpack->id_count = rig->unpack->known_count = 0;
    rig->unpack->err.text[0] = '\0';
    return unpacker_dir_open(rig->unpack);
}

/* Whatever is not as the packer leaves it refuses all of it, and names the file. */
TEST(unpacker_dir, half_is_refused)
{
    struct porter_rig rig;
    char from[256];
    char to[300];
    porter_rig_open(&rig);
    porter_rig_export(&rig);
    cr_assert_eq(open_again(&rig), 0, "%s", rig.unpack->err.text);
    cr_assert_eq(rig.unpack->id_count, 2);
    static const char *const ends[] = {".eml", ".json"};
    for (unsigned i = 0; i < 2; i++) {
        file_path(&rig, 1, ends[i], from, sizeof from);
        (void)snprintf(to, sizeof to, "%s.away", from);
        cr_assert_eq(rename(from, to), 0);
        cr_assert_eq(open_again(&rig), -ENOENT);
        cr_assert_not_null(strstr(rig.unpack->err.text, "half a message"));
        cr_assert_not_null(strstr(rig.unpack->err.text, ends[i] + 1));
        cr_assert_eq(rename(to, from), 0);
    }
    (void)snprintf(from, sizeof from, "%s/manifest.json", rig.dir);
    (void)snprintf(to, sizeof to, "%s.away", from);
    cr_assert_eq(rename(from, to), 0);
    cr_assert_eq(open_again(&rig), -ENOENT);
    cr_assert_not_null(strstr(rig.unpack->err.text, "cut off"));
    rig.unpack->again = true;
    cr_assert_eq(open_again(&rig), 0, "unless somebody insists");
    rig.unpack->again = false;
    cr_assert_eq(rename(to, from), 0);
    file_path(&rig, 2, ".eml", from, sizeof from);
    cr_assert_eq(truncate(from, 100), 0);
    cr_assert_eq(open_again(&rig), -EBADMSG);
    cr_assert_not_null(strstr(rig.unpack->err.text, "not whole"));
    porter_rig_close(&rig);
}

/* Names that are none of ours, and directories that are not there, are said. */
TEST(unpacker_dir, odd_directories)
{
    struct porter_rig rig;
    char path[256];
    porter_rig_open(&rig);
    cr_assert_eq(open_again(&rig), -ENOENT);
    porter_rig_export(&rig);
    (void)snprintf(path, sizeof path, "%s/letter.eml", rig.dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    (void)fclose(file);
    cr_assert_eq(open_again(&rig), -EINVAL);
    cr_assert_not_null(strstr(rig.unpack->err.text, "letter.eml"));
    porter_rig_close(&rig);
}

/* Ids are remembered across restarts; half a line that a crash has left costs nothing. */
TEST(unpacker_dir, remembers)
{
    struct porter_rig rig;
    char path[256];
    porter_rig_open(&rig);
    porter_rig_export(&rig);
    rig.unpack->item_count = 1;
    rig.unpack->items[0].id = 1;
    cr_assert_eq(unpacker_dir_remember(rig.unpack), 0);
    (void)folder_path(&rig.folder, "imported", path, sizeof path);
    FILE *file = fopen(path, "a");
    cr_assert_not_null(file);
    (void)fputs("0000", file);
    (void)fclose(file);
    rig.unpack->items[0].id = 2;
    cr_assert_eq(unpacker_dir_remember(rig.unpack), 0);
    rig.unpack->items[0].id = 3;
    rig.unpack->items[0].is_refused = true;
    cr_assert_eq(unpacker_dir_remember(rig.unpack), 0);
    cr_assert_eq(open_again(&rig), 0);
    cr_assert(unpacker_dir_knows(rig.unpack, 1));
    cr_assert(unpacker_dir_knows(rig.unpack, 2));
    cr_assert_not(unpacker_dir_knows(rig.unpack, 3));
    rig.unpack->item_count = 0;
    porter_rig_close(&rig);
}
