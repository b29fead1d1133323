#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/envelope.h"

#include "tests/support/test.h"

static void fill(struct envelope *envelope, struct envelope_recipient *recipients,
                 unsigned count)
{
    envelope_init(envelope);
    envelope->id = 77;
    envelope->stream = "bulk";
    envelope->sender = "a@example.org";
    envelope->subject = "Gr\xc3\xbc\xc3\x9f";
    envelope->expires_unix_ms = 123456789;
    envelope->priority = 9;
    for (unsigned i = 0; i < count; i++) {
        recipients[i] = (struct envelope_recipient){.address = "b@example.com",
                                                    .domain = "example.com",
                                                    .orcpt = "",
                                                    .notify = 3};
    }
    envelope->recipients = recipients;
    envelope->recipient_count = count;
}

/* Scalars, texts and all three arrays come back; every cut is refused or harmless. */
TEST(envelope, round_trip)
{
    struct envelope_recipient recipients[3];
    struct place pieces[2] = {{1, 4096, 100}, {2, 8192, 200}};
    struct envelope_close closes[1] = {{5, 6, 7}};
    struct envelope envelope;
    struct envelope read;
    fill(&envelope, recipients, 3);
    envelope.pieces = pieces;
    envelope.piece_count = 2;
    envelope.closes = closes;
    envelope.close_count = 1;
    size_t room = envelope_bound(&envelope);
    size_t length = 0;
    uint8_t *bytes = malloc(room);
    cr_assert_not_null(bytes);
    cr_assert_eq(envelope_encode(&envelope, bytes, room, &length, NULL), 0);
    cr_assert_eq(envelope_decode(bytes, length, &read), 0);
    cr_assert_eq(read.id, 77);
    cr_assert_eq(read.priority, 9);
    cr_assert_str_eq(read.subject, envelope.subject);
    cr_assert_str_eq(read.helo, "");
    cr_assert_eq(read.recipient_count, 3);
    cr_assert_str_eq(read.recipients[2].address, "b@example.com");
    cr_assert_eq(read.recipients[1].notify, 3);
    cr_assert_eq(read.pieces[1].offset, 8192);
    cr_assert_eq(read.closes[0].number, 7);
    envelope_free(&read);
    for (size_t cut = 0; cut < length; cut++) {
        if (envelope_decode(bytes, cut, &read) == 0) {
            cr_assert_geq(read.recipient_count, 1);
            envelope_free(&read);
        }
    }
    free(bytes);
}

/* What breaks a cap or a rule is refused by name. */
TEST(envelope, refuses)
{
    struct envelope_recipient recipient;
    struct envelope envelope;
    uint8_t bytes[2048];
    size_t length = 0;
    struct errmsg err = {""};
    fill(&envelope, &recipient, 1);
    envelope.sender = "a\r\nb";
    cr_assert_eq(envelope_encode(&envelope, bytes, sizeof bytes, &length, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "sender"));
    fill(&envelope, &recipient, 1);
    envelope.priority = 10;
    cr_assert_eq(envelope_encode(&envelope, bytes, sizeof bytes, &length, &err), -EINVAL);
    fill(&envelope, &recipient, 1);
    recipient.domain = "";
    cr_assert_eq(envelope_encode(&envelope, bytes, sizeof bytes, &length, &err), -EINVAL);
    fill(&envelope, &recipient, 0);
    cr_assert_eq(envelope_encode(&envelope, bytes, sizeof bytes, &length, &err), -EINVAL);
    fill(&envelope, &recipient, 1);
    cr_assert_eq(envelope_encode(&envelope, bytes, 20, &length, &err), -ENOBUFS);
}
