#include "relay/config_doubt.h"

#include <sys/socket.h>

#include <assert.h>
#include <string.h>

#include "relay/config_build.h"
#include "relay/config_scalar.h"

/* More than any receiver takes from one address that it does not know well. */
#define RATE_WIDE_PER_SECOND 1000.0

static bool is_given(const struct config_build *build, const void *value)
{
    return config_snapshot_where(build->snapshot, value).line != 0;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t bytes = strlen(text);
    size_t tail_bytes = strlen(tail);

    return bytes >= tail_bytes && strcasecmp(text + bytes - tail_bytes, tail) == 0;
}

static void top_doubt(struct config_build *build)
{
    const struct config *config = build->config;
    const char *name = config->hostname;

    if (*name != '\0' && (strchr(name, '.') == NULL || ends_with(name, ".local") ||
                          ends_with(name, ".localdomain"))) {
        config_build_warn(build, &config->hostname,
                          "hostname: \"%s\" means nothing outside this machine, and many "
                          "receivers refuse such a greeting; use the name that your "
                          "address's PTR record says",
                          name);
    }
    if (ends_with(name, "example.com") || ends_with(name, "example.net") ||
        ends_with(name, "example.org")) {
        config_build_warn(
            build, &config->hostname,
            "hostname: \"%s\" is the example; write the name of this machine", name);
    }
    if (!config->delivery.enabled) {
        config_build_warn(
            build, &config->delivery.enabled,
            "delivery.enabled is false: mail is accepted and kept, nothing is "
            "sent");
    }
    if (config->delivery.allow_private_mx) {
        config_build_warn(
            build, &config->delivery.allow_private_mx,
            "delivery.allow_private_mx: whoever owns a domain can make this "
            "relay connect to your internal hosts; a route is safer");
    }
    if (config->staging.redirect_all[0] != '\0' || config->staging.allowed.count > 0) {
        config_build_warn(build,
                          config->staging.allowed.count > 0
                              ? (const void *)&config->staging.allowed
                              : (const void *)&config->staging.redirect_all,
                          "staging: this relay sends to nobody else than staging.allowed "
                          "and redirect_all; remove the group on the real one");
    }
    if (config->queue.reserve > config->queue.low_space) {
        config_build_warn(
            build, &config->queue.reserve,
            "queue.reserve is larger than low_space, so that 452 is said too "
            "late; make low_space the larger one");
    }
}

/* Is it an address that others never see? */
static bool address_is_private(const struct config_address *address)
{
    const uint8_t *b = address->bytes;

    if (address->family == AF_INET) {
        return b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
               (b[0] == 192 && b[1] == 168) || (b[0] == 100 && (b[1] & 0xc0) == 64);
    }
    return false;
}

static bool network_is_private(const struct config_network *network)
{
    struct config_address first = {.family = network->family};

    memcpy(first.bytes, network->bytes, sizeof first.bytes);
    if (network->family == AF_INET6) {
        return (network->bytes[0] & 0xfe) == 0xfc ||
               (network->bytes[0] == 0xfe && (network->bytes[1] & 0xc0) == 0x80) ||
               config_address_is_loopback(&first);
    }
    return address_is_private(&first) || config_address_is_loopback(&first) ||
           (network->bytes[0] == 169 && network->bytes[1] == 254);
}

static void listeners_doubt(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];

        for (size_t j = 0; j < listener->trust.count; j++) {
            const struct config_network *network = &listener->trust.items[j];
            unsigned least = network->family == AF_INET ? 16 : 32;

            if (network->prefix < least && !network_is_private(network)) {
                config_build_warn(
                    build, &listener->trust,
                    "listener \"%s\": trust: a public network as wide as /%u "
                    "may send through this relay without a password; is all "
                    "of it yours?",
                    listener->name, network->prefix);
            }
        }
    }
    if (config->http.enabled && !config_address_is_loopback(&config->http.address)) {
        config_build_warn(build, &config->http.address,
                          "http: the token crosses the network without TLS; listen on "
                          "127.0.0.1 and put a proxy with TLS in front");
    }
}

static void dns_doubt(struct config_build *build, const char *label,
                      const struct config_strings *servers)
{
    static const char *const public_resolvers[] = {
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "9.9.9.9",
        "149.112.112.112",
        "208.67.222.222",
        "208.67.220.220",
        "2001:4860:4860::8888",
        "2001:4860:4860::8844",
        "2606:4700:4700::1111",
        "2606:4700:4700::1001",
        "2620:fe::fe",
    };

    for (size_t i = 0; i < servers->count; i++) {
        for (size_t j = 0; j < sizeof public_resolvers / sizeof public_resolvers[0];
             j++) {
            const char *resolver = public_resolvers[j];
            const char *server = servers->items[i];
            size_t skip = server[0] == '[';
            size_t bytes = strlen(resolver);

            if (strncmp(server + skip, resolver, bytes) == 0 &&
                strchr("]:", server[skip + bytes]) != NULL) {
                config_build_warn(
                    build, servers,
                    "%s.servers: %s is a public resolver; it limits relays, "
                    "and block lists refuse to answer it: run a resolver of "
                    "your own, such as unbound",
                    label, resolver);
            }
        }
    }
}

