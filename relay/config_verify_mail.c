#include <sys/socket.h>

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "policy/listing.h"

#include "relay/config_build.h"
#include "relay/config_scalar.h"
#include "relay/config_verify.h"
#include "relay/maildate.h"
#include "relay/secret.h"

/* "gmail.com", "*.example.com", "mx:*.google.com": what policy/site understands. */
static bool pattern_is_good(const char *pattern)
{
    const char *at = strncmp(pattern, "mx:", 3) == 0 ? pattern + 3 : pattern;

    if (*at == '\0' || strlen(at) > 253) {
        return false;
    }
    for (; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr(".-_*", *at) == NULL) {
            return false;
        }
    }
    return true;
}

static bool site_has(const struct config_site *site, const char *pattern)
{
    for (size_t i = 0; i < site->match.count; i++) {
        if (strcasecmp(site->match.items[i], pattern) == 0) {
            return true;
        }
    }
    return false;
}

/* The same pattern in two sites of one file: the second would never be asked. Sites that
 * ship come after those of the file, and giving way is what they are for. */
static void patterns_verify(struct config_build *build, size_t i)
{
    const struct config_site *site = &build->config->sites[i];
    struct config_where where = config_snapshot_where(build->snapshot, &site->match);

    for (size_t p = 0; p < site->match.count; p++) {
        const char *pattern = site->match.items[p];

        if (!pattern_is_good(pattern)) {
            config_build_error(
                build, &site->match,
                "site \"%s\": match: \"%.80s\" is not a pattern; write "
                "\"example.com\" for a domain or \"mx:*.example.com\" for its "
                "mail servers",
                site->name, pattern);
        }
        for (size_t j = 0; j < i; j++) {
            const struct config_site *other = &build->config->sites[j];
            struct config_where first =
                config_snapshot_where(build->snapshot, &other->match);

            if (strcmp(first.file, where.file) == 0 && site_has(other, pattern)) {
                config_build_error(
                    build, &site->match,
                    "site \"%s\": match: \"%.80s\" is taken by site \"%s\", "
                    "at %s:%u; remove it from one of them",
                    site->name, pattern, other->name, first.file, first.line);
            }
        }
    }
}

static void sites_verify(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        bool is_default = i == config->default_site;

        if (is_default && site->match.count > 0) {
            config_build_error(
                build, &site->match,
                "site \"default\": it is for all that no other site matches; "
                "remove match, or give the site another name");
        } else if (!is_default && site->match.count == 0) {
            config_build_error(build, &site->name,
                               "site \"%s\": match is missing; say which domains or mail "
                               "servers it is, such as match = [ \"mx:*.example.com\" ]",
                               site->name);
        }
        patterns_verify(build, i);
    }
}

static bool route_domain_is_good(const char *domain)
{
    return *domain == '\0' || /* noted as missing */
           strcmp(domain, "*") == 0 ||
           config_scalar_is_host(domain[0] == '.' ? domain + 1 : domain);
}

/* It becomes part of a name with the recipient's domain: 255 bytes in all. */
#define ROUTE_SENDER_BYTES 100

static bool route_sender_is_good(const char *sender)
{
    const char *at = strrchr(sender, '@');

    return *sender == '\0' || (at != NULL && config_scalar_is_host(at + 1) &&
                               strlen(sender) <= ROUTE_SENDER_BYTES);
}

static bool hosts_are_loopback(const struct config_route *route)
{
    for (size_t i = 0; i < route->host_count; i++) {
        struct config_address address;
        struct errmsg ignored;

        if (config_address_parse(route->hosts[i].name, &address, &ignored) != 0 ||
            !config_address_is_loopback(&address)) {
            return false;
        }
    }
    return true;
}

static void route_secret_verify(struct config_build *build,
                                const struct config_route *route,
                                const char *const *place, const char *name)
{
    if ((*place)[0] != '\0' && !secret_is_place(*place)) {
        config_build_error(build, place,
                           "route \"%s\": %s \"%.80s\" is not possible; write an "
                           "absolute path, or \"credential:NAME\" of systemd's "
                           "LoadCredential=",
                           route->domain, name, *place);
    }
}

