#include "relay/config_schema.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "relay/config_schema_parts.h"

static const struct config_choice delivery_tls[] = {
    {"none", CONFIG_TLS_NONE},
    {"opportunistic", CONFIG_TLS_OPPORTUNISTIC},
    {"required", CONFIG_TLS_REQUIRED},
    {"verify", CONFIG_TLS_VERIFY},
    {"dane", CONFIG_TLS_DANE},
    {"sts", CONFIG_TLS_STS},
    {NULL, 0},
};
static const struct config_choice site_tls[] = {
    {"inherit", CONFIG_TLS_INHERIT},
    {"none", CONFIG_TLS_NONE},
    {"opportunistic", CONFIG_TLS_OPPORTUNISTIC},
    {"required", CONFIG_TLS_REQUIRED},
    {"verify", CONFIG_TLS_VERIFY},
    {"dane", CONFIG_TLS_DANE},
    {"sts", CONFIG_TLS_STS},
    {NULL, 0},
};
static const struct config_choice route_auth[] = {
    {"password", CONFIG_ROUTE_AUTH_PASSWORD},
    {"plain", CONFIG_ROUTE_AUTH_PLAIN},
    {"login", CONFIG_ROUTE_AUTH_LOGIN},
    {"xoauth2", CONFIG_ROUTE_AUTH_XOAUTH2},
    {NULL, 0},
};
static const struct config_choice on_block[] = {{"hold", CONFIG_ON_BLOCK_HOLD},
                                                {"bounce", CONFIG_ON_BLOCK_BOUNCE},
                                                {NULL, 0}};
static const struct config_choice mode[] = {{"enforce", CONFIG_MODE_ENFORCE},
                                            {"observe", CONFIG_MODE_OBSERVE},
                                            {NULL, 0}};
static const struct config_choice zone_kinds[] = {
    {"", CONFIG_ZONE_BY_NAME},        {"grave", CONFIG_ZONE_GRAVE},
    {"policy", CONFIG_ZONE_POLICY},   {"complaint", CONFIG_ZONE_COMPLAINT},
    {"network", CONFIG_ZONE_NETWORK}, {NULL, 0}};
static const struct config_choice warmup_per[] = {{"site", CONFIG_WARMUP_PER_SITE},
                                                  {"source", CONFIG_WARMUP_PER_SOURCE},
                                                  {NULL, 0}};

static const struct config_key root_keys[] = {
    {"hostname", CONFIG_KIND_HOST, AT(config, hostname), .required = true},
    {"spool", CONFIG_KIND_PATH, AT(config, spool), .fallback = "/var/spool/mesura"},
    {"control", CONFIG_KIND_PATH, AT(config, control),
     .fallback = "/run/mesura/control.sock"},
    {"workers", CONFIG_KIND_COUNT, AT(config, workers), .fallback = "0", .high = 256},
    {"users", CONFIG_KIND_PATH, AT(config, users), .fallback = "/etc/mesura/users"},
    {"origin", CONFIG_KIND_HOST, AT(config, origin), .fallback = ""},
    {"aliases", CONFIG_KIND_PATH, AT(config, aliases), .fallback = "/etc/aliases"},
    {"drop", CONFIG_KIND_PATH, AT(config, drop), .fallback = "/var/spool/mesura-drop"},
    SECTION_KEY("tls"),
    SECTION_KEY("http"),
    SECTION_KEY("queue"),
    SECTION_KEY("dns"),
    SECTION_KEY("dnsbl"),
    SECTION_KEY("delivery"),
    SECTION_KEY("mta_sts"),
    SECTION_KEY("retry"),
    SECTION_KEY("adapt"),
    SECTION_KEY("alerts"),
    SECTION_KEY("log"),
    SECTION_KEY("staging"),
    LIST_KEY("listeners"),
    LIST_KEY("rewrites"),
    LIST_KEY("headers"),
    LIST_KEY("routes"),
    LIST_KEY("sources"),
    LIST_KEY("streams"),
    LIST_KEY("sites"),
    LIST_KEY("schedules"),
    LIST_KEY("warmups"),
    LIST_KEY("dkim"),
    LIST_KEY("replies"),
};

static const struct config_key tls_keys[] = {
    {"certificate", CONFIG_KIND_PATH, AT(config_tls, certificate), .fallback = ""},
    {"key", CONFIG_KIND_PATH, AT(config_tls, key), .fallback = ""},
};

