#include "relay/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/aliases.h"
#include "relay/arena.h"
#include "relay/dkim.h"
#include "relay/log.h"
#include "relay/net/tls_config.h"
#include "relay/secret.h"
#include "relay/tlspolicy.h"
#include "relay/zone.h"

#define NS_PER_MS INT64_C(1000000)

struct pace_limit snapshot_pace(const struct units_rate *rate, uint32_t burst)
{
    if (units_rate_is_unlimited(rate)) {
        return (struct pace_limit){0};
    }
    uint32_t count = rate->count > UINT32_MAX ? UINT32_MAX : (uint32_t)rate->count;
    return (struct pace_limit){
        .count = count, .burst = burst, .period_ns = rate->period_ns};
}

static uint32_t clamp_ms(int64_t ns)
{
    int64_t ms = ns / NS_PER_MS;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* REQUIRETLS is worth something where the way to a receiver can be proven: by DNSSEC, by
 * MTA-STS, or because a route names the only hosts there are. */
static bool honours_requiretls(const struct config *config)
{
    if (tlspolicy_wants_tlsa(config->delivery.tls)) {
        return true;
    }
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        if (strcmp(route->domain, "*") == 0 && route->sender[0] == '\0' &&
            route->stream == CONFIG_NONE && route->tls == CONFIG_TLS_VERIFY) {
            return true;
        }
    }
    return false;
}

static void fill_listener(const struct config *config, const struct config_listener *from,
                          struct smtp_in_options *to)
{
    *to = (struct smtp_in_options){
        .hostname = config->hostname,
        .size_max_bytes = from->max_message,
        .rcpt_max =
            from->max_recipients != 0 ? from->max_recipients : LIMIT_MESSAGE_RECIPIENTS,
        .errors_max = from->max_errors,
        .idle_commands_max = LIMIT_IDLE_COMMANDS,
        .command_ms = clamp_ms(from->idle_timeout_ns),
        .content_ms = clamp_ms(from->idle_timeout_ns),
        .offer_starttls = from->tls == CONFIG_LISTENER_STARTTLS,
        .offer_auth = from->auth != CONFIG_AUTH_NONE,
        .auth_in_clear = from->auth_without_tls,
        .require_auth = false, /* intake asks: trusted networks may need none */
        .offer_smtputf8 = true,
        .offer_dsn = true,
        .offer_priority = true,
        .offer_chunking = true,
        .offer_requiretls = honours_requiretls(config),
        .normalise_lines = from->line_endings == CONFIG_LINES_NORMALIZE,
        .accept_long_lines = false,
    };
}

static int add_certificates(const struct config *config, struct tls_context *tls,
                            struct errmsg *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < config->certificate_count; i++) {
        const struct config_certificate *from = &config->certificates[i];
        rc = tls_config_add_names(tls, from->names.items, from->names.count,
                                  from->certificate, from->key, err);
    }
    return rc;
}

static int make_listeners(struct snapshot *snapshot, struct errmsg *err)
{
    const struct config *config = snapshot->config;
    snapshot->listeners = arena_must(config->listener_count, sizeof *snapshot->listeners);
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *from = &config->listeners[i];
        fill_listener(config, from, &snapshot->listeners[i].options);
        if (from->tls == CONFIG_LISTENER_PLAIN) {
            continue;
        }
        int rc = tls_config_server(&snapshot->listeners[i].tls, config->tls.certificate,
                                   config->tls.key, from->name, err);
        rc = rc == 0 ? add_certificates(config, snapshot->listeners[i].tls, err) : rc;
        if (rc != 0) {
            errmsg_wrap(err, "listener \"%s\"", from->name);
            return rc;
        }
        if (from->client_certificates) {
            tls_config_ask_clients(snapshot->listeners[i].tls);
        }
    }
    return 0;
}

static void make_inner(struct snapshot *snapshot)
{
    static const char *const names[SNAPSHOT_DOORS] = {
        [SNAPSHOT_DOOR_HTTP] = "http", [SNAPSHOT_DOOR_LOCAL] = "local"};
    const struct config *config = snapshot->config;
    uint64_t most = 0;
    for (size_t i = 0; i < config->listener_count; i++) {
        uint64_t size = config->listeners[i].max_message;
        most = size == 0 || size > LIMIT_API_MESSAGE ? LIMIT_API_MESSAGE
               : size > most                         ? size
                                                     : most;
    }
    snapshot->all_streams =
        arena_must(config->stream_count, sizeof *snapshot->all_streams);
    for (uint32_t i = 0; i < config->stream_count; i++) {
        snapshot->all_streams[i] = i;
    }
    for (int i = 0; i < SNAPSHOT_DOORS; i++) {
        struct snapshot_inner *inner = &snapshot->inner[i];
        inner->listener = (struct config_listener){
            .name = names[i],
            .auth = CONFIG_AUTH_NONE,
            .stream = config->default_stream,
            .streams = {.items = snapshot->all_streams, .count = config->stream_count},
            .line_endings = CONFIG_LINES_NORMALIZE,
            .max_message = most,
            .max_recipients = LIMIT_MESSAGE_RECIPIENTS};
        fill_listener(config, &inner->listener, &inner->options);
    }
}

