#include <sys/socket.h>

#include <assert.h>
#include <string.h>

#include "relay/config_build.h"
#include "relay/config_verify.h"

/* 10.0.0.0/8 and fc00::/7 are the widest networks that one organisation owns. */
#define TRUST_PREFIX_4 8
#define TRUST_PREFIX_6 7

static void trust_verify(struct config_build *build,
                         const struct config_listener *listener)
{
    for (size_t i = 0; i < listener->trust.count; i++) {
        const struct config_network *network = &listener->trust.items[i];
        unsigned least = network->family == AF_INET ? TRUST_PREFIX_4 : TRUST_PREFIX_6;

        if (network->prefix < least) {
            config_build_error(
                build, &listener->trust,
                "listener \"%s\": trust: a /%u is the whole Internet or much "
                "of it, and this would be an open relay; name your own "
                "networks, or use auth = \"required\"",
                listener->name, network->prefix);
        }
    }
}

static void auth_verify(struct config_build *build,
                        const struct config_listener *listener)
{
    if (listener->auth == CONFIG_AUTH_NONE) {
        if (listener->trust.count == 0 && !listener->returns) {
            config_build_error(
                build, &listener->name,
                "listener \"%s\": nobody could send here, or everybody; say "
                "trust = [ \"127.0.0.0/8\" ] with your networks, or "
                "auth = \"required\"",
                listener->name);
        }
        if (listener->auth_without_tls) {
            config_build_error(
                build, &listener->auth_without_tls,
                "listener \"%s\": auth_without_tls means nothing without auth; "
                "say auth = \"required\" or remove it",
                listener->name);
        }
        return;
    }
    if (build->config->users[0] == '\0') {
        config_build_error(build, &listener->auth,
                           "listener \"%s\": auth needs the users file; say users = "
                           "\"/etc/mesura/users\"",
                           listener->name);
    }
    if (listener->auth_without_tls && !config_address_is_loopback(&listener->address)) {
        config_build_error(build, &listener->auth_without_tls,
                           "listener \"%s\": passwords may go without TLS on loopback "
                           "addresses only; use tls = \"starttls\"",
                           listener->name);
    }
    if (listener->tls == CONFIG_LISTENER_PLAIN && !listener->auth_without_tls) {
        config_build_error(build, &listener->auth,
                           "listener \"%s\": auth is offered under TLS only; say tls = "
                           "\"starttls\" or \"implicit\"",
                           listener->name);
    }
}

/* What a proxy says decides who is trusted: only one's own may say it. */
static void proxy_verify(struct config_build *build,
                         const struct config_listener *listener)
{
    for (size_t i = 0; i < listener->proxy_from.count; i++) {
        if (listener->proxy_from.items[i].prefix == 0) {
            config_build_error(build, &listener->proxy_from,
                               "listener \"%s\": proxy_from is everybody, who could then "
                               "claim any address; name your proxies",
                               listener->name);
        }
    }
    if (listener->client_certificates && listener->tls == CONFIG_LISTENER_PLAIN) {
        config_build_error(build, &listener->client_certificates,
                           "listener \"%s\": client_certificates need TLS; say tls = "
                           "\"starttls\" or \"implicit\"",
                           listener->name);
    } else if (listener->client_certificates && listener->auth == CONFIG_AUTH_NONE) {
        config_build_error(
            build, &listener->client_certificates,
            "listener \"%s\": client_certificates log users in; say auth = "
            "\"required\" or \"optional\"",
            listener->name);
    }
}

static bool address_is_any(const struct config_address *address)
{
    static const uint8_t zero[16];

    return memcmp(address->bytes, zero, sizeof zero) == 0;
}

/* Would the second bind fail? */
static bool sockets_clash(const struct config_address *one, uint16_t one_port,
                          const struct config_address *other, uint16_t other_port)
{
    return one_port != 0 && one_port == other_port && one->family == other->family &&
           (config_address_is_same(one, other) || address_is_any(one) ||
            address_is_any(other));
}

static void socket_verify(struct config_build *build, size_t i)
{
    const struct config_listener *listener = &build->config->listeners[i];
    const struct config_http *http = &build->config->http;

    if (listener->address.family == AF_UNSPEC) {
        config_build_error(
            build, &listener->address,
            "listener \"%s\": address is empty; write \"0.0.0.0\" for every "
            "IPv4 address of this machine",
            listener->name);
        return;
    }
    for (size_t j = 0; j < i; j++) {
        const struct config_listener *other = &build->config->listeners[j];

        if (sockets_clash(&listener->address, listener->port, &other->address,
                          other->port)) {
            config_build_error(
                build, &listener->port,
                "listener \"%s\": port %u of %s is taken by listener \"%s\"",
                listener->name, listener->port, listener->address.text, other->name);
        }
    }
    if (http->enabled &&
        sockets_clash(&listener->address, listener->port, &http->address, http->port)) {
        config_build_error(build, &listener->port,
                           "listener \"%s\": port %u of %s is that of http",
                           listener->name, listener->port, listener->address.text);
    }
}

static void http_verify(struct config_build *build)
{
    const struct config_http *http = &build->config->http;

    if (!http->enabled) {
        return;
    }
    if (http->address.family == AF_UNSPEC) {
        config_build_error(build, &http->address,
                           "http.address is empty; write \"127.0.0.1\"");
    }
    if (http->token_file[0] == '\0') {
        config_build_error(
            build, &http->token_file,
            "http.token_file is empty; whoever reaches the port must show a "
            "token: say token_file = \"/etc/mesura/http.token\"");
    }
}

void config_verify_listeners(struct config_build *build)
{
    const struct config *config;

    assert(build != NULL);
    config = build->config;
    if (config->listener_count == 0) {
        config_build_error(build, &config->listeners,
                           "listeners is empty; name one, or remove the key to have "
                           "127.0.0.1:25");
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];

        trust_verify(build, listener);
        proxy_verify(build, listener);
        auth_verify(build, listener);
        socket_verify(build, i);
        if (listener->tls != CONFIG_LISTENER_PLAIN &&
            (config->tls.certificate[0] == '\0' || config->tls.key[0] == '\0')) {
            config_build_error(build, &listener->tls,
                               "listener \"%s\": TLS needs a certificate; say tls = { "
                               "certificate = \"/etc/mesura/tls.crt\"; key = "
                               "\"/etc/mesura/tls.key\"; };",
                               listener->name);
        }
    }
    http_verify(build);
}
