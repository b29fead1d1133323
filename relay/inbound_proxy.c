/* No test of its own: tests/relay/test_inbound.c has all of a session.
 *
 * Who is behind the connection: itself, or whom a proxy we know says it speaks for. */

#include <sys/socket.h>

#include <stdlib.h>

#include "relay/arena.h"
#include "relay/inbound_parts.h"
#include "relay/net/admission.h"
#include "relay/net/netaddr.h"
#include "relay/net/proxyhead.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

static int family_of(const struct netaddr *addr)
{
    return addr->family == NETADDR_V4 ? AF_INET : AF_INET6;
}

void inbound_name_client(struct inbound *inbound)
{
    struct intake_client *client = &inbound->intake.client;
    const struct netaddr *remote = &inbound->remote;
    client->remote = *remote;
    client->is_trusted =
        config_networks_have(&client->door->trust, family_of(remote), remote->bytes);
    (void)netaddr_format(remote, client->ip);
}

void inbound_expect_proxy(struct inbound *inbound)
{
    const struct config_listener *door = inbound->intake.client.door;
    if (config_networks_have(&door->proxy_from, family_of(&inbound->remote),
                             inbound->remote.bytes)) {
        inbound->proxy = arena_must(1, sizeof *inbound->proxy);
        proxyhead_init(inbound->proxy);
    }
}

size_t inbound_read_proxy(struct inbound *inbound, const char *bytes, size_t size,
                          enum inbound_proxy *out)
{
    struct proxyhead *head = inbound->proxy;
    const struct config_listener *door = inbound->intake.client.door;
    struct admission *admission = inbound->worker->admissions[inbound->listener];
    size_t used = proxyhead_feed(head, bytes, size);
    *out = head->status == PROXYHEAD_BAD ? INBOUND_PROXY_BAD : INBOUND_PROXY_MORE;
    if (head->status != PROXYHEAD_DONE) {
        return used;
    }
    *out = INBOUND_PROXY_DONE;
    if (head->client.family != NETADDR_NONE) {
        /* The client is counted under its own address, the proxy no more. */
        struct admission_limits limits = {.per_address =
                                              door->max_connections_per_address};
        if (admission_enter(admission, &head->client, &limits) != ADMISSION_IN) {
            *out = INBOUND_PROXY_FULL;
        } else {
            admission_leave(admission, &inbound->remote);
            inbound->remote = head->client;
            inbound_name_client(inbound);
        }
    }
    free(head);
    inbound->proxy = NULL;
    return used;
}
