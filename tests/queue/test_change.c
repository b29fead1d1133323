#include <errno.h>
#include <string.h>

#include "queue/change.h"

#include "tests/support/test.h"

/* Every field survives. */
TEST(change, round_trip)
{
    struct change change;
    change_init(&change);
    change.id = 99;
    change.home = 5;
    change.number = 3;
    change.state = CHANGE_FAILED;
    change.attempts = 12;
    change.next_unix_ms = 1000;
    change.when_unix_ms = 2000;
    change.source = "tx1";
    change.reply_class = 4;
    change.stage = 7;
    change.origin = 1;
    change.code = 554;
    change.enhanced[0] = 5;
    change.enhanced[1] = 7;
    change.enhanced[2] = 1;
    change.text = "5.7.1 blocked";
    change.host = "mx.example.com";
    change.address = "192.0.2.1";
    change.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
    change.took_ms = 70000;
    change.actor = "operator";
    change.reason = "because";
    change.previous = (struct place){4, 8192, 100};
    uint8_t bytes[CHANGE_BOUND];
    size_t length = 0;
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), 0);
    const uint8_t *at = bytes;
    size_t left = length;
    struct change read;
    cr_assert_eq(change_next(&at, &left, &read), 1);
    cr_assert_eq(left, 0);
    cr_assert_eq(read.id, 99);
    cr_assert_eq(read.number, 3);
    cr_assert_eq(read.state, CHANGE_FAILED);
    cr_assert(!read.ended);
    cr_assert_eq(read.attempts, 12);
    cr_assert_eq(read.code, 554);
    cr_assert_eq(read.enhanced[2], 1);
    cr_assert_str_eq(read.text, change.text);
    cr_assert_str_eq(read.host, change.host);
    cr_assert_str_eq(read.reason, change.reason);
    cr_assert_str_eq(read.tls, change.tls);
    cr_assert_eq(read.took_ms, 70000);
    cr_assert_eq(read.previous.offset, 8192);
    cr_assert_eq(change_next(&at, &left, &read), 0);
    for (size_t cut = 1; cut < length; cut++) {
        at = bytes;
        left = cut;
        cr_assert_eq(change_next(&at, &left, &read), -EBADMSG);
    }
}

/* A long reply is cut between characters; control bytes are refused. */
TEST(change, texts)
{
    char longer[CHANGE_TEXT + 2];
    memset(longer, 'a', CHANGE_TEXT - 1);
    memcpy(longer + CHANGE_TEXT - 1, "\xc3\xa9", 3);
    struct change change;
    uint8_t bytes[CHANGE_BOUND];
    size_t length = 0;
    change_init(&change);
    change.id = 1;
    change.text = longer;
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), 0);
    const uint8_t *at = bytes;
    struct change read;
    cr_assert_eq(change_next(&at, &length, &read), 1);
    cr_assert_eq(strlen(read.text), CHANGE_TEXT - 1);
    change.text = "two\nlines";
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), -EINVAL);
}

/* Delivered is an end; a notice is about the message. */
TEST(change, rules)
{
    struct change change;
    uint8_t bytes[CHANGE_BOUND];
    size_t length = 0;
    change_init(&change);
    change.id = 1;
    change.state = CHANGE_DELIVERED;
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), -EINVAL);
    change.ended = true;
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), 0);
    change.state = CHANGE_NOTICED;
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), -EINVAL);
    change.number = CHANGE_MESSAGE;
    cr_assert_eq(change_encode(&change, bytes, sizeof bytes, &length), 0);
    cr_assert_eq(change_encode(&change, bytes, 5, &length), -ENOBUFS);
}
