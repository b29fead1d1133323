#include "relay/api_rows.h"

#include "tests/support/test.h"

static void expect_keys(json_t *row, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_expect_not_null(json_object_get(row, keys[i]), "key %s", keys[i]);
    }
    cr_expect_eq(json_object_size(row), count);
    json_decref(row);
}

/* The keys of a recipient are those that scripts rely on, no more and no fewer. */
TEST(api_rows, recipient)
{
    static const char *const keys[] = {
        "id",           "sender",
        "recipient",    "domain",
        "site",         "source",
        "stream",       "user",
        "client",       "job",
        "subject",      "state",
        "priority",     "attempts",
        "size_bytes",   "accepted_unix_ms",
        "next_unix_ms", "expires_unix_ms",
        "gate",         "reply",
        "class",        "held_by",
    };

    expect_keys(api_rows_recipient(&(struct api_queue_row){.id = "1"}), keys,
                sizeof keys / sizeof keys[0]);
}

/* So are those of an attempt. */
TEST(api_rows, attempt)
{
    static const char *const keys[] = {
        "recipient", "source",  "source_address", "host",    "address",
        "tls",       "outcome", "stage",          "reply",   "class",
        "scope",     "dnsbl",   "start_unix_ms",  "took_ms",
    };

    expect_keys(api_rows_attempt(&(struct api_attempt){.recipient = "1"}), keys,
                sizeof keys / sizeof keys[0]);
}

/* States are words, times that are not known are null, names are lists. */
TEST(api_rows, values)
{
    json_t *row = api_rows_recipient(&(struct api_queue_row){.state = API_STATE_HELD});
    cr_assert_str_eq(json_string_value(json_object_get(row, "state")), "held");
    cr_assert(json_is_null(json_object_get(row, "next_unix_ms")));
    json_decref(row);

    row = api_rows_gate(&(struct api_gate){.state = API_GATE_NOT_ASKED});
    cr_assert_str_eq(json_string_value(json_object_get(row, "state")), "not asked");
    json_decref(row);

    row = api_rows_stream(&(struct api_stream){.sources = "a b", .walled = true});
    cr_assert_eq(json_array_size(json_object_get(row, "sources")), 2);
    cr_assert(json_is_true(json_object_get(row, "walled")));
    json_decref(row);

    row = api_rows_lane(&(struct api_lane){.allowed_per_second = 2.5});
    cr_assert_float_eq(json_real_value(json_object_get(row, "allowed_per_second")), 2.5,
                       1e-9);
    json_decref(row);
}

/* Every other kind makes an object too. */
TEST(api_rows, others)
{
    json_t *rows[] = {
        api_rows_status(&(struct api_status){.queued = 1}),
        api_rows_wait(&(struct api_wait){.gate = "x"}),
        api_rows_source(&(struct api_source){.name = "x"}),
        api_rows_site(&(struct api_site){.name = "x"}),
        api_rows_block(&(struct api_block){.source = "x"}),
        api_rows_freeze(&(struct api_freeze){.kind = "x"}),
        api_rows_user(&(struct api_user){.name = "x"}),
        api_rows_warmup(&(struct api_warmup){.source = "x"}),
        api_rows_plan(&(struct api_plan_row){.site = "x"}),
        api_rows_message(&(struct api_message){.id = "x"}),
        api_rows_why(&(struct api_why){.subject = "x"}),
        api_rows_journal(&(struct api_journal_row){.kind = "x"}),
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_gt(json_object_size(rows[i]), 4, "kind %zu", i);
        json_decref(rows[i]);
    }
}
