#include <stdio.h>
#include <string.h>

#include "relay/sealing.h"
#include "relay/snapshot.h"

#include "tests/relay/dkim_testkey.h"
#include "tests/support/folder.h"
#include "tests/support/loaded.h"
#include "tests/support/test.h"

static struct folder folder;
static struct loaded loaded;
static struct snapshot *snapshot;

/* One key for example.com on any stream, one for bulk alone. */
static void open_keys(void)
{
    char pem[4096];
    char text[2048];
    char path[256];
    struct errmsg err = {""};
    folder_make(&folder);
    size_t length = dkim_testkey_pem(0, pem, sizeof pem);
    folder_write(&folder, "key.pem", pem, length);
    (void)folder_path(&folder, "key.pem", path, sizeof path);
    cr_assert_eq(chmod(path, 0600), 0);
    (void)snprintf(text, sizeof text,
                   LOADED_HOST "dkim = ( { domain = \"example.com\"; selector = \"any\"; "
                               "key = \"%s\"; }, { domain = \"example.com\"; selector = "
                               "\"bulky\"; key = \"%s\"; stream = \"bulk\"; } );\n",
                   path, path);
    loaded = loaded_text(text);
    loaded_print(&loaded);
    cr_assert_not_null(loaded.config);
    cr_assert_eq(snapshot_make(&snapshot, loaded.config, 0, &err), 0, "%s", err.text);
}

static void close_keys(void)
{
    snapshot_unref(snapshot);
    loaded_clear(&loaded);
    folder_remove(&folder);
}

static bool wants(const char *from_domain)
{
    struct message message;
    message_init(&message);
    (void)snprintf(message.facts.from_domain, sizeof message.facts.from_domain, "%s",
                   from_domain);
    bool yes = sealing_wants(snapshot, &message);
    message_done(&message);
    return yes;
}

TEST(sealing, signs_for_a_domain_and_those_below_it)
{
    /* Aligned as DMARC's relaxed mode has it, blind to case; never a lookalike. */
    open_keys();
    cr_assert(wants("example.com"));
    cr_assert(wants("News.EXAMPLE.com"));
    cr_assert_not(wants("badexample.com"));
    cr_assert_not(wants("example.com.evil.net"));
    cr_assert_not(wants("com"));
    cr_assert_not(wants(""));
    close_keys();
}

static unsigned signatures(const char *stream)
{
    static const char block[] = "From: a@example.com\r\nSubject: x\r\n\r\n";
    struct message message;
    struct textbuf header;
    message_init(&message);
    (void)message_feed(&message, block, strlen(block));
    textbuf_init(&header, (size_t)64 * 1024);
    textbuf_append(&header, block, strlen(block));
    struct dkim_body *body = dkim_body_new();
    dkim_body_feed(body, "hello\r\n", 7);
    sealing_sign(snapshot, &message, config_stream_find(loaded.config, stream), body,
                 &header);
    dkim_body_free(body);
    cr_assert_not(header.failed);
    unsigned count = 0;
    const char *at = header.bytes;
    const char *end = header.bytes + header.length;
    for (;;) {
        at = memmem(at, (size_t)(end - at), "DKIM-Signature:", 15);
        if (at == NULL) {
            break;
        }
        count++;
        at += 15;
    }
    /* The block itself stands unchanged at the end. */
    cr_assert_eq(memcmp(end - strlen(block), block, strlen(block)), 0);
    textbuf_done(&header);
    message_done(&message);
    return count;
}

TEST(sealing, one_signature_for_each_key_of_the_stream)
{
    /* The key of all streams signs everywhere, that of bulk only there. */
    open_keys();
    cr_assert_eq(signatures("transactional"), 1);
    cr_assert_eq(signatures("bulk"), 2);
    close_keys();
}
