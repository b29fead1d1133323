#include "relay/net/dns.h"

#include <arpa/nameser.h>

#include <ares.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/list.h"

#include "relay/entropy.h"
#include "relay/limits.h"
#include "relay/net/loop_uv.h"

/* Good path: dns_ask -> launch -> c-ares sends -> on_poll -> on_reply (inside c-ares)
 * puts the query on the done list -> deliver, outside c-ares, parses and calls the owner.
 *
 * What fails: a name that cannot be asked and a send that c-ares refuses at once end on
 * the done list too, and the timer delivers them. c-ares is not re-entrant: owners are
 * only called from deliver, when no function of c-ares is running. */

#define TIMEOUT_MS   5000
#define TRIES        3
#define TRY_LEAST_MS 50
#define ROUNDS_SUM   7    /* c-ares doubles the wait each round: 1 + 2 + 4 */
#define UDP_BYTES    1232 /* fits every path without fragments */
#define AD_BIT       0x20 /* in the fourth byte of a message */

/* A socket of c-ares, watched. */
struct poller {
    struct list_node node; /* in dns->pollers */
    uv_poll_t poll;
    struct dns *dns; /* borrowed: outlives its pollers */
    ares_socket_t fd;
};

struct dns {
    struct loop *loop;
    ares_channel channel;
    uv_timer_t timer;
    unsigned handles_open; /* uv handles whose close callback has not run */
    struct list pollers;
    struct list waiting; /* queries not yet sent, in order */
    struct list flying;
    struct list done;
    unsigned flying_count;
    unsigned pending_count; /* all but cancelled ones */
    bool closing;
    struct dns_answer answer; /* what deliver hands out */
};

struct dns_query {
    struct list_node node; /* in one of waiting, flying, done */
    struct dns *dns;       /* borrowed */
    char name[DNS_NAME_BYTES];
    enum dns_type type;
    int status;   /* c-ares's, once done */
    uint8_t *raw; /* owned: the response, when there is one */
    size_t raw_size;
    bool flying; /* c-ares has it */
    bool cancelled;
    dns_answer_cb answer_cb;
    void *owner;
};

static void on_timer(uv_timer_t *timer);

static void query_free(struct dns_query *query)
{
    free(query->raw);
    free(query);
}

static void on_closed(uv_handle_t *handle)
{
    struct dns *dns = handle->data;
    assert(dns->handles_open > 0);
    dns->handles_open--;
    if (dns->handles_open == 0) {
        free(dns);
    }
}

static void on_poller_closed(uv_handle_t *handle)
{
    struct poller *poller = LIST_OWNER(handle, struct poller, poll);
    struct dns *dns = poller->dns;
    free(poller);
    assert(dns->handles_open > 0);
    dns->handles_open--;
    if (dns->handles_open == 0) {
        free(dns);
    }
}

/* Inside c-ares. */
static void on_reply(void *arg, int status, int timeouts, unsigned char *bytes, int size)
{
    (void)timeouts;
    struct dns_query *query = arg;
    struct dns *dns = query->dns;
    query->status = status;
    query->flying = false;
    if (bytes != NULL && size > 0 && !query->cancelled) {
        query->raw = loop_alloc((size_t)size);
        query->raw_size = (size_t)size;
        memcpy(query->raw, bytes, (size_t)size);
    }
    list_remove(&query->node);
    list_push_back(&dns->done, &query->node);
    dns->flying_count--;
}

static enum dns_outcome outcome_of(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
        return DNS_NXDOMAIN; /* names that must not be asked for (.onion) */
    case ARES_ETIMEOUT: return DNS_TIMEOUT;
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
    case ARES_EBADRESP: return DNS_MALFORMED;
    default: return DNS_SERVFAIL;
    }
}

static void launch(struct dns_query *query)
{
    struct dns *dns = query->dns;
    unsigned char *packet = NULL;
    int size = 0;
    unsigned short id = (unsigned short)entropy_roll();
    list_push_back(&dns->flying, &query->node);
    dns->flying_count++;
    query->flying = true;
    int rc = ares_create_query(query->name, ns_c_in, (int)query->type, id, 1, &packet,
                               &size, UDP_BYTES);
    if (rc != ARES_SUCCESS) {
        on_reply(query, rc, 0, NULL, 0);
        return;
    }
    packet[3] |= AD_BIT; /* "tell me whether DNSSEC holds" */
    ares_send(dns->channel, packet, size, on_reply, query);
    ares_free_string(packet);
}

