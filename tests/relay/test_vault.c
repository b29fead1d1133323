#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"
#include "queue/segment.h"

#include "relay/entropy.h"
#include "relay/vault.h"

#include "tests/support/fake_disk.h"
#include "tests/support/folder.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

static struct folder folder;
static char path[128];

/* A key file of that many bytes, each fill, or counted up when fill is 0. */
static void write_key(size_t length, uint8_t fill, mode_t mode)
{
    char bytes[64];
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (char)(fill != 0 ? fill : i + 1);
    }
    folder_write(&folder, "key", bytes, length);
    (void)folder_path(&folder, "key", path, sizeof path);
    cr_assert_eq(chmod(path, mode), 0);
}

static struct vault *open_key(uint8_t fill)
{
    struct vault *vault = NULL;
    struct errmsg err = {""};
    write_key(VAULT_KEY_BYTES, fill, 0600);
    cr_assert_eq(vault_open(&vault, path, &err), 0, "%s", err.text);
    return vault;
}

static void begin(void)
{
    struct errmsg err = {""};
    cr_assert_eq(entropy_start(&err), 0);
    folder_make(&folder);
}

/* A key file that is missing, too short, too long, all zero, or open to others is refused
 * with a sentence that says so; a good one is taken. */
TEST(vault, key_files)
{
    static const struct {
        size_t length;
        uint8_t fill;
        mode_t mode;
        int rc;
        const char *says;
    } cases[] = {
        {32, 0, 0600, 0, ""},
        {32, 0, 0400, 0, ""},
        {32, 0, 0640, -EACCES, "chmod 600"},
        {32, 0, 0604, -EACCES, "chmod 600"},
        {31, 0, 0600, -EINVAL, "is no key"},
        {33, 0, 0600, -EINVAL, "is no key"},
        {0, 0, 0600, -EINVAL, "is no key"},
    };
    struct errmsg err = {""};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vault *vault = NULL;
        err.text[0] = '\0';
        write_key(cases[i].length, cases[i].fill, cases[i].mode);
        cr_assert_eq(vault_open(&vault, path, &err), cases[i].rc, "case %zu", i);
        cr_assert_not_null(strstr(err.text, cases[i].says), "%s", err.text);
        cr_assert_eq(vault != NULL, cases[i].rc == 0);
        vault_close(vault);
        (void)chmod(path, 0600);
    }
    static const char zeroes[VAULT_KEY_BYTES];
    struct vault *vault = NULL;
    folder_write(&folder, "key", zeroes, sizeof zeroes);
    cr_assert_eq(vault_open(&vault, path, &err), -EINVAL);
    cr_assert_eq(vault_open(&vault, "/nonexistent/key", &err), -ENOENT);
    cr_assert_eq(vault_open(&vault, folder.path, &err), -EINVAL);
    cr_assert_null(vault);
    vault_close(NULL);
    cr_assert_null(vault_seal(NULL));
    folder_remove(&folder);
}

/* What was sealed opens with its key and its record; the same words are never sealed the
 * same way twice; any changed bit, another record or another key is noticed. */
TEST(vault, notices_everything)
{
    char one[] = "Subject: secret";
    char two[] = "\r\n\r\nwords";
    uint8_t sealed[128];
    uint8_t again[128];
    uint8_t copy[128];
    begin();
    struct vault *vault = open_key(0);
    struct vault *other = open_key(7);
    const struct seal *seal = vault_seal(vault);
    const struct iovec parts[] = {
        {one, sizeof one - 1}, {NULL, 0}, {two, sizeof two - 1}};
    size_t plain = sizeof one - 1 + sizeof two - 1;
    size_t length = plain + seal->overhead;
    cr_assert_neq(seal->key_id, 0);
    cr_assert_neq(seal->key_id, vault_seal(other)->key_id);
    cr_assert_eq(seal->seal(seal->owner, parts, 3, 99, sealed), 0);
    cr_assert_eq(seal->seal(seal->owner, parts, 3, 99, again), 0);
    cr_assert_neq(memcmp(sealed, again, plain), 0);
    cr_assert_null(memmem(sealed, length, "secret", 6));
    for (size_t bit = 0; bit < length * 8; bit++) {
        memcpy(copy, sealed, length);
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cr_assert_eq(seal->open(seal->owner, copy, length, 99), -EBADMSG, "bit %zu", bit);
    }
    for (size_t cut = 0; cut < length; cut++) {
        memcpy(copy, sealed, length);
        cr_assert_eq(seal->open(seal->owner, copy, cut, 99), -EBADMSG);
    }
    memcpy(copy, sealed, length);
    cr_assert_eq(seal->open(seal->owner, copy, length, 98), -EBADMSG);
    memcpy(copy, sealed, length);
    cr_assert_eq(vault_seal(other)->open(other, copy, length, 99), -EBADMSG);
    cr_assert_eq(seal->open(seal->owner, sealed, length, 99), 0);
    cr_assert_eq(memcmp(sealed, "Subject: secret\r\n\r\nwords", plain), 0);
    vault_close(vault);
    vault_close(other);
    folder_remove(&folder);
}

