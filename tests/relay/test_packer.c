#include <errno.h>

#include "relay/id.h"
#include "relay/packer.h"
#include "relay/parcel.h"

#include "tests/support/porter_rig.h"

static size_t read_into(const struct porter_rig *rig, const char *name, char *out,
                        size_t room)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", rig->dir, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    size_t got = fread(out, 1, room, file);
    (void)fclose(file);
    return got;
}

/* A message is its content, byte by byte, and its envelope; small or in pieces. */
TEST(packer, writes_what_was_queued)
{
    struct porter_rig rig;
    static char eml[300000];
    static char json[20000];
    char name[32];
    char id[ID_BYTES];
    porter_rig_open(&rig);
    porter_rig_export(&rig);
    cr_assert_eq(rig.pack.messages, 2);
    cr_assert_eq(rig.pack.recipients, 2);
    for (uint64_t number = 1; number <= 2; number++) {
        struct parcel parcel;
        struct errmsg err = {""};
        id_print(number, id);
        (void)snprintf(name, sizeof name, "%s.json", id);
        size_t length = read_into(&rig, name, json, sizeof json);
        cr_assert_eq(parcel_parse(json, length, &parcel, &err), 0, "%s", err.text);
        (void)snprintf(name, sizeof name, "%s.eml", id);
        cr_assert_eq(read_into(&rig, name, eml, sizeof eml), parcel.eml_bytes);
        size_t body = parcel.eml_bytes - parcel.header_bytes;
        cr_assert_eq(body, number == 1 ? 3000 : 200000);
        for (size_t at = 0; at < body; at++) {
            cr_assert_eq((uint8_t)eml[parcel.header_bytes + at],
                         queue_fixture_byte(number, at));
        }
        cr_assert_eq(parcel.states[0].attempts, 2);
        cr_assert_str_eq(parcel.states[0].text, "some reply");
        parcel_done(&parcel);
    }
    cr_assert_gt(read_into(&rig, PACKER_MANIFEST, json, sizeof json), 0);
    porter_rig_close(&rig);
}

/* A directory with something in it is not taken; nothing packed leaves no directory. */
TEST(packer, directories)
{
    struct porter_rig rig;
    char path[256];
    porter_rig_open(&rig);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_OPEN), 0);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_CLOSE), 0);
    cr_assert_neq(access(rig.dir, F_OK), 0);
    cr_assert_eq(mkdir(rig.dir, 0700), 0);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_OPEN), 0, "an empty one is taken");
    (void)snprintf(path, sizeof path, "%s/theirs", rig.dir);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    (void)fclose(file);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_OPEN), -ENOTEMPTY);
    rig.pack.dir = "/proc/none/of/it";
    cr_assert_lt(porter_rig_pack(&rig, PACKER_OPEN), 0);
    cr_assert_neq(rig.pack.err.text[0], '\0');
    porter_rig_close(&rig);
}

/* Where the disk would be left with less than is to be kept, nothing is written, and the
 * reason names the directory to clear. */
TEST(packer, keeps_the_disk_free)
{
    struct porter_rig rig;
    char path[256];
    char id[ID_BYTES];
    porter_rig_open(&rig);
    cr_assert_neq(queue_fixture_accept(&rig.fixture, 1, "example.com", 3000), 0);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_OPEN), 0);
    rig.pack.keep_free = UINT64_C(1) << 60;
    porter_rig_add(&rig, 1);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_WRITE), -ENOSPC);
    cr_assert_eq(rig.items[0].rc, -ENOSPC);
    cr_assert_not_null(strstr(rig.pack.err.text, "kept free of exports"), "%s",
                       rig.pack.err.text);
    id_print(1, id);
    (void)snprintf(path, sizeof path, "%s/%s.eml", rig.dir, id);
    cr_assert_neq(access(path, F_OK), 0);
    rig.pack.keep_free = 1;
    cr_assert_eq(porter_rig_pack(&rig, PACKER_WRITE), 0);
    cr_assert_eq(access(path, F_OK), 0);
    queue_unpin(&rig.items[0].pin);
    porter_rig_close(&rig);
}

/* A file that cannot be made fails its message, and none of it stays behind as half. */
TEST(packer, a_file_is_in_the_way)
{
    struct porter_rig rig;
    char path[256];
    char id[ID_BYTES];
    porter_rig_open(&rig);
    cr_assert_neq(queue_fixture_accept(&rig.fixture, 1, "example.com", 3000), 0);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_OPEN), 0);
    id_print(1, id);
    (void)snprintf(path, sizeof path, "%s/%s.json", rig.dir, id);
    cr_assert_eq(mkdir(path, 0700), 0);
    porter_rig_add(&rig, 1);
    cr_assert_eq(porter_rig_pack(&rig, PACKER_WRITE), -EEXIST);
    cr_assert_eq(rig.items[0].rc, -EEXIST);
    cr_assert_eq(rig.pack.messages, 0);
    queue_unpin(&rig.items[0].pin);
    porter_rig_close(&rig);
}
