#include "relay/config_verify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "relay/config_build.h"
#include "relay/config_scalar.h"

static bool is_address(const char *text)
{
    struct config_address address;
    struct errmsg ignored;

    return config_address_parse(text, &address, &ignored) == 0;
}

static void top_verify(struct config_build *build)
{
    const struct config *config = build->config;
    struct sockaddr_un socket_name;

    if (config->hostname[0] != '\0' && is_address(config->hostname)) {
        config_build_error(build, &config->hostname,
                           "hostname: \"%s\" is an address; receivers want a name that "
                           "resolves to it, such as \"mail.example.com\"",
                           config->hostname);
    }
    if (config->spool[0] == '\0' || config->control[0] == '\0') {
        config_build_error(
            build, config->spool[0] == '\0' ? &config->spool : &config->control,
            "spool and control cannot be empty; remove the key to have the "
            "default");
    }
    if (strlen(config->control) >= sizeof socket_name.sun_path) {
        config_build_error(build, &config->control,
                           "control: the path of a socket has at most %zu bytes",
                           sizeof socket_name.sun_path - 1);
    }
    if (config->adapt.pause_ns > config->adapt.max_pause_ns) {
        config_build_error(build, &config->adapt.pause_ns,
                           "adapt: pause is longer than max_pause; make it shorter");
    }
}

static bool address_is_unset(const struct config_address *address)
{
    return address->family == AF_UNSPEC;
}

static void source_address_verify(struct config_build *build,
                                  const struct config_source *source)
{
    static const uint8_t zero[16];

    if (source->address.family == AF_INET6) {
        config_build_error(build, &source->address,
                           "source \"%s\": address is for IPv4; write address6 = \"%s\"",
                           source->name, source->address.text);
    }
    if (source->address6.family == AF_INET) {
        config_build_error(build, &source->address6,
                           "source \"%s\": address6 is for IPv6; write address = \"%s\"",
                           source->name, source->address6.text);
    }
    if ((!address_is_unset(&source->address) &&
         memcmp(source->address.bytes, zero, sizeof zero) == 0) ||
        (!address_is_unset(&source->address6) &&
         memcmp(source->address6.bytes, zero, sizeof zero) == 0)) {
        config_build_error(
            build, &source->address,
            "source \"%s\": a source is one address of this machine; name it, "
            "or leave the key out to let the system pick",
            source->name);
    }
    if (source->helo[0] != '\0' && is_address(source->helo)) {
        config_build_error(
            build, &source->helo,
            "source \"%s\": helo is an address; write the name that its PTR "
            "record says",
            source->name);
    }
}

