#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "relay/id.h"
#include "relay/parcel.h"
#include "relay/smtp/params.h"

#include "tests/support/test.h"

#define ID (UINT64_C(1800000000000) << 22 | 77)

static struct envelope_recipient recipients[3] = {
    {"kim@example.net", "example.net", "rfc822;Kim@x.test", PARAMS_NOTIFY_FAILURE},
    {"lee@example.org", "example.org", "", 0},
    {"j\xc3\xb6rg@example.org", "example.org", "", PARAMS_NOTIFY_NEVER}};
static struct change states[3];

static struct parcel sample(void)
{
    struct parcel parcel = {
        .eml_bytes = 5000, .header_bytes = 400, .checksum = 0xfedcba98};
    envelope_init(&parcel.envelope);
    parcel.envelope.id = ID;
    parcel.envelope.accepted_unix_ms = 1800000000000;
    parcel.envelope.expires_unix_ms = 1800000360000;
    parcel.envelope.notice_unix_ms = 1800000001000;
    parcel.envelope.flags = ENVELOPE_SMTPUTF8 | ENVELOPE_HAS_DOT_LINE;
    parcel.envelope.priority = 7;
    parcel.envelope.ret = PARAMS_RET_HDRS;
    parcel.envelope.sender = "app@sender.test";
    parcel.envelope.stream = "bulk";
    parcel.envelope.user = "erp";
    parcel.envelope.envid = "E+2B1";
    parcel.envelope.job = "spring";
    parcel.envelope.subject = "caf\xe9"; /* not UTF-8: for people only */
    parcel.envelope.recipients = recipients;
    parcel.envelope.recipient_count = 3;
    for (unsigned i = 0; i < 3; i++) {
        change_init(&states[i]);
        states[i].id = ID;
        states[i].number = (uint16_t)i;
    }
    states[0].attempts = 4;
    states[0].next_unix_ms = 1800000100123;
    states[0].source = "bulk1";
    states[0].code = 451;
    states[0].enhanced[0] = 4;
    states[0].enhanced[1] = 7;
    states[0].text = "later";
    states[0].host = "mx.example.net";
    states[0].reply_class = 3;
    states[0].took_ms = 1234;
    states[1].state = CHANGE_PURGED;
    states[1].ended = true;
    states[2].state = CHANGE_HELD;
    states[2].actor = "operator kim";
    states[2].reason = "to look at it";
    parcel.states = states;
    parcel.here = 2;
    return parcel;
}

/* All that matters comes back as it was; who is gone stays in his place. */
TEST(parcel, round_trip)
{
    struct parcel parcel = sample();
    struct parcel read;
    struct errmsg err = {""};
    size_t length = 0;
    char *text = parcel_print(&parcel, &length);
    cr_assert_not_null(text);
    cr_assert_eq(parcel_parse(text, length, &read, &err), 0, "%s", err.text);
    cr_assert_eq(read.envelope.id, ID);
    cr_assert_eq(read.envelope.accepted_unix_ms, 1800000000000);
    cr_assert_eq(read.envelope.expires_unix_ms, 1800000360000);
    cr_assert_eq(read.envelope.notice_unix_ms, 1800000001000);
    cr_assert_eq(read.envelope.flags, parcel.envelope.flags);
    cr_assert_eq(read.envelope.priority, 7);
    cr_assert_eq(read.envelope.ret, PARAMS_RET_HDRS);
    cr_assert_eq(read.envelope.size_bytes, 5000);
    cr_assert_str_eq(read.envelope.sender, "app@sender.test");
    cr_assert_str_eq(read.envelope.user, "erp");
    cr_assert_str_eq(read.envelope.envid, "E+2B1");
    cr_assert_str_eq(read.envelope.job, "spring");
    cr_assert_eq(read.envelope.recipient_count, 3);
    cr_assert_eq(read.here, 2);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_str_eq(read.envelope.recipients[i].address, recipients[i].address);
        cr_assert_str_eq(read.envelope.recipients[i].orcpt, recipients[i].orcpt);
        cr_assert_eq(read.envelope.recipients[i].notify, recipients[i].notify);
        cr_assert_eq(read.states[i].state, states[i].state);
        cr_assert_eq(read.states[i].number, i);
    }
    cr_assert_eq(read.states[0].attempts, 4);
    cr_assert_eq(read.states[0].next_unix_ms, 1800000100123);
    cr_assert_str_eq(read.states[0].source, "bulk1");
    cr_assert_eq(read.states[0].code, 451);
    cr_assert_eq(read.states[0].enhanced[1], 7);
    cr_assert_str_eq(read.states[0].host, "mx.example.net");
    cr_assert_eq(read.states[0].took_ms, 1234);
    cr_assert(read.states[1].ended);
    cr_assert_str_eq(read.states[2].reason, "to look at it");
    cr_assert_eq(read.header_bytes, 400);
    cr_assert_eq(read.checksum, 0xfedcba98);
    parcel_done(&read);
    free(text);
}

