#include "relay/snapshot.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/arena.h"
#include "relay/dkim.h"
#include "relay/net/tls_config.h"
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
        .normalise_lines = from->line_endings == CONFIG_LINES_NORMALIZE,
        .accept_long_lines = false,
    };
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
        if (rc != 0) {
            errmsg_wrap(err, "listener \"%s\"", from->name);
            return rc;
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

/* The secret's first line. A file that others may read is not a secret's place. */
static int read_password(const char *path, char *out, size_t size, struct errmsg *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "password_file %s", path);
        return rc;
    }
    struct stat facts;
    ssize_t got = fstat(fd, &facts) == 0 ? read(fd, out, size - 1) : -1;
    int rc = got < 0 ? -errno : 0;
    if (rc != 0) {
        errmsg_errno(err, rc, "password_file %s", path);
    } else if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        rc = -EPERM;
        errmsg_set(err, "password_file %s: others may read it; chmod 600 it", path);
    } else {
        out[got] = '\0';
        out[strcspn(out, "\r\n")] = '\0';
    }
    (void)close(fd);
    return rc;
}

static enum route_tls route_tls_of(enum config_delivery_tls tls)
{
    switch (tls) {
    case CONFIG_TLS_NONE: return ROUTE_TLS_NONE;
    case CONFIG_TLS_OPPORTUNISTIC: return ROUTE_TLS_OPPORTUNISTIC;
    case CONFIG_TLS_REQUIRED: return ROUTE_TLS_REQUIRED;
    case CONFIG_TLS_VERIFY: return ROUTE_TLS_VERIFY;
    }
    return ROUTE_TLS_DEFAULT;
}

enum config_delivery_tls snapshot_tls(const struct snapshot *snapshot, enum route_tls tls)
{
    switch (tls) {
    case ROUTE_TLS_DEFAULT: break;
    case ROUTE_TLS_NONE: return CONFIG_TLS_NONE;
    case ROUTE_TLS_OPPORTUNISTIC: return CONFIG_TLS_OPPORTUNISTIC;
    case ROUTE_TLS_REQUIRED: return CONFIG_TLS_REQUIRED;
    case ROUTE_TLS_VERIFY: return CONFIG_TLS_VERIFY;
    }
    return snapshot->config->delivery.tls;
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

    const char **next_host = snapshot->route_hosts;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *from = &config->routes[i];
        snapshot->routes[i] = (struct route_rule){
            .domain = from->domain,
            .sender = from->sender,
            .stream = from->stream == CONFIG_NONE ? -1 : (int)from->stream,
            .hosts = next_host,
            .host_count = (unsigned)from->host_count,
            .port = from->hosts[0].port,
            .tls = route_tls_of(from->tls)};
        for (size_t h = 0; h < from->host_count; h++) {
            *next_host++ = from->hosts[h].name;
        }
        if (from->password_file[0] != '\0') {
            int rc = read_password(from->password_file, snapshot->passwords[i],
                                   sizeof snapshot->passwords[i], err);
            if (rc != 0) {
                errmsg_wrap(err, "route \"%s\"", from->domain);
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

static int make_clients(struct snapshot *snapshot, struct errmsg *err)
{
    static const enum tls_level levels[SNAPSHOT_CLIENTS] = {
        [SNAPSHOT_CLIENT_OPPORTUNISTIC] = TLS_OPPORTUNISTIC,
        [SNAPSHOT_CLIENT_REQUIRED] = TLS_REQUIRED,
        [SNAPSHOT_CLIENT_VERIFY] = TLS_VERIFY};
    for (unsigned i = 0; i < SNAPSHOT_CLIENTS; i++) {
        int rc = tls_config_client(&snapshot->client_tls[i], levels[i], "", err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
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

    int rc = make_streams(snapshot, err);
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
    free(snapshot->listeners);
    free(snapshot->streams);
    free(snapshot->all_streams);
    free(snapshot->sites);
    free(snapshot->site_rules);
    free(snapshot->site_rule_sites);
    free(snapshot->routes);
    free(snapshot->passwords);
    free(snapshot->route_hosts);
    free(snapshot->dkim_keys);
    config_unref(snapshot->config);
    free(snapshot);
}
