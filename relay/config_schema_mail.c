/* The groups about mail itself: what keeps it from recipients, what comes back, what
 * signs it.
 *
 * No test of its own: tests/relay/test_config_schema.c walks every group. */

#include <stdint.h>

#include "relay/config_schema.h"

#define COUNT(ARRAY)      (sizeof(ARRAY) / sizeof(ARRAY)[0])
#define AT(STRUCT, FIELD) .offset = offsetof(struct STRUCT, FIELD)

#define SECOND 1e9
#define DAY    (24 * 3600 * SECOND)

static const struct config_key suppression_keys[] = {
    {"strict_for", CONFIG_KIND_DURATION, AT(config_suppression, strict_for_ns),
     .fallback = "90d", .low = SECOND, .high = 3650 * DAY},
    {"strict_apart", CONFIG_KIND_DURATION, AT(config_suppression, strict_apart_ns),
     .fallback = "24h", .high = 60 * DAY},
    {"lenient_after", CONFIG_KIND_COUNT, AT(config_suppression, lenient_after),
     .fallback = "3", .low = 1, .high = 8},
    {"lenient_within", CONFIG_KIND_DURATION, AT(config_suppression, lenient_within_ns),
     .fallback = "7d", .low = SECOND, .high = 60 * DAY},
    {"lenient_for", CONFIG_KIND_DURATION, AT(config_suppression, lenient_for_ns),
     .fallback = "30d", .low = SECOND, .high = 3650 * DAY},
    {"complaint_for", CONFIG_KIND_DURATION, AT(config_suppression, complaint_for_ns),
     .fallback = "0s", .high = 3650 * DAY},
    {"breaker_share", CONFIG_KIND_FACTOR, AT(config_suppression, breaker_share),
     .fallback = "0.15", .low = 0.01, .high = 1},
    {"breaker_times", CONFIG_KIND_FACTOR, AT(config_suppression, breaker_times),
     .fallback = "3.0", .low = 1, .high = 1000},
};

const struct config_group config_schema_suppression = {
    "suppression", sizeof(struct config_suppression), suppression_keys,
    COUNT(suppression_keys)};

static const struct config_key returns_keys[] = {
    {"mailbox", CONFIG_KIND_TEXT, AT(config_returns, mailbox), .fallback = ""},
};

const struct config_group config_schema_returns = {
    "returns", sizeof(struct config_returns), returns_keys, COUNT(returns_keys)};

static const struct config_key dkim_keys[] = {
    {"domain", CONFIG_KIND_HOST, AT(config_dkim, domain), .required = true},
    {"selector", CONFIG_KIND_HOST, AT(config_dkim, selector), .required = true},
    {"key", CONFIG_KIND_PATH, AT(config_dkim, key), .required = true},
    {"stream", CONFIG_KIND_LINK, AT(config_dkim, stream), .names = CONFIG_NAMES_STREAMS},
    {"begins", CONFIG_KIND_TEXT, AT(config_dkim, begins), .fallback = ""},
    {"ends", CONFIG_KIND_TEXT, AT(config_dkim, ends), .fallback = ""},
};

const struct config_group config_schema_dkim = {"dkim", sizeof(struct config_dkim),
                                                dkim_keys, COUNT(dkim_keys)};
