#include <jansson.h>
#include <string.h>

#include "policy/reply.h"

#include "relay/id.h"
#include "relay/limits.h"
#include "relay/log_json.h"

#include "tests/support/test.h"

static char memory[LIMIT_LOG_RECORD];

/* Write one event and read it with a strict parser. */
static json_t *written(const struct log_event *event)
{
    struct linebuf buf;
    linebuf_init(&buf, memory, sizeof memory);
    log_json_write(&buf, event);
    cr_assert_not(buf.is_full);
    cr_assert_eq(buf.data[buf.used - 1], '\n');
    cr_assert_null(memchr(buf.data, '\n', buf.used - 1), "one event, one line");
    json_error_t error;
    json_t *object = json_loadb(buf.data, buf.used, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(object, "%s at %d", error.text, error.position);
    return object;
}

static void assert_text(const json_t *object, const char *key, const char *wanted)
{
    const char *got = json_string_value(json_object_get(object, key));
    cr_assert_not_null(got, "no %s", key);
    cr_assert_str_eq(got, wanted);
}

static void assert_number(const json_t *object, const char *key, json_int_t wanted)
{
    const json_t *got = json_object_get(object, key);
    cr_assert(json_is_integer(got), "no %s", key);
    cr_assert_eq(json_integer_value(got), wanted);
}

TEST(log_json, writes_a_delivery_with_all_its_keys)
{
    /* A result has every fixed key, the reply in full, and all five timings even when 0.
     */
    struct reply reply = {.stage = REPLY_STAGE_DOT,
                          .code = 250,
                          .enhanced = {2, 0, 0},
                          .text = "OK queued as \"42\""};
    struct log_event event = {.kind = LOG_DELIVERED,
                              .unix_ms = 1764000000123,
                              .id = 99,
                              .stream = "bulk",
                              .source = "b1",
                              .site = "google",
                              .sender = "a@example.com",
                              .recipient = "b@gmail.com",
                              .remote_host = "mx.google.com",
                              .remote_ip = "192.0.2.1",
                              .remote_port = 25,
                              .tls = "TLSv1.3",
                              .reply = &reply,
                              .class = "other",
                              .delay_ms = 1400,
                              .attempt = 2};
    json_t *object = written(&event);
    assert_text(object, "time", "2025-11-24T16:00:00.123Z");
    assert_text(object, "event", "delivered");
    char id[ID_BYTES];
    id_print(99, id);
    assert_text(object, "id", id);
    assert_text(object, "stream", "bulk");
    assert_text(object, "source", "b1");
    assert_text(object, "site", "google");
    assert_text(object, "sender", "a@example.com");
    assert_text(object, "recipient", "b@gmail.com");
    assert_text(object, "remote_host", "mx.google.com");
    assert_text(object, "remote_ip", "192.0.2.1");
    assert_number(object, "remote_port", 25);
    assert_text(object, "tls", "TLSv1.3");
    assert_text(object, "reply", "250 2.0.0 OK queued as \"42\"");
    assert_number(object, "code", 250);
    assert_text(object, "enhanced", "2.0.0");
    assert_text(object, "stage", "dot");
    assert_text(object, "origin", "remote");
    assert_text(object, "class", "other");
    assert_number(object, "delay_ms", 1400);
    assert_number(object, "transmit_ms", 0);
    assert_number(object, "attempt", 2);
    json_decref(object);
}

TEST(log_json, leaves_out_what_is_absent)
{
    /* An event about no message has its time, its name and what was set, nothing else;
     * the null sender of a message is written. */
    struct log_event event = {
        .kind = LOG_BLOCKED, .unix_ms = 1, .source = "b1", .text = ""};
    json_t *object = written(&event);
    cr_assert_eq(json_object_size(object), 3);
    json_decref(object);

    struct log_event dsn = {.kind = LOG_ACCEPTED, .unix_ms = 1, .id = 1, .sender = ""};
    object = written(&dsn);
    assert_text(object, "sender", "");
    json_decref(object);
}

TEST(log_json, has_a_name_for_every_stage_and_origin)
{
    /* Whatever a reply's stage and origin, the line is whole and names them. */
    for (int stage = REPLY_STAGE_DNS; stage <= REPLY_STAGE_QUIT; stage++) {
        for (int origin = REPLY_REMOTE; origin <= REPLY_LOCAL; origin++) {
            struct reply reply = {.stage = (enum reply_stage)stage,
                                  .origin = (enum reply_origin)origin,
                                  .text = "refused"};
            struct log_event event = {
                .kind = LOG_DEFERRED, .unix_ms = 1, .reply = &reply};
            json_t *object = written(&event);
            assert_text(object, "reply", "refused");
            cr_assert_not_null(json_object_get(object, "stage"));
            cr_assert_not_null(json_object_get(object, "origin"));
            cr_assert_null(json_object_get(object, "code"));
            json_decref(object);
        }
    }
}

TEST(log_json, fits_its_buffer_at_its_worst)
{
    /* Every text as long as it may be, each byte escaped as six: the line is still whole.
     */
    static char worst[2048];
    memset(worst, 0x01, sizeof worst - 1);
    struct reply reply = {.code = 599, .enhanced = {5, 999, 999}};
    memset(reply.text, 0x01, sizeof reply.text - 1);
    struct log_event event = {.kind = LOG_DEFERRED,
                              .unix_ms = INT64_MAX,
                              .id = UINT64_MAX,
                              .stream = worst,
                              .source = worst,
                              .site = worst,
                              .sender = worst,
                              .recipient = worst,
                              .user = worst,
                              .job = worst,
                              .remote_host = worst,
                              .remote_ip = worst,
                              .remote_port = 65535,
                              .tls = worst,
                              .reply = &reply,
                              .class = worst,
                              .scope = worst,
                              .dnsbl = worst,
                              .delay_ms = INT64_MIN,
                              .accept_ms = INT64_MIN,
                              .queued_ms = INT64_MIN,
                              .connect_ms = INT64_MIN,
                              .transmit_ms = INT64_MIN,
                              .next_unix_ms = INT64_MAX,
                              .attempt = UINT32_MAX,
                              .size_bytes = INT64_MAX,
                              .recipients = UINT32_MAX,
                              .message_id = worst,
                              .client_ip = worst,
                              .client_name = worst,
                              .helo = worst,
                              .actor = worst,
                              .gate = worst,
                              .subject = worst,
                              .before = worst,
                              .after = worst,
                              .text = worst};
    json_t *object = written(&event);
    cr_assert_eq(json_string_length(json_object_get(object, "text")), LOG_TEXT_BYTES);
    cr_assert_gt(json_string_length(json_object_get(object, "reply")), LOG_TEXT_BYTES,
                 "a reply is not cut");
    json_decref(object);
}