static const struct config_key http_keys[] = {
    {"address", CONFIG_KIND_ADDRESS, AT(config_http, address), .fallback = "127.0.0.1"},
    {"port", CONFIG_KIND_PORT, AT(config_http, port), .fallback = "8025"},
    {"token_file", CONFIG_KIND_PATH, AT(config_http, token_file),
     .fallback = "/etc/mesura/http.token"},
};

static const struct config_key queue_keys[] = {
    {"memory", CONFIG_KIND_SIZE, AT(config_queue, memory), .fallback = "512M",
     .low = 16 * MIB, .high = TIB},
    {"low_space", CONFIG_KIND_SIZE, AT(config_queue, low_space), .fallback = "1G",
     .high = 1024 * TIB},
    {"reserve", CONFIG_KIND_SIZE, AT(config_queue, reserve), .fallback = "64M",
     .low = MIB, .high = TIB},
    {"compact", CONFIG_KIND_SIZE, AT(config_queue, compact), .fallback = "32M",
     .low = MIB, .high = TIB},
    {"key_file", CONFIG_KIND_PATH, AT(config_queue, key_file), .fallback = ""},
};

static const struct config_key dns_keys[] = {
    {"servers", CONFIG_KIND_TEXTS, AT(config_dns, servers)},
    {"timeout", CONFIG_KIND_DURATION, AT(config_dns, timeout_ns), .fallback = "5s",
     .low = SECOND / 10, .high = 5 * MINUTE},
};

static const struct config_key dnsbl_keys[] = {
    {"every", CONFIG_KIND_DURATION, AT(config_dnsbl, every_ns), .fallback = "2h",
     .low = 10 * MINUTE, .high = 7 * DAY},
    {"servers", CONFIG_KIND_TEXTS, AT(config_dnsbl, servers)},
    LIST_KEY("zones"),
};

static const struct config_key zone_keys[] = {
    {"zone", CONFIG_KIND_HOST, AT(config_zone, zone), .required = true},
    {"query", CONFIG_KIND_HOST, AT(config_zone, query), .fallback = ""},
    {"key_file", CONFIG_KIND_PATH, AT(config_zone, key_file), .fallback = ""},
    {"kind", CONFIG_KIND_CHOICE, AT(config_zone, kind), .fallback = "",
     .choices = zone_kinds},
    {"codes", CONFIG_KIND_TEXTS, AT(config_zone, codes)},
};

static const struct config_key delivery_keys[] = {
    {"enabled", CONFIG_KIND_BOOL, AT(config_delivery, enabled), .fallback = "true"},
    {"port", CONFIG_KIND_PORT, AT(config_delivery, port), .fallback = "25", .low = 1,
     .high = 65535},
    {"tls", CONFIG_KIND_CHOICE, AT(config_delivery, tls), .fallback = "opportunistic",
     .choices = delivery_tls},
    {"ipv6", CONFIG_KIND_BOOL, AT(config_delivery, ipv6), .fallback = "true"},
    {"allow_private_mx", CONFIG_KIND_BOOL, AT(config_delivery, allow_private_mx),
     .fallback = "false"},
    {"chunking", CONFIG_KIND_BOOL, AT(config_delivery, chunking), .fallback = "true"},
    {"trust", CONFIG_KIND_PATH, AT(config_delivery, trust), .fallback = ""},
    {"max_connections", CONFIG_KIND_COUNT, AT(config_delivery, max_connections),
     .fallback = "2000", .high = 1000000},
    SECTION_KEY("timeouts"),
};

/* RFC 5321 4.5.3.2; connect is ours: a host that needs longer will not answer. */
static const struct config_key timeout_keys[] = {
    {"connect", CONFIG_KIND_DURATION, AT(config_timeouts, connect_ns), .fallback = "30s",
     .low = SECOND / 100, .high = HOUR},
    {"fallback", CONFIG_KIND_DURATION, AT(config_timeouts, fallback_ns), .fallback = "1s",
     .low = SECOND / 100, .high = HOUR},
    {"greeting", CONFIG_KIND_DURATION, AT(config_timeouts, greeting_ns), .fallback = "5m",
     .low = SECOND / 100, .high = HOUR},
    {"command", CONFIG_KIND_DURATION, AT(config_timeouts, command_ns), .fallback = "5m",
     .low = SECOND / 100, .high = HOUR},
    {"data", CONFIG_KIND_DURATION, AT(config_timeouts, data_ns), .fallback = "3m",
     .low = SECOND / 100, .high = HOUR},
    {"dot", CONFIG_KIND_DURATION, AT(config_timeouts, dot_ns), .fallback = "10m",
     .low = SECOND / 100, .high = HOUR},
    {"idle", CONFIG_KIND_DURATION, AT(config_timeouts, idle_ns), .fallback = "5s",
     .high = HOUR},
};