static void source_twins_verify(struct config_build *build, size_t i)
{
    const struct config_source *source = &build->config->sources[i];
    bool none = address_is_unset(&source->address) && address_is_unset(&source->address6);

    for (size_t j = 0; j < i; j++) {
        const struct config_source *other = &build->config->sources[j];
        bool other_none =
            address_is_unset(&other->address) && address_is_unset(&other->address6);

        if (none && other_none) {
            config_build_error(
                build, &source->name,
                "source \"%s\": neither it nor \"%s\" has an address, so they "
                "are one; give each its own",
                source->name, other->name);
        }
        if ((!address_is_unset(&source->address) &&
             config_address_is_same(&source->address, &other->address)) ||
            (!address_is_unset(&source->address6) &&
             config_address_is_same(&source->address6, &other->address6))) {
            config_build_error(
                build, &source->name,
                "source \"%s\": its address is that of \"%s\"; receivers count "
                "per address, so one address is one source (shared = true "
                "lets it serve two streams)",
                source->name, other->name);
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

/* The first stream that sends from the source, or CONFIG_NONE. */
static uint32_t source_owner(const struct config *config, uint32_t source, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (stream_has(&config->streams[i], source)) {
            return (uint32_t)i;
        }
    }
    return CONFIG_NONE;
}

static void walls_verify(struct config_build *build, size_t i)
{
    const struct config *config = build->config;
    const struct config_stream *stream = &config->streams[i];

    for (size_t j = 0; j < stream->sources.count; j++) {
        uint32_t index = stream->sources.items[j];
        const struct config_source *source = &config->sources[index];
        uint32_t owner = source_owner(config, index, i);

        if (owner != CONFIG_NONE && !source->shared) {
            config_build_error(
                build, &stream->sources,
                "stream \"%s\": source \"%s\" already serves stream \"%s\"; "
                "give each stream its own source, or say shared = true in the "
                "source if a block of one may stop the other",
                stream->name, source->name, config->streams[owner].name);
        }
    }
}

static void fallback_verify(struct config_build *build,
                            const struct config_stream *stream)
{
    const struct config *config = build->config;
    const struct config_source *source;
    uint32_t owner;

    if (stream->fallback_source == CONFIG_NONE) {
        return;
    }
    source = &config->sources[stream->fallback_source];
    owner = source_owner(config, stream->fallback_source, config->stream_count);
    if (stream_has(stream, stream->fallback_source)) {
        config_build_error(
            build, &stream->fallback_source,
            "stream \"%s\": fallback_source \"%s\" is one of its own sources; "
            "name another, or remove it",
            stream->name, source->name);
    } else if (owner != CONFIG_NONE && !source->shared) {
        config_build_error(
            build, &stream->fallback_source,
            "stream \"%s\": fallback_source \"%s\" belongs to stream \"%s\", "
            "which a block would then stop too; use a source of its own, or "
            "say shared = true in the source",
            stream->name, source->name, config->streams[owner].name);
    }
}

/* The stream before `place` that has the sender domain; CONFIG_NONE none. */
static uint32_t sender_owner(const struct config *config, const char *domain,
                             size_t place)
{
    for (uint32_t i = 0; i < place; i++) {
        const struct config_strings *senders = &config->streams[i].senders;
        for (size_t k = 0; k < senders->count; k++) {
            if (strcasecmp(senders->items[k], domain) == 0) {
                return i;
            }
        }
    }
    return CONFIG_NONE;
}

static void sender_verify(struct config_build *build, size_t place, const char *domain)
{
    const struct config *config = build->config;
    const struct config_stream *stream = &config->streams[place];
    uint32_t owner = sender_owner(config, domain, place);

    if (!config_scalar_is_host(domain[0] == '.' ? domain + 1 : domain)) {
        config_build_error(build, &stream->senders,
                           "stream \"%s\": senders: \"%s\" is no domain; write "
                           "\"news.example.com\", or \".example.com\" for all below it",
                           stream->name, domain);
    }
    if (owner != CONFIG_NONE) {
        config_build_error(build, &stream->senders,
                           "stream \"%s\": senders: \"%s\" is stream \"%s\"'s already",
                           stream->name, domain, config->streams[owner].name);
    }
}

/* What names mail of a stream by itself: domains, each of one stream, and at most one
 * stream that takes what is for lists. */
static void senders_verify(struct config_build *build, size_t place)
{
    const struct config *config = build->config;
    const struct config_stream *stream = &config->streams[place];

    for (size_t i = 0; i < stream->senders.count; i++) {
        sender_verify(build, place, stream->senders.items[i]);
    }
    for (size_t k = 0; stream->takes_lists && k < place; k++) {
        if (config->streams[k].takes_lists) {
            config_build_error(build, &stream->takes_lists,
                               "stream \"%s\": auto: stream \"%s\" takes list mail "
                               "already; only one can",
                               stream->name, config->streams[k].name);
        }
    }
}

static void streams_verify(struct config_build *build)
{
    const struct config *config = build->config;

    if (config->stream_count == 0) {
        config_build_error(build, &config->streams,
                           "streams is empty; name one, or remove the key");
    }
    for (size_t i = 0; i < config->stream_count; i++) {
        const struct config_stream *stream = &config->streams[i];

        if (stream->sources.count == 0 && config->source_count > 0) {
            config_build_error(
                build, &stream->sources,
                "stream \"%s\": it has no source to send from; name one in "
                "sources",
                stream->name);
        }
        walls_verify(build, i);
        fallback_verify(build, stream);
        senders_verify(build, i);
    }
}

static void sources_verify(struct config_build *build)
{
    const struct config *config = build->config;

    if (config->source_count == 0) {
        config_build_error(build, &config->sources,
                           "sources is empty; name one, or remove the key");
    }
    for (size_t i = 0; i < config->source_count; i++) {
        source_address_verify(build, &config->sources[i]);
        source_twins_verify(build, i);
    }
}

void config_verify(struct config_build *build)
{
    assert(build != NULL);
    top_verify(build);
    config_verify_listeners(build);
    sources_verify(build);
    streams_verify(build);
    config_verify_mail(build);
    config_verify_doors(build);
}