static void sources_doubt(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];

        if (address_is_private(&source->public)) {
            config_build_warn(
                build, &source->address,
                "source \"%s\": %s is a private address; say public = "
                "\"...\" with the one that receivers see, or listings of it "
                "are not recognised",
                source->name, source->public.text);
        }
    }
}

static bool stream_has(const struct config_stream *stream, uint32_t source)
{
    for (size_t i = 0; i < stream->sources.count; i++) {
        if (stream->sources.items[i] == source) {
            return true;
        }
    }
    return false;
}

static void streams_doubt(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->stream_count; i++) {
        const struct config_stream *stream = &config->streams[i];
        const struct config_schedule *schedule = &config->schedules[stream->retry];
        int64_t first =
            schedule->steps.count > 0 ? schedule->steps.items_ns[0] : schedule->first_ns;

        if (stream->mode == CONFIG_MODE_OBSERVE) {
            config_build_warn(
                build, &stream->mode,
                "stream \"%s\": mode = \"observe\" stops and slows nothing; "
                "say \"enforce\" when you have seen enough",
                stream->name);
        }
        if (stream->lifetime_ns <= first) {
            config_build_warn(
                build, &stream->lifetime_ns,
                "stream \"%s\": its lifetime ends before the first retry, so "
                "that every deferral is a bounce",
                stream->name);
        }
        if (stream->delay_notice_ns >= stream->lifetime_ns) {
            config_build_warn(build, &stream->delay_notice_ns,
                              "stream \"%s\": the delay notice is due after the lifetime "
                              "has ended; nobody will get one",
                              stream->name);
        }
    }
}

/* Streams that were given shared sources by hand; the default source is shared too, and
 * says so in `mesura status`. */
static void walls_doubt(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->source_count; i++) {
        size_t users = 0;

        for (size_t j = 0; j < config->stream_count; j++) {
            users += stream_has(&config->streams[j], (uint32_t)i);
        }
        if (users > 1 && is_given(build, &config->sources[i].shared)) {
            config_build_warn(
                build, &config->sources[i].shared,
                "source \"%s\" serves %zu streams: they are not walled, and a "
                "block that one of them earns stops the others",
                config->sources[i].name, users);
        }
    }
    if (config->stream_count < 2 || !is_given(build, &config->sources[0].name)) {
        return;
    }
    for (size_t i = 0; i < config->dkim_count; i++) {
        if (config->dkim[i].stream == CONFIG_NONE) {
            config_build_warn(
                build, &config->dkim[i].domain,
                "dkim: %s signs for every stream, so that they share its "
                "reputation; a domain or subdomain of its own for bulk, with "
                "stream = \"...\", keeps them apart",
                config->dkim[i].domain);
        }
    }
}

static bool rate_is_wide(const struct units_rate *rate)
{
    return !units_rate_is_unlimited(rate) &&
           (double)rate->count * (double)UNITS_NS_PER_SECOND / (double)rate->period_ns >
               RATE_WIDE_PER_SECOND;
}

/* Does the site take its rate from the default? That is told once, there. */
static bool is_inherited(const struct config_build *build, const struct config_site *site)
{
    const struct config *config = build->config;
    struct config_where own = config_snapshot_where(build->snapshot, &site->max_rate);
    struct config_where other = config_snapshot_where(
        build->snapshot, &config->sites[config->default_site].max_rate);

    return own.line == other.line && strcmp(own.file, other.file) == 0;
}

static void sites_doubt(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];

        if (i != config->default_site && is_inherited(build, site)) {
            continue;
        }
        if (units_rate_is_unlimited(&site->max_rate)) {
            config_build_warn(
                build, &site->max_rate,
                config->adapt.enabled
                    ? "site \"%s\": max_rate is unlimited; only what is learnt "
                      "from its answers slows it"
                    : "site \"%s\": max_rate is unlimited and adapt is off: "
                      "nothing slows it before it blocks you",
                site->name);
        } else if (rate_is_wide(&site->max_rate)) {
            config_build_warn(
                build, &site->max_rate,
                "site \"%s\": max_rate is more than a thousand a second from "
                "one address; few receivers take that",
                site->name);
        }
        if (site->max_connections == 0) {
            config_build_warn(
                build, &site->max_connections,
                "site \"%s\": no limit of connections; receivers refuse more "
                "than 10 to 20 from one address",
                site->name);
        }
    }
}

void config_doubt(struct config_build *build)
{
    assert(build != NULL);
    top_doubt(build);
    listeners_doubt(build);
    dns_doubt(build, "dns", &build->config->dns.servers);
    dns_doubt(build, "dnsbl", &build->config->dnsbl.servers);
    sources_doubt(build);
    streams_doubt(build);
    walls_doubt(build);
    sites_doubt(build);
}