#define SCHEDULE_KEYS                                                                 \
    {"steps", CONFIG_KIND_DURATIONS, AT(config_schedule, steps), .low = SECOND / 100, \
     .high = 7 * DAY},                                                                \
        {"first",          CONFIG_KIND_DURATION, AT(config_schedule, first_ns),       \
         .fallback = "5m", .low = SECOND / 100,  .high = 7 * DAY},                    \
        {"factor",          CONFIG_KIND_FACTOR, AT(config_schedule, factor),          \
         .fallback = "2.0", .low = 1,           .high = 100},                         \
        {"max",                                                                       \
         CONFIG_KIND_DURATION,                                                        \
         AT(config_schedule, max_ns),                                                 \
         .fallback = "4h",                                                            \
         .low = SECOND / 100,                                                         \
         .high = 7 * DAY},                                                            \
        {"jitter",          CONFIG_KIND_FACTOR, AT(config_schedule, jitter),          \
         .fallback = "0.2", .low = 0,           .high = 0.9},                         \
        {"lifetime",       CONFIG_KIND_DURATION, AT(config_schedule, lifetime_ns),    \
         .fallback = "3d", .low = SECOND,        .high = 60 * DAY},                   \
    {                                                                                 \
        "delay_notice", CONFIG_KIND_DURATION, AT(config_schedule, delay_notice_ns),   \
            .fallback = "4h", .high = 60 * DAY                                        \
    }

static const struct config_key retry_keys[] = {SCHEDULE_KEYS};

static const struct config_key schedule_keys[] = {
    {"name", CONFIG_KIND_NAME, AT(config_schedule, name), .required = true},
    SCHEDULE_KEYS,
};

static const struct config_key mta_sts_keys[] = {
    {"port", CONFIG_KIND_PORT, AT(config_mta_sts, port), .fallback = "443", .low = 1,
     .high = 65535},
    {"timeout", CONFIG_KIND_DURATION, AT(config_mta_sts, timeout_ns), .fallback = "60s",
     .low = SECOND / 10, .high = 5 * MINUTE},
};

static const struct config_key adapt_keys[] = {
    {"enabled", CONFIG_KIND_BOOL, AT(config_adapt, enabled), .fallback = "true"},
    {"start_rate", CONFIG_KIND_RATE, AT(config_adapt, start_rate), .fallback = "1/s"},
    {"pause", CONFIG_KIND_DURATION, AT(config_adapt, pause_ns), .fallback = "1m",
     .low = SECOND / 100, .high = HOUR},
    {"max_pause", CONFIG_KIND_DURATION, AT(config_adapt, max_pause_ns), .fallback = "4h",
     .low = SECOND / 100, .high = 7 * DAY},
};

static const struct config_key alert_keys[] = {
    {"mail", CONFIG_KIND_TEXT, AT(config_alerts, mail), .fallback = ""},
    {"command", CONFIG_KIND_PATH, AT(config_alerts, command), .fallback = ""},
};

static const struct config_key log_keys[] = {
    {"file", CONFIG_KIND_PATH, AT(config_log, file),
     .fallback = "/var/log/mesura/events.jsonl"},
    {"maillog", CONFIG_KIND_PATH, AT(config_log, maillog),
     .fallback = "/var/log/mesura/mail.log"},
};