/* A text that must come back exactly and cannot is not exported at all. */
TEST(parcel, not_utf8)
{
    struct parcel parcel = sample();
    size_t length = 0;
    parcel.envelope.sender = "caf\xe9@x.test";
    cr_assert_null(parcel_print(&parcel, &length));
    parcel = sample();
    recipients[1].address = "\xff@x.test";
    cr_assert_null(parcel_print(&parcel, &length));
    recipients[1].address = "lee@example.org";
}

/* Without any one of its keys, or with a value of another kind, it is no envelope. */
TEST(parcel, every_key_counts)
{
    static const char *const keys[] = {"format",
                                       "id",
                                       "eml_bytes",
                                       "header_bytes",
                                       "eml_crc32c",
                                       "sender",
                                       "stream",
                                       "flags",
                                       "accepted_unix_ms",
                                       "expires_unix_ms",
                                       "priority",
                                       "ret",
                                       "user",
                                       "recipients",
                                       "envid",
                                       "message_id",
                                       "subject",
                                       "job",
                                       "client",
                                       "helo",
                                       "listener",
                                       "from_domain",
                                       "notice_unix_ms"};
    struct parcel parcel = sample();
    struct parcel read;
    struct errmsg err = {""};
    size_t length = 0;
    char *text = parcel_print(&parcel, &length);
    json_t *root = json_loads(text, 0, NULL);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        for (int wrong = 0; wrong < 2; wrong++) {
            json_t *copy = json_deep_copy(root);
            cr_assert_not_null(json_object_get(copy, keys[i]), "%s", keys[i]);
            if (wrong != 0) {
                (void)json_object_set_new(copy, keys[i], json_true());
            } else {
                (void)json_object_del(copy, keys[i]);
            }
            char *bad = json_dumps(copy, 0);
            cr_assert_eq(parcel_parse(bad, strlen(bad), &read, &err), -EINVAL, "%s",
                         keys[i]);
            free(bad);
            json_decref(copy);
        }
    }
    json_decref(root);
    free(text);
}

/* Bytes that were changed anywhere never crash, and are refused or are an envelope. */
TEST(parcel, changed_bytes)
{
    struct parcel parcel = sample();
    struct parcel read;
    struct errmsg err = {""};
    size_t length = 0;
    char *text = parcel_print(&parcel, &length);
    for (size_t at = 0; at < length; at++) {
        char *copy = strdup(text);
        copy[at] = (char)(copy[at] ^ 0x11);
        if (parcel_parse(copy, length, &read, &err) == 0) {
            cr_assert_neq(read.envelope.id, 0);
            cr_assert_gt(read.here, 0);
            parcel_done(&read);
        }
        if (parcel_parse(text, at, &read, &err) == 0) {
            cr_assert_fail("cut at %zu it is no document", at);
        }
        free(copy);
    }
    free(text);
}
