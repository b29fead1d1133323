#include "relay/net/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range_row {
    uint8_t prefix[16];
    uint8_t bits;
    enum netaddr_range range;
};

/* First match counts, so the narrower stands first. */
static const struct range_row v4_rows[] = {
    {{0}, 8, NETADDR_UNSPECIFIED},         {{10}, 8, NETADDR_PRIVATE},
    {{100, 64}, 10, NETADDR_SHARED},       {{127}, 8, NETADDR_LOOPBACK},
    {{169, 254}, 16, NETADDR_LINK_LOCAL},  {{172, 16}, 12, NETADDR_PRIVATE},
    {{192, 0, 0}, 24, NETADDR_RESERVED},   {{192, 0, 2}, 24, NETADDR_RESERVED},
    {{192, 88, 99}, 24, NETADDR_RESERVED}, {{192, 168}, 16, NETADDR_PRIVATE},
    {{198, 18}, 15, NETADDR_RESERVED},     {{198, 51, 100}, 24, NETADDR_RESERVED},
    {{203, 0, 113}, 24, NETADDR_RESERVED}, {{224}, 4, NETADDR_MULTICAST},
    {{240}, 4, NETADDR_RESERVED},
};

static const struct range_row v6_rows[] = {
    {{0}, 128, NETADDR_UNSPECIFIED},
    {{[15] = 1}, 128, NETADDR_LOOPBACK},
    {{0}, 96, NETADDR_MAPPED},
    {{[10] = 0xff, 0xff}, 96, NETADDR_MAPPED},
    {{0x00, 0x64, 0xff, 0x9b}, 96, NETADDR_MAPPED},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, NETADDR_MAPPED},
    {{0x01, 0x00}, 64, NETADDR_RESERVED},
    {{0x20, 0x01, 0x00, 0x00}, 32, NETADDR_MAPPED},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, NETADDR_RESERVED},
    {{0x20, 0x01, 0x00}, 23, NETADDR_RESERVED},
    {{0x20, 0x02}, 16, NETADDR_MAPPED},
    {{0x3f, 0xff, 0x00}, 20, NETADDR_RESERVED},
    {{0xfc}, 7, NETADDR_PRIVATE},
    {{0xfe, 0x80}, 10, NETADDR_LINK_LOCAL},
    {{0xfe, 0xc0}, 10, NETADDR_PRIVATE},
    {{0xff}, 8, NETADDR_MULTICAST},
};

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    if (rest == 0) {
        return true;
    }
    unsigned mask = 0xffU << (8 - rest);
    return (a[whole] & mask) == (b[whole] & mask);
}

/* "%7" behind a link-local address. */
static int parse_zone(const char *text, uint32_t *out)
{
    unsigned long value = 0;
    if (*text == '\0') {
        return -EINVAL;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return -EINVAL;
        }
        value = value * 10 + (unsigned long)(*text - '0');
        if (value > UINT32_MAX) {
            return -EINVAL;
        }
    }
    *out = (uint32_t)value;
    return 0;
}