static const struct config_key route_keys[] = {
    {"domain", CONFIG_KIND_TEXT, AT(config_route, domain), .required = true},
    {"sender", CONFIG_KIND_TEXT, AT(config_route, sender), .fallback = ""},
    {"stream", CONFIG_KIND_LINK, AT(config_route, stream), .names = CONFIG_NAMES_STREAMS},
    {"host", CONFIG_KIND_HOSTS, AT(config_route, hosts)},
    {"hosts", CONFIG_KIND_HOSTS, AT(config_route, hosts)},
    {"port", CONFIG_KIND_PORT, AT(config_route, port), .fallback = "25", .low = 1,
     .high = 65535},
    {"tls", CONFIG_KIND_CHOICE, AT(config_route, tls), .fallback = "opportunistic",
     .choices = delivery_tls},
    {"user", CONFIG_KIND_TEXT, AT(config_route, user), .fallback = ""},
    {"auth", CONFIG_KIND_CHOICE, AT(config_route, auth), .fallback = "password",
     .choices = route_auth},
    {"password_file", CONFIG_KIND_TEXT, AT(config_route, password_file), .fallback = ""},
    {"token_file", CONFIG_KIND_TEXT, AT(config_route, token_file), .fallback = ""},
};

static const struct config_key source_keys[] = {
    {"name", CONFIG_KIND_NAME, AT(config_source, name), .required = true},
    {"address", CONFIG_KIND_ADDRESS, AT(config_source, address), .fallback = ""},
    {"address6", CONFIG_KIND_ADDRESS, AT(config_source, address6), .fallback = ""},
    {"public", CONFIG_KIND_ADDRESS, AT(config_source, public), .fallback = ""},
    {"helo", CONFIG_KIND_HOST, AT(config_source, helo), .fallback = ""},
    {"warmup", CONFIG_KIND_LINK, AT(config_source, warmup),
     .names = CONFIG_NAMES_WARMUPS},
    {"shared", CONFIG_KIND_BOOL, AT(config_source, shared), .fallback = "false"},
};

static const struct config_key stream_keys[] = {
    {"name", CONFIG_KIND_NAME, AT(config_stream, name), .required = true},
    {"sources", CONFIG_KIND_LINKS, AT(config_stream, sources),
     .names = CONFIG_NAMES_SOURCES},
    {"weight", CONFIG_KIND_COUNT, AT(config_stream, weight), .fallback = "1", .low = 1,
     .high = 1000},
    {"lifetime", CONFIG_KIND_DURATION, AT(config_stream, lifetime_ns), .low = SECOND,
     .high = 60 * DAY},
    {"retry", CONFIG_KIND_LINK, AT(config_stream, retry),
     .names = CONFIG_NAMES_SCHEDULES},
    {"delay_notice", CONFIG_KIND_DURATION, AT(config_stream, delay_notice_ns),
     .high = 60 * DAY},
    {"fallback_source", CONFIG_KIND_LINK, AT(config_stream, fallback_source),
     .names = CONFIG_NAMES_SOURCES},
    {"window", CONFIG_KIND_WINDOW, AT(config_stream, window), .fallback = ""},
    {"timezone", CONFIG_KIND_ZONE, AT(config_stream, timezone), .fallback = "UTC"},
    {"on_block", CONFIG_KIND_CHOICE, AT(config_stream, on_block), .fallback = "hold",
     .choices = on_block},
    {"mode", CONFIG_KIND_CHOICE, AT(config_stream, mode), .fallback = "enforce",
     .choices = mode},
    {"archive", CONFIG_KIND_TEXT, AT(config_stream, archive), .fallback = ""},
    {"senders", CONFIG_KIND_TEXTS, AT(config_stream, senders)},
    {"auto", CONFIG_KIND_BOOL, AT(config_stream, takes_lists), .fallback = "false"},
};

static const struct config_key site_keys[] = {
    {"name", CONFIG_KIND_NAME, AT(config_site, name), .required = true},
    {"match", CONFIG_KIND_TEXTS, AT(config_site, match)},
    {"max_connections", CONFIG_KIND_COUNT, AT(config_site, max_connections),
     .fallback = "10", .high = 100000},
    {"max_rate", CONFIG_KIND_RATE, AT(config_site, max_rate), .fallback = "20/s"},
    {"messages_per_connection", CONFIG_KIND_COUNT,
     AT(config_site, messages_per_connection), .fallback = "100", .high = 1000000},
    {"max_recipients", CONFIG_KIND_COUNT, AT(config_site, max_recipients),
     .fallback = "50", .high = 1000},
    {"tls", CONFIG_KIND_CHOICE, AT(config_site, tls), .fallback = "inherit",
     .choices = site_tls},
    {"total_max_connections", CONFIG_KIND_COUNT, AT(config_site, total_max_connections),
     .fallback = "0", .high = 100000},
    {"total_max_rate", CONFIG_KIND_RATE, AT(config_site, total_max_rate),
     .fallback = "unlimited"},
};