static void route_login_verify(struct config_build *build,
                               const struct config_route *route)
{
    bool by_token = route->auth == CONFIG_ROUTE_AUTH_XOAUTH2;
    const char *wanted = by_token ? "token_file" : "password_file";
    const char *other = by_token ? "password_file" : "token_file";
    const char *place = by_token ? route->token_file : route->password_file;
    const char *useless = by_token ? route->password_file : route->token_file;
    route_secret_verify(build, route, &route->password_file, "password_file");
    route_secret_verify(build, route, &route->token_file, "token_file");
    if (useless[0] != '\0') {
        config_build_error(build, &route->auth,
                           "route \"%s\": %s does not go with this auth; write %s, or "
                           "auth = \"%s\"",
                           route->domain, other, wanted,
                           by_token ? "password" : "xoauth2");
    } else if ((route->user[0] == '\0') != (place[0] == '\0')) {
        config_build_error(build, &route->domain,
                           "route \"%s\": user and %s go together; give both or "
                           "neither",
                           route->domain, wanted);
    } else if (route->user[0] != '\0' && route->tls != CONFIG_TLS_VERIFY &&
               !hosts_are_loopback(route)) {
        config_build_error(build, &route->tls,
                           "route \"%s\": a password goes to a host whose certificate is "
                           "checked, and to no other; say tls = \"verify\"",
                           route->domain);
    }
}

/* Everything the later route would take, the earlier one has. */
static bool route_is_hidden(const struct config_route *later,
                            const struct config_route *earlier)
{
    return strcasecmp(later->domain, earlier->domain) == 0 &&
           (earlier->sender[0] == '\0' ||
            strcasecmp(later->sender, earlier->sender) == 0) &&
           (earlier->stream == CONFIG_NONE || later->stream == earlier->stream);
}

static void routes_verify(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];

        if (!route_domain_is_good(route->domain)) {
            config_build_error(
                build, &route->domain,
                "route: domain \"%.80s\" is not possible; write "
                "\"example.net\", \".example.net\" for what is below it, or "
                "\"*\" for everything",
                route->domain);
        }
        if (!route_sender_is_good(route->sender)) {
            config_build_error(build, &route->sender,
                               "route \"%s\": sender \"%.80s\" is not possible; write "
                               "\"user@example.com\" or \"@example.com\", of at most "
                               "100 bytes",
                               route->domain, route->sender);
        }
        if (route->host_count == 0 &&
            config_snapshot_where(build->snapshot, &route->hosts).line == 0) {
            config_build_error(
                build, &route->domain,
                "route \"%s\": where to? say host = \"relay.example.net\" or "
                "hosts = [ ... ]",
                route->domain);
        }
        route_login_verify(build, route);
        for (size_t j = 0; j < i; j++) {
            if (route_is_hidden(route, &config->routes[j])) {
                config_build_error(
                    build, &route->domain,
                    "route \"%s\": an earlier route takes all of its mail; "
                    "put the narrower one first",
                    route->domain);
                break;
            }
        }
    }
}

static void schedules_verify(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->schedule_count; i++) {
        const struct config_schedule *schedule = &config->schedules[i];

        if (schedule->steps.count == 0 && schedule->first_ns > schedule->max_ns) {
            config_build_error(
                build, &schedule->first_ns,
                "schedule \"%s\": first is longer than max; make it shorter",
                schedule->name);
        }
    }
    /* The last one is what `retry` says. */
    for (size_t i = 0; i + 1 < config->schedule_count; i++) {
        if (strcmp(config->schedules[i].name, "default") == 0) {
            config_build_error(build, &config->schedules[i].name,
                               "schedule \"default\": the default schedule is written as "
                               "retry = { ... }; give this one another name");
        }
    }
}