static void launch_waiting(struct dns *dns)
{
    while (!list_is_empty(&dns->waiting) && dns->flying_count < LIMIT_DNS_IN_FLIGHT) {
        struct dns_query *query =
            LIST_OWNER(list_first(&dns->waiting), struct dns_query, node);
        list_remove(&query->node);
        launch(query);
    }
}

static void rearm(struct dns *dns)
{
    if (!list_is_empty(&dns->done)) {
        (void)uv_timer_start(&dns->timer, on_timer, 0, 0);
        return;
    }
    struct timeval left;
    if (ares_timeout(dns->channel, NULL, &left) == NULL) {
        (void)uv_timer_stop(&dns->timer);
        return;
    }
    uint64_t wait_ms = (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000 + 1;
    (void)uv_timer_start(&dns->timer, on_timer, wait_ms, 0);
}

static void deliver_one(struct dns *dns, struct dns_query *query)
{
    struct dns_answer *answer = &dns->answer;
    if (query->raw != NULL) {
        dns_answer_parse(query->raw, query->raw_size, query->name, query->type, answer);
    } else {
        memset(answer, 0, sizeof *answer);
        answer->type = query->type;
        answer->outcome = outcome_of(query->status);
        memcpy(answer->name, query->name, sizeof answer->name);
    }
    dns_answer_cb answer_cb = query->answer_cb;
    void *owner = query->owner;
    dns->pending_count--;
    query_free(query);
    answer_cb(answer, owner);
}

/* Hand out what is done and send what waited. Not inside c-ares. dns may be closing
 * afterwards, but its memory is there until the loop turns. */
static void deliver(struct dns *dns)
{
    while (!dns->closing && !list_is_empty(&dns->done)) {
        struct dns_query *query =
            LIST_OWNER(list_first(&dns->done), struct dns_query, node);
        list_remove(&query->node);
        if (query->cancelled) {
            query_free(query);
        } else {
            deliver_one(dns, query);
        }
    }
    if (!dns->closing) {
        launch_waiting(dns);
        rearm(dns);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct dns *dns = timer->data;
    ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    deliver(dns);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct poller *poller = poll->data;
    struct dns *dns = poller->dns;
    ares_socket_t fd = poller->fd;
    bool readable = status < 0 || (events & UV_READABLE) != 0;
    bool writable = status < 0 || (events & UV_WRITABLE) != 0;
    ares_process_fd(dns->channel, readable ? fd : ARES_SOCKET_BAD,
                    writable ? fd : ARES_SOCKET_BAD);
    deliver(dns);
}

static struct poller *poller_of(struct dns *dns, ares_socket_t fd)
{
    list_each (node, &dns->pollers) {
        struct poller *poller = LIST_OWNER(node, struct poller, node);
        if (poller->fd == fd) {
            return poller;
        }
    }
    return NULL;
}

/* Inside c-ares: it wants fd watched; both 0 means that it closes it right after. */
static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
    struct dns *dns = data;
    struct poller *poller = poller_of(dns, fd);
    if (readable == 0 && writable == 0) {
        if (poller != NULL) {
            list_remove(&poller->node);
            (void)uv_poll_stop(&poller->poll);
            uv_close((uv_handle_t *)&poller->poll, on_poller_closed);
        }
        return;
    }
    if (poller == NULL) {
        poller = loop_alloc(sizeof *poller);
        if (uv_poll_init(loop_uv(dns->loop), &poller->poll, fd) != 0) {
            free(poller); /* c-ares times out on it: as good as a lost packet */
            return;
        }
        poller->poll.data = poller;
        poller->dns = dns;
        poller->fd = fd;
        list_push_back(&dns->pollers, &poller->node);
        dns->handles_open++;
    }
    int events = (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
    (void)uv_poll_start(&poller->poll, events, on_poll);
}

/* How many servers the channel asks. */
static unsigned count_servers(ares_channel channel)
{
    struct ares_addr_port_node *servers = NULL;
    unsigned count = 0;
    if (ares_get_servers_ports(channel, &servers) != ARES_SUCCESS) {
        return 0;
    }
    for (struct ares_addr_port_node *server = servers; server != NULL;
         server = server->next) {
        count++;
    }
    ares_free_data(servers);
    return count;
}

/* Without a second server, c-ares shall show us a failure instead of hiding it. */
static int open_channel(struct dns *dns, const char *servers, uint32_t timeout_ms,
                        bool single)
{
    struct ares_options options = {0};
    int mask =
        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.flags |= single ? ARES_FLAG_NOCHECKRESP : 0;
    options.timeout = (int)timeout_ms;
    options.tries = TRIES;
    options.sock_state_cb = on_socket;
    options.sock_state_cb_data = dns;
    int rc = ares_init_options(&dns->channel, &options, mask);
    if (rc != ARES_SUCCESS) {
        return rc;
    }
    rc = servers[0] == '\0' ? ARES_SUCCESS
                            : ares_set_servers_ports_csv(dns->channel, servers);
    if (rc != ARES_SUCCESS) {
        ares_destroy(dns->channel);
    }
    return rc;
}

/* The channel that options ask for: once to count its servers, once with what depends on
 * their number. */
static int make_channel(struct dns *dns, const struct dns_options *options,
                        struct errmsg *err)
{
    uint32_t total_ms = options->timeout_ms == 0 ? TIMEOUT_MS : options->timeout_ms;
    int rc = open_channel(dns, options->servers, TIMEOUT_MS, false);
    if (rc != ARES_SUCCESS) {
        errmsg_set(err, "dns servers \"%s\": %s; wanted is \"127.0.0.1:53,[::1]:53\"",
                   options->servers, ares_strerror(rc));
        return -EINVAL;
    }
    unsigned count = count_servers(dns->channel);
    ares_destroy(dns->channel);
    if (count == 0) {
        errmsg_set(err, "no dns servers");
        return -EINVAL;
    }
    uint32_t try_ms = total_ms / (ROUNDS_SUM * count);
    try_ms = try_ms < TRY_LEAST_MS ? TRY_LEAST_MS : try_ms;
    rc = open_channel(dns, options->servers, try_ms, count == 1);
    if (rc != ARES_SUCCESS) {
        errmsg_set(err, "dns: %s", ares_strerror(rc));
        return -ENOMEM;
    }
    return 0;
}

int dns_open(struct dns **out, struct loop *loop, const struct dns_options *options,
             struct errmsg *err)
{
    struct dns *dns = loop_alloc(sizeof *dns);
    dns->loop = loop;
    list_init(&dns->pollers);
    list_init(&dns->waiting);
    list_init(&dns->flying);
    list_init(&dns->done);
    int rc = make_channel(dns, options, err);
    if (rc != 0) {
        free(dns);
        return rc;
    }
    (void)uv_timer_init(loop_uv(loop), &dns->timer);
    dns->timer.data = dns;
    dns->handles_open = 1;
    *out = dns;
    return 0;
}

/* Letters, digits, '-', '_' in labels of 1 to 63 bytes. */
static bool is_askable(const char *name)
{
    size_t label = 0;
    size_t size = strlen(name);
    if (size == 0 || size >= DNS_NAME_BYTES - 2) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char byte = name[i];
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
        label = byte == '.' ? 0 : label + 1;
        bool empty = byte == '.' && (i == 0 || name[i - 1] == '.');
        if ((!plain && byte != '.') || empty || label > 63) {
            return false;
        }
    }
    return true;
}

struct dns_query *dns_ask(struct dns *dns, const char *name, enum dns_type type,
                          dns_answer_cb answer_cb, void *owner)
{
    assert(!dns->closing);
    struct dns_query *query = loop_alloc(sizeof *query);
    query->dns = dns;
    query->type = type;
    query->answer_cb = answer_cb;
    query->owner = owner;
    dns->pending_count++;
    if (is_askable(name)) {
        memcpy(query->name, name, strlen(name) + 1);
        list_push_back(&dns->waiting, &query->node);
        launch_waiting(dns);
    } else {
        query->status = ARES_EBADNAME;
        list_push_back(&dns->done, &query->node);
    }
    rearm(dns);
    return query;
}

void dns_cancel(struct dns_query *query)
{
    if (query == NULL) {
        return;
    }
    query->dns->pending_count--;
    if (query->flying) {
        query->cancelled =
            true; /* c-ares cannot forget: it comes back later, to nobody */
        return;
    }
    list_remove(&query->node);
    query_free(query);
}

unsigned dns_pending(const struct dns *dns)
{
    return dns->pending_count;
}

static void drop_all(struct list *queries)
{
    list_each_safe (node, queries) {
        list_remove(node);
        query_free(LIST_OWNER(node, struct dns_query, node));
    }
}

void dns_close(struct dns *dns)
{
    if (dns == NULL) {
        return;
    }
    assert(!dns->closing);
    dns->closing = true;
    ares_destroy(dns->channel); /* its last callbacks move flying to done */
    drop_all(&dns->waiting);
    drop_all(&dns->done);
    assert(list_is_empty(&dns->flying));
    uv_close((uv_handle_t *)&dns->timer, on_closed);
}
