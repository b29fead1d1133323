/* A name server for tests, on the loop of the test: UDP and TCP on one ephemeral port of
 * 127.0.0.1, answers from a table, counts what it is asked. */

#ifndef TESTS_SUPPORT_NAMESERVER_H
#define TESTS_SUPPORT_NAMESERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "relay/net/dns_answer.h"

#include "tests/support/test.h"

/* One record, or what happens instead of an answer: data "!NXDOMAIN", "!SERVFAIL",
 * "!REFUSED", "!DROP", "!GARBAGE", "!TRUNCATE" (over UDP; the other rows over TCP). */
struct nameserver_row {
    const char *name;
    enum dns_type type; /* 0 with "!...": any type */
    const char *data;   /* "10 mx.example", "192.0.2.1", ... */
    uint32_t ttl_s;
};

#define NAMESERVER_IDS 256

struct nameserver {
    uv_udp_t udp;
    uv_tcp_t tcp;
    uv_loop_t *loop;
    const struct nameserver_row *rows; /* ends with a NULL name */
    bool say_secure;                   /* set AD when the question asked for it */
    bool mute;
    unsigned asked;
    unsigned asked_tcp;
    unsigned asked_with_ad;
    uint16_t ids[NAMESERVER_IDS];
    uint16_t ports[NAMESERVER_IDS];
    char text[32]; /* "127.0.0.1:12345" */
    char buffer[4096];
};

struct nameserver_out {
    uint8_t bytes[4096];
    size_t size;
};

static inline void ns_u16(struct nameserver_out *out, unsigned value)
{
    out->bytes[out->size++] = (uint8_t)(value >> 8);
    out->bytes[out->size++] = (uint8_t)value;
}

static inline void ns_u32(struct nameserver_out *out, uint32_t value)
{
    ns_u16(out, value >> 16);
    ns_u16(out, value & 0xffffU);
}

static inline void ns_name(struct nameserver_out *out, const char *name)
{
    while (*name != '\0' && strcmp(name, ".") != 0) {
        size_t length = strcspn(name, ".");
        out->bytes[out->size++] = (uint8_t)length;
        memcpy(out->bytes + out->size, name, length);
        out->size += length;
        name += length + (name[length] == '.' ? 1 : 0);
    }
    out->bytes[out->size++] = 0;
}

static inline void ns_data(struct nameserver_out *out, const struct nameserver_row *row)
{
    size_t size_at = out->size;
    ns_u16(out, 0);
    if (row->type == DNS_A) {
        cr_assert_eq(inet_pton(AF_INET, row->data, out->bytes + out->size), 1);
        out->size += 4;
    } else if (row->type == DNS_AAAA) {
        cr_assert_eq(inet_pton(AF_INET6, row->data, out->bytes + out->size), 1);
        out->size += 16;
    } else if (row->type == DNS_MX) {
        char *host = NULL;
        unsigned long preference = strtoul(row->data, &host, 10);
        cr_assert(host > row->data && *host == ' ' && preference <= UINT16_MAX);
        ns_u16(out, (unsigned)preference);
        ns_name(out, host + 1);
    } else if (row->type == DNS_TXT) {
        size_t length = strlen(row->data);
        out->bytes[out->size++] = (uint8_t)length;
        memcpy(out->bytes + out->size, row->data, length);
        out->size += length;
    } else if (row->type == DNS_TLSA) {
        /* "3 1 1 32": usage, selector, matching type, bytes; also without them */
        unsigned long head[4] = {3, 1, 1, 32};
        const char *at = row->data;
        for (unsigned i = 0; i < 4; i++) {
            char *end = NULL;
            unsigned long number = strtoul(at, &end, 10);
            if (end == at) {
                break;
            }
            head[i] = number;
            at = end;
        }
        for (unsigned i = 0; i < 3; i++) {
            out->bytes[out->size++] = (uint8_t)head[i];
        }
        memset(out->bytes + out->size, 0xab, head[3]);
        out->size += head[3];
    } else {
        ns_name(out, row->data);
    }
    size_t size = out->size - size_at - 2;
    out->bytes[size_at] = (uint8_t)(size >> 8);
    out->bytes[size_at + 1] = (uint8_t)size;
}