static void dkim_verify(struct config_build *build)
{
    const struct config *config = build->config;

    for (size_t i = 0; i < config->dkim_count; i++) {
        const struct config_dkim *dkim = &config->dkim[i];
        int64_t begins_ms = INT64_MIN;
        int64_t ends_ms = INT64_MAX;

        if ((dkim->begins[0] != '\0' && !maildate_read(dkim->begins, &begins_ms)) ||
            (dkim->ends[0] != '\0' && !maildate_read(dkim->ends, &ends_ms))) {
            config_build_error(
                build, &dkim->domain,
                "dkim: selector %s: begins and ends are times (UTC) such as "
                "\"2026-11-21T08:00:00Z\"",
                dkim->selector);
        } else if (ends_ms <= begins_ms) {
            config_build_error(build, &dkim->domain,
                               "dkim: selector %s ends before it begins", dkim->selector);
        }
        for (size_t j = 0; j < i; j++) {
            const struct config_dkim *other = &config->dkim[j];

            if (strcasecmp(dkim->domain, other->domain) == 0 &&
                strcasecmp(dkim->selector, other->selector) == 0 &&
                dkim->stream == other->stream) {
                config_build_error(build, &dkim->domain,
                                   "dkim: %s with selector %s is there twice; remove one",
                                   dkim->domain, dkim->selector);
            }
        }
    }
}

static void alerts_verify(struct config_build *build)
{
    const struct config_alerts *alerts = &build->config->alerts;
    const char *at = strrchr(alerts->mail, '@');

    if (alerts->mail[0] != '\0' &&
        (at == NULL || at == alerts->mail || strpbrk(alerts->mail, " ,;<>") != NULL ||
         !config_scalar_is_host(at + 1))) {
        config_build_error(build, &alerts->mail,
                           "alerts.mail: \"%.80s\" is not one mail address; write "
                           "\"postmaster@example.com\"",
                           alerts->mail);
    }
}

static void zones_verify(struct config_build *build)
{
    const struct config_dnsbl *dnsbl = &build->config->dnsbl;

    for (size_t i = 0; i < dnsbl->zone_count; i++) {
        const struct config_zone *zone = &dnsbl->zones[i];

        for (size_t c = 0; c < zone->codes.count; c++) {
            struct listing_code code;
            if (!listing_code_parse(zone->codes.items[c], &code)) {
                config_build_error(
                    build, &zone->codes,
                    "zone \"%s\": codes: \"%.60s\" is not an answer of a list; write "
                    "\"127.0.0.2\", \"127.0.0.4-7\" or \"127.0.0.10 policy\"",
                    zone->zone, zone->codes.items[c]);
            }
        }
        if (zone->codes.count > LISTING_CODES) {
            config_build_error(build, &zone->codes,
                               "zone \"%s\": codes: at most %d of them; use ranges",
                               zone->zone, LISTING_CODES);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(dnsbl->zones[j].zone, zone->zone) == 0) {
                config_build_error(build, &zone->zone,
                                   "zone \"%s\" stands twice; keep one of them",
                                   zone->zone);
            }
        }
    }
}

bool config_dns_is_local(const struct config *config)
{
    for (size_t i = 0; i < config->dns.servers.count; i++) {
        const char *server = config->dns.servers.items[i];
        if (strncmp(server, "127.", 4) != 0 && strncmp(server, "[::1]", 5) != 0) {
            return false;
        }
    }
    return config->dns.servers.count > 0;
}

/* DANE is worth what the resolver's word is worth. */
static void dane_verify(struct config_build *build)
{
    const struct config *config = build->config;
    const char *remedy = "run a validating resolver on this machine and write "
                         "dns = { servers = [ \"127.0.0.1:53\" ]; }";

    if (config_dns_is_local(config)) {
        return;
    }
    if (config->delivery.tls == CONFIG_TLS_DANE) {
        config_build_error(build, &config->delivery.tls,
                           "delivery.tls: \"dane\" needs DNSSEC; %s", remedy);
    }
    for (size_t i = 0; i < config->site_count; i++) {
        if (config->sites[i].tls == CONFIG_TLS_DANE) {
            config_build_error(build, &config->sites[i].tls,
                               "site \"%s\": tls: \"dane\" needs DNSSEC; %s",
                               config->sites[i].name, remedy);
        }
    }
    for (size_t i = 0; i < config->route_count; i++) {
        if (config->routes[i].tls == CONFIG_TLS_DANE) {
            config_build_error(build, &config->routes[i].tls,
                               "route \"%s\": tls: \"dane\" needs DNSSEC; %s",
                               config->routes[i].domain, remedy);
        }
    }
}

void config_verify_mail(struct config_build *build)
{
    assert(build != NULL);
    dane_verify(build);
    sites_verify(build);
    routes_verify(build);
    schedules_verify(build);
    dkim_verify(build);
    alerts_verify(build);
    zones_verify(build);
}