int netaddr_parse(const char *text, uint16_t port, struct netaddr *out)
{
    char copy[NETADDR_TEXT_BYTES];
    size_t size = strlen(text);
    bool bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    if (bracketed) {
        text++;
        size -= 2;
    }
    if (size >= sizeof copy) {
        return -EINVAL;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';

    struct netaddr addr = {.port = port};
    if (inet_pton(AF_INET, copy, addr.bytes) == 1) {
        addr.family = NETADDR_V4;
        *out = addr;
        return 0;
    }
    char *zone = strchr(copy, '%');
    if (zone != NULL) {
        *zone = '\0';
        int rc = parse_zone(zone + 1, &addr.zone);
        if (rc != 0) {
            return rc;
        }
    }
    if (inet_pton(AF_INET6, copy, addr.bytes) != 1) {
        return -EINVAL;
    }
    addr.family = NETADDR_V6;
    *out = addr;
    return 0;
}

const char *netaddr_format(const struct netaddr *addr, char *buffer)
{
    buffer[0] = '\0';
    if (addr->family == NETADDR_NONE) {
        return buffer;
    }
    int family = addr->family == NETADDR_V4 ? AF_INET : AF_INET6;
    (void)inet_ntop(family, addr->bytes, buffer, NETADDR_TEXT_BYTES);
    if (addr->zone != 0) {
        size_t used = strlen(buffer);
        (void)snprintf(buffer + used, NETADDR_TEXT_BYTES - used, "%%%u", addr->zone);
    }
    return buffer;
}

const char *netaddr_format_port(const struct netaddr *addr, char *buffer)
{
    char host[NETADDR_TEXT_BYTES];
    netaddr_format(addr, host);
    switch (addr->family) {
    case NETADDR_V4:
        (void)snprintf(buffer, NETADDR_TEXT_BYTES, "%.15s:%u", host, addr->port);
        break;
    case NETADDR_V6:
        (void)snprintf(buffer, NETADDR_TEXT_BYTES, "[%.60s]:%u", host, addr->port);
        break;
    default: buffer[0] = '\0'; break;
    }
    return buffer;
}

unsigned netaddr_to_sockaddr(const struct netaddr *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (addr->family == NETADDR_V4) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(addr->port);
        memcpy(&in->sin_addr, addr->bytes, 4);
        return sizeof *in;
    }
    if (addr->family == NETADDR_V6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(addr->port);
        in6->sin6_scope_id = addr->zone;
        memcpy(&in6->sin6_addr, addr->bytes, 16);
        return sizeof *in6;
    }
    return 0;
}

void netaddr_from_sockaddr(const struct sockaddr *sockaddr, struct netaddr *out)
{
    memset(out, 0, sizeof *out);
    if (sockaddr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sockaddr;
        out->family = NETADDR_V4;
        out->port = ntohs(in->sin_port);
        memcpy(out->bytes, &in->sin_addr, 4);
    } else if (sockaddr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 =
            (const struct sockaddr_in6 *)(const void *)sockaddr;
        out->family = NETADDR_V6;
        out->port = ntohs(in6->sin6_port);
        out->zone = in6->sin6_scope_id;
        memcpy(out->bytes, &in6->sin6_addr, 16);
    }
}

bool netaddr_same_host(const struct netaddr *a, const struct netaddr *b)
{
    return a->family == b->family && a->zone == b->zone &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
    return netaddr_same_host(a, b) && a->port == b->port;
}

bool netaddr_in_prefix(const struct netaddr *addr, const struct netaddr *net,
                       unsigned bits)
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    const uint8_t *bytes = addr->bytes;
    uint8_t family = addr->family;
    if (family == NETADDR_V6 && net->family == NETADDR_V4 &&
        memcmp(bytes, mapped, sizeof mapped) == 0) {
        bytes += sizeof mapped;
        family = NETADDR_V4;
    }
    if (family != net->family || family == NETADDR_NONE) {
        return false;
    }
    unsigned width = family == NETADDR_V4 ? 32 : 128;
    return bits_equal(bytes, net->bytes, bits < width ? bits : width);
}

enum netaddr_range netaddr_range(const struct netaddr *addr)
{
    const struct range_row *rows = v4_rows;
    size_t count = sizeof v4_rows / sizeof *v4_rows;
    if (addr->family == NETADDR_NONE) {
        return NETADDR_UNSPECIFIED;
    }
    if (addr->family == NETADDR_V6) {
        rows = v6_rows;
        count = sizeof v6_rows / sizeof *v6_rows;
    }
    for (size_t i = 0; i < count; i++) {
        if (bits_equal(addr->bytes, rows[i].prefix, rows[i].bits)) {
            return rows[i].range;
        }
    }
    return NETADDR_PUBLIC;
}

const char *netaddr_range_name(enum netaddr_range range)
{
    switch (range) {
    case NETADDR_PUBLIC: return "public";
    case NETADDR_UNSPECIFIED: return "unspecified";
    case NETADDR_LOOPBACK: return "loopback";
    case NETADDR_PRIVATE: return "private";
    case NETADDR_SHARED: return "carrier-grade NAT";
    case NETADDR_LINK_LOCAL: return "link-local";
    case NETADDR_MULTICAST: return "multicast";
    case NETADDR_RESERVED: return "reserved";
    case NETADDR_MAPPED: return "an embedded IPv4 address";
    }
    return "";
}