static inline const struct nameserver_row *ns_find(const struct nameserver *server,
                                                   const char *name, unsigned type)
{
    for (const struct nameserver_row *row = server->rows; row->name != NULL; row++) {
        if (strcasecmp(row->name, name) == 0 &&
            (row->type == (enum dns_type)type || row->type == 0)) {
            return row;
        }
    }
    return NULL;
}

static inline bool ns_exists(const struct nameserver *server, const char *name)
{
    for (const struct nameserver_row *row = server->rows; row->name != NULL; row++) {
        if (strcasecmp(row->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static inline unsigned ns_records(const struct nameserver *server,
                                  struct nameserver_out *out, const char *name,
                                  unsigned type)
{
    unsigned count = 0;
    for (const struct nameserver_row *row = server->rows; row->name != NULL; row++) {
        if (strcasecmp(row->name, name) == 0 && row->type == (enum dns_type)type &&
            row->data[0] != '!') {
            ns_name(out, name);
            ns_u16(out, type);
            ns_u16(out, 1);
            ns_u32(out, row->ttl_s);
            ns_data(out, row);
            count++;
        }
    }
    return count;
}

static inline void ns_soa(struct nameserver_out *out)
{
    ns_name(out, "example");
    ns_u16(out, 6);
    ns_u16(out, 1);
    ns_u32(out, 900);
    ns_u16(out, 22);
    ns_name(out, "");
    ns_name(out, "");
    for (int i = 0; i < 4; i++) {
        ns_u32(out, 1);
    }
    ns_u32(out, 300); /* how long "no" holds */
}

/* The response to a question; false: say nothing. */
static inline bool ns_answer(struct nameserver *server, const uint8_t *query, size_t size,
                             bool tcp, struct nameserver_out *out)
{
    char name[256] = "";
    char current[256];
    size_t at = 12;
    cr_assert_geq(size, 17);
    while (query[at] != 0) {
        (void)snprintf(name + strlen(name), sizeof name - strlen(name), "%s%.*s",
                       name[0] == '\0' ? "" : ".", query[at],
                       (const char *)query + at + 1);
        at += query[at] + 1U;
        cr_assert_lt(at, size);
    }
    unsigned type = (unsigned)query[at + 1] << 8 | query[at + 2];
    const struct nameserver_row *row = ns_find(server, name, type);
    const char *special = row != NULL && row->data[0] == '!' ? row->data : "";
    bool ad = (query[3] & 0x20) != 0;
    server->asked_with_ad += ad ? 1 : 0;
    if (server->mute || strcmp(special, "!DROP") == 0) {
        return false;
    }
    memset(out, 0, sizeof *out);
    memcpy(out->bytes, query, at + 5);
    out->size = at + 5;
    memset(out->bytes + 6, 0, 6);
    out->bytes[2] = 0x81;
    out->bytes[3] = (uint8_t)(0x80U | (ad && server->say_secure ? 0x20U : 0U));
    if (strcmp(special, "!GARBAGE") == 0) {
        out->bytes[7] = 9; /* nine answers, and none there */
        return true;
    }
    if (strcmp(special, "!SERVFAIL") == 0 || strcmp(special, "!REFUSED") == 0) {
        out->bytes[3] |= special[1] == 'S' ? 2 : 5;
        return true;
    }
    if (strcmp(special, "!TRUNCATE") == 0 && !tcp) {
        out->bytes[2] |= 0x02;
        return true;
    }
    unsigned count = 0;
    (void)snprintf(current, sizeof current, "%s", name);
    for (int steps = 0; steps < 20 && type != DNS_CNAME; steps++) {
        const struct nameserver_row *alias = ns_find(server, current, DNS_CNAME);
        if (alias == NULL || alias->data[0] == '!') {
            break;
        }
        count += ns_records(server, out, current, DNS_CNAME);
        (void)snprintf(current, sizeof current, "%s", alias->data);
    }
    unsigned found = ns_records(server, out, current, type);
    count += found;
    out->bytes[7] = (uint8_t)count;
    if (found == 0) {
        ns_soa(out);
        out->bytes[9] = 1;
        bool gone = strcmp(special, "!NXDOMAIN") == 0 || !ns_exists(server, current);
        out->bytes[3] |= gone ? 3 : 0;
    }
    return true;
}

static inline void ns_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct nameserver *server = handle->data;
    *buffer = uv_buf_init(server->buffer, sizeof server->buffer);
}

static inline void ns_on_packet(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer,
                                const struct sockaddr *from, unsigned flags)
{
    (void)flags;
    struct nameserver *server = udp->data;
    struct nameserver_out out;
    if (size <= 0 || from == NULL) {
        return;
    }
    const uint8_t *query = (const uint8_t *)buffer->base;
    server->ids[server->asked % NAMESERVER_IDS] = (uint16_t)(query[0] << 8 | query[1]);
    server->ports[server->asked % NAMESERVER_IDS] =
        ntohs(((const struct sockaddr_in *)(const void *)from)->sin_port);
    server->asked++;
    if (ns_answer(server, query, (size_t)size, false, &out)) {
        uv_buf_t reply = uv_buf_init((char *)out.bytes, (unsigned)out.size);
        (void)uv_udp_try_send(udp, &reply, 1, from);
    }
}

static inline void ns_on_peer_closed(uv_handle_t *handle)
{
    free(handle);
}

/* A question over TCP comes in one piece here. */
static inline void ns_on_stream(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct nameserver *server = stream->data;
    if (size < 0) {
        uv_close((uv_handle_t *)stream, ns_on_peer_closed);
        return;
    }
    if (size < 19) {
        return;
    }
    struct nameserver_out out;
    server->asked_tcp++;
    if (ns_answer(server, (const uint8_t *)buffer->base + 2, (size_t)size - 2, true,
                  &out)) {
        char head[2] = {(char)(out.size >> 8), (char)out.size};
        uv_buf_t reply[2] = {uv_buf_init(head, 2),
                             uv_buf_init((char *)out.bytes, (unsigned)out.size)};
        (void)uv_try_write(stream, reply, 2);
    }
}

static inline void ns_on_connection(uv_stream_t *listener, int status)
{
    struct nameserver *server = listener->data;
    cr_assert_eq(status, 0);
    uv_tcp_t *peer = calloc(1, sizeof *peer);
    cr_assert_not_null(peer);
    cr_assert_eq(uv_tcp_init(server->loop, peer), 0);
    peer->data = server;
    cr_assert_eq(uv_accept(listener, (uv_stream_t *)peer), 0);
    cr_assert_eq(uv_read_start((uv_stream_t *)peer, ns_on_alloc, ns_on_stream), 0);
    uv_unref((uv_handle_t *)peer);
}

static inline void nameserver_start(struct nameserver *server, uv_loop_t *loop,
                                    const struct nameserver_row *rows)
{
    struct sockaddr_in addr;
    memset(server, 0, sizeof *server);
    server->loop = loop;
    server->rows = rows;
    for (int i = 0; i < 50; i++) { /* until one port is free for both */
        int size = sizeof addr;
        cr_assert_eq(uv_ip4_addr("127.0.0.1", 0, &addr), 0);
        cr_assert_eq(uv_tcp_init(loop, &server->tcp), 0);
        cr_assert_eq(uv_tcp_bind(&server->tcp, (const struct sockaddr *)&addr, 0), 0);
        cr_assert_eq(uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&addr, &size),
                     0);
        cr_assert_eq(uv_udp_init(loop, &server->udp), 0);
        int rc = uv_udp_bind(&server->udp, (const struct sockaddr *)&addr, 0);
        server->udp.data = server;
        server->tcp.data = server;
        if (rc == 0) {
            break;
        }
        uv_close((uv_handle_t *)&server->tcp, NULL);
        uv_close((uv_handle_t *)&server->udp, NULL);
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
    cr_assert_eq(uv_listen((uv_stream_t *)&server->tcp, 16, ns_on_connection), 0);
    cr_assert_eq(uv_udp_recv_start(&server->udp, ns_on_alloc, ns_on_packet), 0);
    (void)snprintf(server->text, sizeof server->text, "127.0.0.1:%u",
                   ntohs(addr.sin_port));
}

static inline void nameserver_stop(struct nameserver *server)
{
    uv_close((uv_handle_t *)&server->udp, NULL);
    uv_close((uv_handle_t *)&server->tcp, NULL);
}

#endif
