#include "relay/net/proxyhead.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES  107 /* of version 1, CRLF included */
#define FIXED_BYTES 16  /* of version 2, before addresses and extensions */

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

void proxyhead_init(struct proxyhead *head)
{
    head->status = PROXYHEAD_MORE;
    head->client = (struct netaddr){0};
    head->length = 0;
}

/* A port as text: digits alone, without a zero in front. -1 when it is none. */
static int read_port(const char *text)
{
    int port = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 5 || (text[0] == '0' && length > 1)) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        port = port * 10 + (text[i] - '0');
    }
    return port <= 65535 ? port : -1;
}

/* Cut the line into its words; exactly one space between two. Returns how many. */
static unsigned split(char *line, char *words[7])
{
    unsigned count = 0;
    for (char *at = line; at != NULL && count < 7; count++) {
        char *space = strchr(at, ' ');
        words[count] = at;
        if (space != NULL) {
            *space = '\0';
            space++;
        }
        at = space;
    }
    return count;
}

/* "PROXY TCP4 192.0.2.7 192.0.2.1 51234 25". */
static enum proxyhead_status read_line(struct proxyhead *head)
{
    char line[LINE_BYTES + 1];
    char *words[7];
    struct netaddr client;
    struct netaddr server;
    if (head->length < 2 || head->bytes[head->length - 2] != '\r' ||
        memchr(head->bytes, '\0', head->length) != NULL) {
        return PROXYHEAD_BAD;
    }
    memcpy(line, head->bytes, head->length - 2);
    line[head->length - 2] = '\0';
    unsigned count = split(line, words);
    if (count >= 2 && strcmp(words[1], "UNKNOWN") == 0) {
        return PROXYHEAD_DONE; /* whatever follows means nothing */
    }
    if (count != 6) {
        return PROXYHEAD_BAD;
    }
    enum netaddr_family family = strcmp(words[1], "TCP4") == 0   ? NETADDR_V4
                                 : strcmp(words[1], "TCP6") == 0 ? NETADDR_V6
                                                                 : NETADDR_NONE;
    int port = read_port(words[4]);
    if (family == NETADDR_NONE || port < 0 || read_port(words[5]) < 0 ||
        netaddr_parse(words[2], (uint16_t)port, &client) != 0 ||
        netaddr_parse(words[3], 0, &server) != 0 || client.family != family ||
        server.family != family) {
        return PROXYHEAD_BAD;
    }
    head->client = client;
    return PROXYHEAD_DONE;
}

/* An IPv4 address in IPv6 clothes is itself: rules speak of it so. */
static void unmap(struct netaddr *addr)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    if (addr->family == NETADDR_V6 && memcmp(addr->bytes, prefix, sizeof prefix) == 0) {
        memmove(addr->bytes, addr->bytes + sizeof prefix, 4);
        memset(addr->bytes + 4, 0, sizeof addr->bytes - 4);
        addr->family = NETADDR_V4;
    }
}

static enum proxyhead_status read_addresses(struct proxyhead *head)
{
    const uint8_t *at = head->bytes + FIXED_BYTES;
    size_t size = head->length - FIXED_BYTES;
    uint8_t command = head->bytes[12] & 0x0f;
    uint8_t family = head->bytes[13];
    if (command == 0) {
        return PROXYHEAD_DONE; /* LOCAL: a health check of the proxy's own */
    }
    if (command != 1) {
        return PROXYHEAD_BAD;
    }
    if (family == 0x11) {
        if (size < 12) {
            return PROXYHEAD_BAD;
        }
        head->client.family = NETADDR_V4;
        memcpy(head->client.bytes, at, 4);
        head->client.port = (uint16_t)(at[8] << 8 | at[9]);
    } else if (family == 0x21) {
        if (size < 36) {
            return PROXYHEAD_BAD;
        }
        head->client.family = NETADDR_V6;
        memcpy(head->client.bytes, at, 16);
        head->client.port = (uint16_t)(at[32] << 8 | at[33]);
        unmap(&head->client);
    } else if (family != 0) {
        return PROXYHEAD_BAD; /* datagrams and local sockets carry no SMTP */
    }
    return PROXYHEAD_DONE;
}

/* After each byte: is it whole, can it still become a header? */
static enum proxyhead_status judge(struct proxyhead *head)
{
    static const char word[] = "PROXY ";
    size_t length = head->length;
    if (head->bytes[0] == 'P') {
        size_t compared = length < 6 ? length : 6;
        if (memcmp(head->bytes, word, compared) != 0 || length > LINE_BYTES) {
            return PROXYHEAD_BAD;
        }
        if (head->bytes[length - 1] == '\n') {
            return read_line(head);
        }
        return length == LINE_BYTES ? PROXYHEAD_BAD : PROXYHEAD_MORE;
    }
    size_t compared = length < sizeof signature ? length : sizeof signature;
    if (memcmp(head->bytes, signature, compared) != 0 ||
        (length > 12 && head->bytes[12] >> 4 != 2)) {
        return PROXYHEAD_BAD;
    }
    if (length < FIXED_BYTES) {
        return PROXYHEAD_MORE;
    }
    size_t whole = FIXED_BYTES + (size_t)(head->bytes[14] << 8 | head->bytes[15]);
    if (whole > sizeof head->bytes) {
        return PROXYHEAD_BAD;
    }
    return length == whole ? read_addresses(head) : PROXYHEAD_MORE;
}

size_t proxyhead_feed(struct proxyhead *head, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length && head->status == PROXYHEAD_MORE) {
        head->bytes[head->length++] = (uint8_t)bytes[used++];
        head->status = judge(head);
    }
    return used;
}