/* The words are in some file of the queue. */
static bool can_be_read_off(struct fake_disk *fake, const char *words)
{
    static uint8_t bytes[QUEUE_SEGMENT_MIN * 2];
    for (uint64_t number = 1; number < 16; number++) {
        char name[SEGMENT_NAME];
        segment_name(number, name);
        size_t got = fake_disk_peek(fake, name, 0, bytes, sizeof bytes);
        if (got > 0 && memmem(bytes, got, words, strlen(words)) != NULL) {
            return true;
        }
    }
    return false;
}

/* A queue with a key gives back what it was given, also after a restart, and shows
 * nothing of it on the disk; with another key or with none it does not open. */
TEST(vault, queue)
{
    struct queue_fixture fixture;
    struct queue_pin pin;
    struct queue_message message;
    struct queue *refused = NULL;
    struct errmsg err = {""};
    begin();
    struct vault *vault = open_key(0);
    struct vault *other = open_key(7);
    struct fake_disk *fake = fake_disk_new(1);
    queue_fixture_init_sealed(&fixture, fake_disk_face(fake), vault_seal(vault));
    cr_assert_neq(queue_fixture_accept(&fixture, 1, "example.com", 3000), 0);
    cr_assert_neq(queue_fixture_accept_pieces(&fixture, 2, 3, 20000), 0);
    queue_fixture_reopen(&fixture);
    uint32_t found = index_find(queue_index(fixture.queue), 1);
    cr_assert_neq(found, 0);
    cr_assert_eq(queue_pin_message(fixture.queue, found, &pin), 0);
    cr_assert_eq(queue_read_message(&pin, false, &message), 0);
    cr_assert_str_eq(message.envelope.sender, "sender@example.org");
    cr_assert_eq(message.body_length, 3000);
    queue_message_free(&message);
    queue_unpin(&pin);
    cr_assert_not(can_be_read_off(fake, "sender@example.org"));
    cr_assert_not(can_be_read_off(fake, "Subject: test"));

    queue_close(fixture.queue);
    struct queue_options options = fixture.options;
    options.seal = vault_seal(other);
    cr_assert_eq(queue_open(&refused, &options, &err), -EKEYREJECTED);
    options.seal = NULL;
    cr_assert_eq(queue_open(&refused, &options, &err), -EKEYREJECTED);
    cr_assert_null(refused);
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, &err), 0);
    queue_fixture_done(&fixture);
    vault_close(vault);
    vault_close(other);
    fake_disk_free(fake);
    folder_remove(&folder);
}

/* Without a key a write is left as it is; with one, what is written is memory of its own.
 */
TEST(vault, wrap)
{
    struct queue_fixture fixture;
    struct queue_write write = {0};
    uint8_t *sealed = NULL;
    begin();
    struct vault *vault = open_key(0);
    queue_fixture_init(&fixture);
    queue_write_state(&write, "changes", 7);
    cr_assert_eq(vault_wrap(fixture.queue, &write, &sealed), 0);
    cr_assert_null(sealed);
    cr_assert_eq(write.length, 7);
    queue_fixture_done(&fixture);

    struct fake_disk *fake = fake_disk_new(1);
    queue_fixture_init_sealed(&fixture, fake_disk_face(fake), vault_seal(vault));
    queue_write_state(&write, "changes", 7);
    cr_assert_eq(vault_wrap(fixture.queue, &write, &sealed), 0);
    cr_assert_not_null(sealed);
    cr_assert_eq(write.length, 7 + vault_seal(vault)->overhead);
    cr_assert_eq(write.parts[0].iov_base, sealed);
    free(sealed);
    queue_fixture_done(&fixture);
    vault_close(vault);
    fake_disk_free(fake);
    folder_remove(&folder);
}
