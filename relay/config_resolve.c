#include "relay/config_resolve.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "relay/config_build.h"
#include "relay/config_hint.h"
#include "relay/config_scalar.h"
#include "relay/limits.h"

#define DNS_PORT 53

/* Any of the lists whose elements begin with their name. */
struct named {
    const char *items;
    size_t count;
    size_t size;
    const char *noun;
};

static_assert(offsetof(struct config_stream, name) == 0, "the name comes first");
static_assert(offsetof(struct config_source, name) == 0, "the name comes first");
static_assert(offsetof(struct config_warmup, name) == 0, "the name comes first");
static_assert(offsetof(struct config_schedule, name) == 0, "the name comes first");

static struct named named_list(const struct config *config, enum config_names names)
{
    switch (names) {
    case CONFIG_NAMES_STREAMS:
        return (struct named){(const char *)config->streams, config->stream_count,
                              sizeof config->streams[0], "stream"};
    case CONFIG_NAMES_SOURCES:
        return (struct named){(const char *)config->sources, config->source_count,
                              sizeof config->sources[0], "source"};
    case CONFIG_NAMES_WARMUPS:
        return (struct named){(const char *)config->warmups, config->warmup_count,
                              sizeof config->warmups[0], "warm-up"};
    case CONFIG_NAMES_SCHEDULES:
        return (struct named){(const char *)config->schedules, config->schedule_count,
                              sizeof config->schedules[0], "schedule"};
    }
    return (struct named){0};
}

static const char *named_at(const struct named *named, size_t i)
{
    const char *name;

    memcpy(&name, named->items + i * named->size, sizeof name);
    return name;
}

static uint32_t named_find(const struct named *named, const char *name)
{
    for (size_t i = 0; i < named->count; i++) {
        if (strcmp(named_at(named, i), name) == 0) {
            return (uint32_t)i;
        }
    }
    return CONFIG_NONE;
}

static uint32_t link_find(struct config_build *build, const struct config_link *link,
                          const char *name)
{
    struct named named = named_list(build->config, link->names);
    uint32_t index = named_find(&named, name);
    struct config_hint hint;
    char meant[LIMIT_CONFIG_NAME + 32];

    if (index == CONFIG_NONE) {
        config_hint_init(&hint, name);
        for (size_t i = 0; i < named.count; i++) {
            config_hint_offer(&hint, named_at(&named, i));
        }
        config_notes_error(build->notes, link->where.file, link->where.line,
                           "%s: there is no %s named \"%.64s\"%s", link->label,
                           named.noun, name,
                           config_hint_print(&hint, meant, sizeof meant));
    }
    return index;
}

static bool indexes_have(const uint32_t *items, size_t count, uint32_t index)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i] == index) {
            return true;
        }
    }
    return false;
}

static void links_resolve(struct config_build *build, const struct config_link *link)
{
    struct config_indexes *field = link->field;
    uint32_t *items = config_build_alloc(build, link->wanted.count, sizeof items[0]);
    size_t count = 0;

    for (size_t i = 0; i < link->wanted.count; i++) {
        uint32_t index = link_find(build, link, link->wanted.items[i]);

        if (index == CONFIG_NONE) {
            continue;
        }
        if (indexes_have(items, count, index)) {
            config_notes_error(build->notes, link->where.file, link->where.line,
                               "%s: \"%s\" is named twice", link->label,
                               link->wanted.items[i]);
            continue;
        }
        items[count++] = index;
    }
    *field = (struct config_indexes){items, count};
}

static void link_resolve(struct config_build *build, const struct config_link *link)
{
    if (link->many) {
        links_resolve(build, link);
    } else if (link->wanted.count == 1) {
        *(uint32_t *)link->field = link_find(build, link, link->wanted.items[0]);
    }
}

static struct config_indexes all_of(struct config_build *build, size_t count)
{
    uint32_t *items = config_build_alloc(build, count, sizeof items[0]);

    for (size_t i = 0; i < count; i++) {
        items[i] = (uint32_t)i;
    }
    return (struct config_indexes){items, count};
}

static bool is_given(const struct config_build *build, const void *value)
{
    return config_snapshot_where(build->snapshot, value).line != 0;
}

static void sources_complete(struct config_build *build)
{
    struct config_source *sources = config_build_items(&build->config->sources);

    for (size_t i = 0; i < build->config->source_count; i++) {
        struct config_source *source = &sources[i];

        if (source->helo[0] == '\0') {
            source->helo = build->config->hostname;
            config_build_inherit(build, &source->helo, &build->config->hostname);
        }
        if (source->public.text[0] == '\0') {
            source->public = source->address;
            config_build_inherit(build, &source->public, &source->address);
        }
    }
}

/* What a stream that names no schedule uses: `retry` where the file has it, else the
 * shipped schedule of its own name, else the defaults of `retry`. */