static const struct config_choice warmup_overflow[] = {{"wait", 0},
                                                       {"warm-source", 0},
                                                       {"hold", 0},
                                                       {NULL, 0}};

static const struct config_choice warmup_preflight[] = {{"auto", CONFIG_PREFLIGHT_AUTO},
                                                        {"true", CONFIG_PREFLIGHT_ON},
                                                        {"false", CONFIG_PREFLIGHT_OFF},
                                                        {NULL, 0}};

static const struct config_key warmup_keys[] = {
    {"name", CONFIG_KIND_NAME, AT(config_warmup, name), .required = true},
    {"start", CONFIG_KIND_BIG, AT(config_warmup, start), .fallback = "200", .low = 1,
     .high = 1e12},
    {"growth", CONFIG_KIND_FACTOR, AT(config_warmup, growth), .fallback = "1.5", .low = 1,
     .high = 10},
    {"days", CONFIG_KIND_COUNT, AT(config_warmup, days), .fallback = "30", .low = 1,
     .high = 3650},
    {"steps", CONFIG_KIND_BIGS, AT(config_warmup, steps), .low = 1, .high = 1e12},
    {"total", CONFIG_KIND_BIG, AT(config_warmup, total), .fallback = "0", .high = 1e12},
    {"timezone", CONFIG_KIND_ZONE, AT(config_warmup, timezone), .fallback = "UTC"},
    {"day_starts", CONFIG_KIND_CLOCK, AT(config_warmup, day_starts_minute),
     .fallback = "00:00"},
    {"window", CONFIG_KIND_WINDOW, AT(config_warmup, window), .fallback = ""},
    {"per", CONFIG_KIND_CHOICE, AT(config_warmup, per), .fallback = "site",
     .choices = warmup_per},
    {"overflow", CONFIG_KIND_TEXTS, AT(config_warmup, overflow),
     .choices = warmup_overflow},
    {"preflight", CONFIG_KIND_CHOICE, AT(config_warmup, preflight), .fallback = "auto",
     .choices = warmup_preflight},
};

static const struct config_key dkim_keys[] = {
    {"domain", CONFIG_KIND_HOST, AT(config_dkim, domain), .required = true},
    {"selector", CONFIG_KIND_HOST, AT(config_dkim, selector), .required = true},
    {"key", CONFIG_KIND_PATH, AT(config_dkim, key), .required = true},
    {"stream", CONFIG_KIND_LINK, AT(config_dkim, stream), .names = CONFIG_NAMES_STREAMS},
};

static const struct config_key reply_keys[] = {
    {"name", CONFIG_KIND_NAME, AT(config_reply, name)},
    {"match", CONFIG_KIND_TEXT, AT(config_reply, match), .fallback = ""},
    {"unless", CONFIG_KIND_TEXT, AT(config_reply, unless), .fallback = ""},
    {"code", CONFIG_KIND_TEXT, AT(config_reply, code), .fallback = ""},
    {"enhanced", CONFIG_KIND_TEXT, AT(config_reply, enhanced), .fallback = ""},
    {"provider", CONFIG_KIND_TEXT, AT(config_reply, provider), .fallback = ""},
    {"class", CONFIG_KIND_TEXT, AT(config_reply, class_name), .required = true},
    {"scope", CONFIG_KIND_TEXT, AT(config_reply, scope_name), .required = true},
    {"samples", CONFIG_KIND_TEXTS, AT(config_reply, samples)},
    {"never", CONFIG_KIND_TEXTS, AT(config_reply, never)},
};

static const struct config_group root_group = GROUP("", config, root_keys);
static const struct config_group tls_group = GROUP("tls", config_tls, tls_keys);
static const struct config_group http_group = GROUP("http", config_http, http_keys);
static const struct config_group queue_group = GROUP("queue", config_queue, queue_keys);
static const struct config_group dns_group = GROUP("dns", config_dns, dns_keys);
static const struct config_group dnsbl_group = GROUP("dnsbl", config_dnsbl, dnsbl_keys);
static const struct config_group delivery_group =
    GROUP("delivery", config_delivery, delivery_keys);
