/* No test of its own: tests/relay/test_config_schema.c has all keys.
 *
 * How mail comes in: listeners, and what becomes of addresses and headers at the door. */

#include <sys/socket.h>

#include "relay/config_schema_parts.h"

static const struct config_choice listener_tls[] = {
    {"none", CONFIG_LISTENER_PLAIN},
    {"starttls", CONFIG_LISTENER_STARTTLS},
    {"implicit", CONFIG_LISTENER_IMPLICIT},
    {NULL, 0},
};
static const struct config_choice listener_auth[] = {
    {"none", CONFIG_AUTH_NONE},
    {"optional", CONFIG_AUTH_OPTIONAL},
    {"required", CONFIG_AUTH_REQUIRED},
    {NULL, 0},
};
static const struct config_choice line_endings[] = {{"strict", CONFIG_LINES_STRICT},
                                                    {"normalize", CONFIG_LINES_NORMALIZE},
                                                    {NULL, 0}};
static const struct config_choice long_lines[] = {{"refuse", CONFIG_LONG_LINES_REFUSE},
                                                  {NULL, 0}};
static const struct config_choice header_actions[] = {{"remove", CONFIG_HEADER_REMOVE},
                                                      {"add", CONFIG_HEADER_ADD},
                                                      {"set", CONFIG_HEADER_SET},
                                                      {NULL, 0}};

static const struct config_key listener_keys[] = {
    {"name", CONFIG_KIND_NAME, AT(config_listener, name), .required = true},
    {"address", CONFIG_KIND_ADDRESS, AT(config_listener, address),
     .fallback = "127.0.0.1"},
    {"port", CONFIG_KIND_PORT, AT(config_listener, port), .fallback = "25",
     .high = 65535},
    {"tls", CONFIG_KIND_CHOICE, AT(config_listener, tls), .fallback = "none",
     .choices = listener_tls},
    {"auth", CONFIG_KIND_CHOICE, AT(config_listener, auth), .fallback = "none",
     .choices = listener_auth},
    {"returns", CONFIG_KIND_BOOL, AT(config_listener, returns), .fallback = "false"},
    {"auth_without_tls", CONFIG_KIND_BOOL, AT(config_listener, auth_without_tls),
     .fallback = "false"},
    {"stream", CONFIG_KIND_LINK, AT(config_listener, stream),
     .names = CONFIG_NAMES_STREAMS},
    {"streams", CONFIG_KIND_LINKS, AT(config_listener, streams),
     .names = CONFIG_NAMES_STREAMS},
    {"trust", CONFIG_KIND_NETWORKS, AT(config_listener, trust)},
    {"proxy_from", CONFIG_KIND_NETWORKS, AT(config_listener, proxy_from)},
    {"client_certificates", CONFIG_KIND_BOOL, AT(config_listener, client_certificates),
     .fallback = "false"},
    {"line_endings", CONFIG_KIND_CHOICE, AT(config_listener, line_endings),
     .fallback = "strict", .choices = line_endings},
    {"long_lines", CONFIG_KIND_CHOICE, AT(config_listener, long_lines),
     .fallback = "refuse", .choices = long_lines},
    {"max_message", CONFIG_KIND_SIZE, AT(config_listener, max_message), .fallback = "50M",
     .high = 1024.0 * MIB},
    {"max_recipients", CONFIG_KIND_COUNT, AT(config_listener, max_recipients),
     .fallback = "1000", .high = 50000},
    {"max_connections", CONFIG_KIND_COUNT, AT(config_listener, max_connections),
     .fallback = "10000", .high = 1000000},
    {"max_connections_per_address", CONFIG_KIND_COUNT,
     AT(config_listener, max_connections_per_address), .fallback = "50", .high = 1000000},
    {"max_errors", CONFIG_KIND_COUNT, AT(config_listener, max_errors), .fallback = "20",
     .high = 1000000},
    {"idle_timeout", CONFIG_KIND_DURATION, AT(config_listener, idle_timeout_ns),
     .fallback = "5m", .low = SECOND / 10, .high = DAY},
};

static const struct config_key certificate_keys[] = {
    {"names", CONFIG_KIND_TEXTS, AT(config_certificate, names), .required = true},
    {"certificate", CONFIG_KIND_PATH, AT(config_certificate, certificate),
     .required = true},
    {"key", CONFIG_KIND_PATH, AT(config_certificate, key), .required = true},
};

static const struct config_key rewrite_keys[] = {
    {"from", CONFIG_KIND_TEXT, AT(config_rewrite, from), .required = true},
    {"to", CONFIG_KIND_TEXT, AT(config_rewrite, to), .required = true},
};

static const struct config_key header_keys[] = {
    {"name", CONFIG_KIND_TEXT, AT(config_header, name), .required = true},
    {"action", CONFIG_KIND_CHOICE, AT(config_header, action), .fallback = "remove",
     .choices = header_actions},
    {"value", CONFIG_KIND_TEXT, AT(config_header, value), .fallback = ""},
    {"stream", CONFIG_KIND_LINK, AT(config_header, stream),
     .names = CONFIG_NAMES_STREAMS},
};

static const struct config_key staging_keys[] = {
    {"redirect_all", CONFIG_KIND_TEXT, AT(config_staging, redirect_all), .fallback = ""},
    {"allowed", CONFIG_KIND_TEXTS, AT(config_staging, allowed)},
};

const struct config_group config_schema_listener =
    GROUP("listener", config_listener, listener_keys);
const struct config_group config_schema_certificate =
    GROUP("certificate", config_certificate, certificate_keys);
const struct config_group config_schema_rewrite =
    GROUP("rewrite", config_rewrite, rewrite_keys);
const struct config_group config_schema_header =
    GROUP("header", config_header, header_keys);
const struct config_group config_schema_staging =
    GROUP("staging", config_staging, staging_keys);