static uint32_t schedule_default(const struct config_build *build, const char *stream)
{
    struct named schedules = named_list(build->config, CONFIG_NAMES_SCHEDULES);
    uint32_t own = build->retry_given ? CONFIG_NONE : named_find(&schedules, stream);

    return own == CONFIG_NONE ? named_find(&schedules, "default") : own;
}

static void streams_complete(struct config_build *build)
{
    struct config_stream *streams = config_build_items(&build->config->streams);
    struct named named = named_list(build->config, CONFIG_NAMES_STREAMS);
    uint32_t preferred = named_find(&named, "transactional");

    build->config->default_stream = preferred == CONFIG_NONE ? 0 : preferred;
    for (size_t i = 0; i < build->config->stream_count; i++) {
        struct config_stream *stream = &streams[i];
        const struct config_schedule *schedule;

        if (!is_given(build, &stream->sources)) {
            stream->sources = all_of(build, build->config->source_count);
        }
        if (stream->retry == CONFIG_NONE) {
            stream->retry = schedule_default(build, stream->name);
        }
        schedule = &build->config->schedules[stream->retry];
        if (stream->lifetime_ns == 0) {
            stream->lifetime_ns = schedule->lifetime_ns;
            config_build_inherit(build, &stream->lifetime_ns, &schedule->lifetime_ns);
        }
        if (!is_given(build, &stream->delay_notice_ns)) {
            stream->delay_notice_ns = schedule->delay_notice_ns;
            config_build_inherit(build, &stream->delay_notice_ns,
                                 &schedule->delay_notice_ns);
        }
    }
}

/* Neither key: any stream may be chosen. `stream` alone: only that one. `streams` alone:
 * its first is the default. Both: the union. */
static void listeners_complete(struct config_build *build)
{
    struct config_listener *listeners = config_build_items(&build->config->listeners);

    for (size_t i = 0; i < build->config->listener_count; i++) {
        struct config_listener *listener = &listeners[i];
        const struct config_indexes *given = &listener->streams;

        if (listener->stream == CONFIG_NONE && given->count == 0) {
            listener->stream = build->config->default_stream;
            listener->streams = all_of(build, build->config->stream_count);
        } else if (listener->stream == CONFIG_NONE) {
            listener->stream = given->items[0];
        } else if (!indexes_have(given->items, given->count, listener->stream)) {
            uint32_t *items =
                config_build_alloc(build, given->count + 1, sizeof items[0]);

            items[0] = listener->stream;
            for (size_t j = 0; j < given->count; j++) {
                items[j + 1] = given->items[j];
            }
            listener->streams = (struct config_indexes){items, given->count + 1};
        }
    }
}

static void routes_complete(struct config_build *build)
{
    struct config_route *routes = config_build_items(&build->config->routes);

    for (size_t i = 0; i < build->config->route_count; i++) {
        struct config_route *route = &routes[i];
        struct config_host *hosts =
            config_build_alloc(build, route->host_count, sizeof hosts[0]);

        for (size_t j = 0; j < route->host_count; j++) {
            hosts[j] = route->hosts[j];
            if (hosts[j].port == 0) {
                hosts[j].port = route->port;
            }
        }
        route->hosts = hosts;
    }
}

/* "192.0.2.1" and "2001:db8::1" become "192.0.2.1:53" and "[2001:db8::1]:53". */
static void servers_complete(struct config_build *build, const char *label,
                             struct config_strings *servers)
{
    const char **items = config_build_alloc(build, servers->count, sizeof items[0]);

    for (size_t i = 0; i < servers->count; i++) {
        struct errmsg err = {""};
        struct config_address address;
        struct config_host hop;

        items[i] = servers->items[i];
        if (config_scalar_hop(build, servers->items[i], &hop, &err) != 0 ||
            config_address_parse(hop.name, &address, &err) != 0) {
            config_build_error(build, servers,
                               "%s.servers: \"%.60s\" is not the address of a resolver; "
                               "write \"127.0.0.1:53\" or \"[::1]:53\"",
                               label, servers->items[i]);
            continue;
        }
        items[i] = config_build_format(
            build, strchr(address.text, ':') == NULL ? "%s:%u" : "[%s]:%u", address.text,
            hop.port == 0 ? DNS_PORT : (unsigned)hop.port);
    }
    servers->items = items;
}

void config_resolve(struct config_build *build)
{
    assert(build != NULL);
    for (size_t i = 0; i < build->link_count; i++) {
        link_resolve(build, &build->links[i]);
    }
    if (build->config->origin[0] == '\0') {
        build->config->origin = build->config->hostname;
        config_build_inherit(build, &build->config->origin, &build->config->hostname);
    }
    sources_complete(build);
    streams_complete(build);
    listeners_complete(build);
    routes_complete(build);
    servers_complete(build, "dns", &build->config->dns.servers);
    servers_complete(build, "dnsbl", &build->config->dnsbl.servers);
    build->config->default_site = config_site_find(build->config, "default");
}