static void fill_schedule(const struct config_schedule *from, struct backoff_schedule *to)
{
    *to = (struct backoff_schedule){
        .factor = from->factor, .max_ns = from->max_ns, .jitter = from->jitter};
    for (size_t i = 0; i < from->steps.count && i < BACKOFF_STEPS; i++) {
        to->steps_ns[i] = from->steps.items_ns[i];
        to->step_count++;
    }
    if (to->step_count == 0) {
        to->steps_ns[0] = from->first_ns;
        to->step_count = 1;
    }
}

static int make_streams(struct snapshot *snapshot, struct errmsg *err)
{
    const struct config *config = snapshot->config;
    snapshot->streams = arena_must(config->stream_count, sizeof *snapshot->streams);
    for (size_t i = 0; i < config->stream_count; i++) {
        const struct config_stream *from = &config->streams[i];
        fill_schedule(&config->schedules[from->retry], &snapshot->streams[i].schedule);
        snapshot->streams[i].life = (struct backoff_life){
            .lifetime_ns = from->lifetime_ns, .notice_ns = from->delay_notice_ns};
        int rc = zone_open(&snapshot->streams[i].zone, from->timezone, err);
        if (rc != 0) {
            errmsg_wrap(err, "stream \"%s\"", from->name);
            return rc;
        }
    }
    return 0;
}

static void make_sites(struct snapshot *snapshot)
{
    const struct config *config = snapshot->config;
    snapshot->sites = arena_must(config->site_count, sizeof *snapshot->sites);
    snapshot->site_rules = arena_must(config->site_count, sizeof *snapshot->site_rules);
    snapshot->site_rule_sites =
        arena_must(config->site_count, sizeof *snapshot->site_rule_sites);
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *from = &config->sites[i];
        snapshot->sites[i] = (struct snapshot_site){
            .limits = {.enabled = config->adapt.enabled,
                       .max_rate = snapshot_pace(&from->max_rate, 1),
                       .start_rate = snapshot_pace(&config->adapt.start_rate, 1),
                       .max_connections = from->max_connections,
                       .max_messages = from->messages_per_connection,
                       .pause_ns = config->adapt.pause_ns,
                       .max_pause_ns = config->adapt.max_pause_ns},
            .total_rate = snapshot_pace(&from->total_max_rate, 1)};
        if (tlspolicy_wants_tlsa(snapshot_tls(snapshot, (uint32_t)i))) {
            snapshot->wants_tlsa = true;
        }
        if (from->match.count == 0) {
            continue;
        }
        size_t rule = snapshot->site_rule_count++;
        snapshot->site_rules[rule] =
            (struct site_rule){.name = from->name,
                               .patterns = from->match.items,
                               .pattern_count = (uint32_t)from->match.count};
        snapshot->site_rule_sites[rule] = (uint32_t)i;
    }
}

enum config_delivery_tls snapshot_tls(const struct snapshot *snapshot, uint32_t site)
{
    enum config_delivery_tls tls = snapshot->config->sites[site].tls;
    return tls != CONFIG_TLS_INHERIT ? tls : snapshot->config->delivery.tls;
}

static int make_routes(struct snapshot *snapshot, struct errmsg *err)
{
    const struct config *config = snapshot->config;
    size_t hosts = 0;
    for (size_t i = 0; i < config->route_count; i++) {
        hosts += config->routes[i].host_count;
    }
    snapshot->routes = arena_must(config->route_count + 1, sizeof *snapshot->routes);
    snapshot->passwords =
        arena_must(config->route_count + 1, sizeof *snapshot->passwords);
    snapshot->route_hosts = arena_must(hosts + 1, sizeof *snapshot->route_hosts);
    snapshot->route_ports = arena_must(hosts + 1, sizeof *snapshot->route_ports);

    size_t next = 0;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *from = &config->routes[i];
        snapshot->routes[i] = (struct route_rule){
            .domain = from->domain,
            .sender = from->sender,
            .stream = from->stream == CONFIG_NONE ? -1 : (int)from->stream,
            .hosts = snapshot->route_hosts + next,
            .ports = snapshot->route_ports + next,
            .host_count = (unsigned)from->host_count,
            .port = from->hosts[0].port};
        for (size_t h = 0; h < from->host_count; h++) {
            snapshot->route_hosts[next] = from->hosts[h].name;
            snapshot->route_ports[next++] = from->hosts[h].port;
        }
        if (from->password_file[0] != '\0') {
            int rc = secret_read(from->password_file, snapshot->passwords[i],
                                 sizeof snapshot->passwords[i], err);
            if (rc != 0) {
                errmsg_wrap(err, "route \"%s\": password_file", from->domain);
                return rc;
            }
        }
    }
    return 0;
}