static const struct config_group mta_sts_group =
    GROUP("mta_sts", config_mta_sts, mta_sts_keys);
static const struct config_group timeout_group =
    GROUP("delivery.timeouts", config_timeouts, timeout_keys);
static const struct config_group retry_group =
    GROUP("retry", config_schedule, retry_keys);
static const struct config_group adapt_group = GROUP("adapt", config_adapt, adapt_keys);
static const struct config_group alert_group = GROUP("alerts", config_alerts, alert_keys);
static const struct config_group log_group = GROUP("log", config_log, log_keys);

const struct config_section config_schema_sections[] = {
    {"", &root_group, 0},
    {"tls", &tls_group, offsetof(struct config, tls)},
    {"http", &http_group, offsetof(struct config, http)},
    {"queue", &queue_group, offsetof(struct config, queue)},
    {"dns", &dns_group, offsetof(struct config, dns)},
    {"dnsbl", &dnsbl_group, offsetof(struct config, dnsbl)},
    {"delivery", &delivery_group, offsetof(struct config, delivery)},
    {"mta_sts", &mta_sts_group, offsetof(struct config, mta_sts)},
    {"delivery.timeouts", &timeout_group, offsetof(struct config, delivery.timeouts)},
    {"retry", &retry_group, CONFIG_SECTION_RETRY},
    {"adapt", &adapt_group, offsetof(struct config, adapt)},
    {"alerts", &alert_group, offsetof(struct config, alerts)},
    {"log", &log_group, offsetof(struct config, log)},
    {"staging", &config_schema_staging, offsetof(struct config, staging)},
};
const size_t config_schema_section_count = COUNT(config_schema_sections);

static const struct config_group zone_group = GROUP("zone", config_zone, zone_keys);
static const struct config_group route_group = GROUP("route", config_route, route_keys);
static const struct config_group source_group =
    GROUP("source", config_source, source_keys);
static const struct config_group stream_group =
    GROUP("stream", config_stream, stream_keys);
static const struct config_group site_group = GROUP("site", config_site, site_keys);
static const struct config_group schedule_group =
    GROUP("schedule", config_schedule, schedule_keys);
static const struct config_group warmup_group =
    GROUP("warmup", config_warmup, warmup_keys);
static const struct config_group dkim_group = GROUP("dkim", config_dkim, dkim_keys);
static const struct config_group reply_group =
    GROUP("reply rule", config_reply, reply_keys);

#define LIST(NAME, GROUP, FIELD, MERGE, HAS_NAMES)                            \
    {                                                                         \
        (NAME), (GROUP), offsetof(struct config, FIELD), (MERGE), (HAS_NAMES) \
    }

const struct config_list config_schema_lists[] = {
    LIST("listeners", &config_schema_listener, listeners, CONFIG_LIST_WHOLE, true),
    LIST("rewrites", &config_schema_rewrite, rewrites, CONFIG_LIST_WHOLE, false),
    LIST("headers", &config_schema_header, headers, CONFIG_LIST_WHOLE, false),
    LIST("dnsbl.zones", &zone_group, dnsbl.zones, CONFIG_LIST_WHOLE, false),
    LIST("routes", &route_group, routes, CONFIG_LIST_WHOLE, false),
    LIST("sources", &source_group, sources, CONFIG_LIST_WHOLE, true),
    LIST("streams", &stream_group, streams, CONFIG_LIST_WHOLE, true),
    LIST("sites", &site_group, sites, CONFIG_LIST_BY_NAME, true),
    LIST("schedules", &schedule_group, schedules, CONFIG_LIST_BY_NAME, true),
    LIST("warmups", &warmup_group, warmups, CONFIG_LIST_BY_NAME, true),
    LIST("dkim", &dkim_group, dkim, CONFIG_LIST_WHOLE, false),
    LIST("replies", &reply_group, replies, CONFIG_LIST_WHOLE, false),
};
const size_t config_schema_list_count = COUNT(config_schema_lists);

const struct config_key *config_schema_key(const struct config_group *group,
                                           const char *name)
{
    assert(group != NULL);
    assert(name != NULL);
    for (size_t i = 0; i < group->key_count; i++) {
        if (strcmp(group->keys[i].name, name) == 0) {
            return &group->keys[i];
        }
    }
    return NULL;
}
