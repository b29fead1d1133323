#include "relay/config_network.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PREFIX_MAX_4 32u
#define PREFIX_MAX_6 128u

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* IPv4 in IPv6 clothes becomes IPv4. Returns the family that bytes then have. */
static int unmap(int family, uint8_t bytes[16])
{
    if (family == AF_INET6 && memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
        memmove(bytes, bytes + sizeof mapped_prefix, 4);
        memset(bytes + 4, 0, 12);
        return AF_INET;
    }
    return family;
}

int config_address_parse(const char *text, struct config_address *address,
                         struct errmsg *err)
{
    struct config_address parsed = {.family = AF_UNSPEC};

    assert(text != NULL);
    assert(address != NULL);
    if (*text != '\0') {
        if (inet_pton(AF_INET, text, parsed.bytes) == 1) {
            parsed.family = AF_INET;
        } else if (inet_pton(AF_INET6, text, parsed.bytes) == 1) {
            parsed.family = unmap(AF_INET6, parsed.bytes);
        } else {
            errmsg_set(err,
                       "\"%.60s\" is not an IP address; write \"192.0.2.10\" or "
                       "\"2001:db8::10\", without a port and without brackets",
                       text);
            return -EINVAL;
        }
        if (inet_ntop(parsed.family, parsed.bytes, parsed.text, sizeof parsed.text) ==
            NULL) {
            return -EINVAL; /* cannot be: the buffer has room for any address */
        }
    }
    *address = parsed;
    return 0;
}

/* The digits after the slash, or -1. */
static int prefix_parse(const char *text)
{
    int value = 0;

    if (*text == '\0' || strlen(text) > 3) {
        return -1;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }
        value = value * 10 + (*text - '0');
    }
    return value;
}

/* Are the first prefix bits the same? */
static bool bits_same(const uint8_t *one, const uint8_t *other, unsigned prefix)
{
    unsigned whole = prefix / 8;
    unsigned rest = prefix % 8;

    if (memcmp(one, other, whole) != 0) {
        return false;
    }
    return rest == 0 || (one[whole] ^ other[whole]) >> (8 - rest) == 0;
}

static bool host_bits_are_zero(const struct config_network *network, unsigned max)
{
    for (unsigned bit = network->prefix; bit < max; bit++) {
        if (network->bytes[bit / 8] & (0x80u >> (bit % 8))) {
            return false;
        }
    }
    return true;
}

int config_network_parse(const char *text, struct config_network *network,
                         struct errmsg *err)
{
    char host[CONFIG_ADDRESS_TEXT_BYTES];
    struct config_network parsed = {0};
    const char *slash;
    size_t length;
    unsigned max;
    int prefix;

    assert(text != NULL);
    assert(network != NULL);
    slash = strchr(text, '/');
    length = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (length >= sizeof host) {
        goto bad;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (inet_pton(AF_INET, host, parsed.bytes) == 1) {
        parsed.family = AF_INET;
        max = PREFIX_MAX_4;
    } else if (inet_pton(AF_INET6, host, parsed.bytes) == 1) {
        parsed.family = AF_INET6;
        max = PREFIX_MAX_6;
    } else {
        goto bad;
    }
    prefix = slash == NULL ? (int)max : prefix_parse(slash + 1);
    if (prefix < 0 || (unsigned)prefix > max) {
        goto bad;
    }
    parsed.prefix = (unsigned)prefix;
    if (!host_bits_are_zero(&parsed, max)) {
        errmsg_set(err,
                   "\"%.60s\" has bits set behind its /%u; write the first address of "
                   "the network, or /%u for one address",
                   text, parsed.prefix, max);
        return -EINVAL;
    }
    if (parsed.family == AF_INET6 && parsed.prefix >= 96 &&
        unmap(AF_INET6, parsed.bytes) == AF_INET) {
        parsed.family = AF_INET;
        parsed.prefix -= 96;
    }
    *network = parsed;
    return 0;
bad:
    errmsg_set(err,
               "\"%.60s\" is not a network; write \"192.0.2.0/24\", \"192.0.2.10\" or "
               "\"2001:db8::/32\"",
               text);
    return -EINVAL;
}

bool config_networks_have(const struct config_networks *networks, int family,
                          const uint8_t *bytes)
{
    uint8_t plain[16] = {0};

    assert(networks != NULL);
    assert(bytes != NULL);
    if (family != AF_INET && family != AF_INET6) {
        return false;
    }
    memcpy(plain, bytes, family == AF_INET ? 4 : 16);
    family = unmap(family, plain);
    for (size_t i = 0; i < networks->count; i++) {
        const struct config_network *network = &networks->items[i];

        if (network->family == family &&
            bits_same(network->bytes, plain, network->prefix)) {
            return true;
        }
    }
    return false;
}

bool config_address_is_loopback(const struct config_address *address)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    assert(address != NULL);
    if (address->family == AF_INET) {
        return address->bytes[0] == 127;
    }
    return address->family == AF_INET6 &&
           memcmp(address->bytes, loopback6, sizeof loopback6) == 0;
}

bool config_address_is_same(const struct config_address *one,
                            const struct config_address *other)
{
    assert(one != NULL);
    assert(other != NULL);
    return one->family == other->family &&
           memcmp(one->bytes, other->bytes, sizeof one->bytes) == 0;
}