static int make_keys(struct snapshot *snapshot, struct errmsg *err)
{
    const struct config *config = snapshot->config;
    snapshot->dkim_keys = arena_must(config->dkim_count + 1, sizeof(struct dkim_key *));
    for (size_t i = 0; i < config->dkim_count; i++) {
        const struct config_dkim *from = &config->dkim[i];
        int rc = dkim_key_open(&snapshot->dkim_keys[i], from->domain, from->selector,
                               from->key, err);
        if (rc != 0) {
            errmsg_wrap(err, "dkim %s of %s", from->selector, from->domain);
            return rc;
        }
    }
    return 0;
}

/* Does some host have to show a certificate of a trusted root? A message that asks for it
 * (RFC 8689) finds none verified where there are no roots. */
static bool wants_roots(const struct config *config)
{
    bool wants =
        config->delivery.trust[0] != '\0' || tlspolicy_wants_roots(config->delivery.tls);
    for (size_t i = 0; i < config->site_count; i++) {
        wants = wants || tlspolicy_wants_roots(config->sites[i].tls);
    }
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        wants = wants || tlspolicy_wants_roots(route->tls) || route->user[0] != '\0';
    }
    return wants;
}

static int make_clients(struct snapshot *snapshot, struct errmsg *err)
{
    static const enum tls_level levels[SNAPSHOT_CLIENTS] = {
        [SNAPSHOT_CLIENT_OPPORTUNISTIC] = TLS_OPPORTUNISTIC,
        [SNAPSHOT_CLIENT_REQUIRED] = TLS_REQUIRED,
        [SNAPSHOT_CLIENT_VERIFY] = TLS_VERIFY,
        [SNAPSHOT_CLIENT_DANE] = TLS_DANE};
    struct tls_roots *roots = NULL;
    int rc = tls_roots_load(&roots, snapshot->config->delivery.trust, err);
    if (rc != 0 && wants_roots(snapshot->config)) {
        return rc;
    }
    for (unsigned i = 0; i < SNAPSHOT_CLIENTS; i++) {
        snapshot->client_tls[i] = tls_config_client(levels[i], roots);
    }
    tls_roots_free(roots);
    return 0;
}

static int make_aliases(struct snapshot *snapshot, struct errmsg *err)
{
    const char *path = snapshot->config->aliases;
    struct aliases_doubt doubt;
    int rc = aliases_load(&snapshot->aliases, path, &doubt, err);
    if (rc != 0) {
        errmsg_wrap(err, "aliases");
    } else if (doubt.count > 0) {
        log_warn("%s:%u: \"%s\" is no address, and so are %u in all; their mail goes to "
                 "the origin",
                 path, doubt.line, doubt.text, doubt.count);
    }
    return rc;
}

int snapshot_make(struct snapshot **out, const struct config *config, int64_t unix_ms,
                  struct errmsg *err)
{
    struct snapshot *snapshot = arena_must(1, sizeof *snapshot);
    snapshot->config = config_ref(config);
    snapshot->made_unix_ms = unix_ms;
    snapshot->refs = 1;
    make_sites(snapshot);
    make_inner(snapshot);
    snapshot->classify = (struct classify_rules){.rules = config->reply_rules,
                                                 .count = config->reply_count};

    int rc = make_aliases(snapshot, err);
    if (rc == 0) {
        rc = make_streams(snapshot, err);
    }
    if (rc == 0) {
        rc = make_listeners(snapshot, err);
    }
    if (rc == 0) {
        rc = make_routes(snapshot, err);
    }
    if (rc == 0) {
        rc = make_keys(snapshot, err);
    }
    if (rc == 0) {
        rc = make_clients(snapshot, err);
    }
    if (rc != 0) {
        snapshot_unref(snapshot);
        return rc;
    }
    *out = snapshot;
    return 0;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    __atomic_add_fetch(&snapshot->refs, 1, __ATOMIC_RELAXED);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL ||
        __atomic_sub_fetch(&snapshot->refs, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    for (size_t i = 0;
         snapshot->listeners != NULL && i < snapshot->config->listener_count; i++) {
        tls_config_unref(snapshot->listeners[i].tls);
    }
    for (size_t i = 0; snapshot->streams != NULL && i < snapshot->config->stream_count;
         i++) {
        zone_free(snapshot->streams[i].zone);
    }
    for (unsigned i = 0; i < SNAPSHOT_CLIENTS; i++) {
        tls_config_unref(snapshot->client_tls[i]);
    }
    for (size_t i = 0; snapshot->dkim_keys != NULL && i < snapshot->config->dkim_count;
         i++) {
        dkim_key_free(snapshot->dkim_keys[i]);
    }
    if (snapshot->passwords != NULL) {
        sodium_memzero(snapshot->passwords,
                       snapshot->config->route_count * sizeof *snapshot->passwords);
    }
    aliases_free(snapshot->aliases);
    free(snapshot->listeners);
    free(snapshot->streams);
    free(snapshot->all_streams);
    free(snapshot->sites);
    free(snapshot->site_rules);
    free(snapshot->site_rule_sites);
    free(snapshot->routes);
    free(snapshot->passwords);
    free(snapshot->route_hosts);
    free(snapshot->route_ports);
    free(snapshot->dkim_keys);
    config_unref(snapshot->config);
    free(snapshot);
}
