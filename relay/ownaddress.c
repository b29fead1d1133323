#include "relay/ownaddress.h"

#include <sys/socket.h>

#include <ifaddrs.h>
#include <stddef.h>
#include <string.h>

#include "relay/config.h"

static bool has(const struct netaddr *list, unsigned count, const struct netaddr *addr)
{
    for (unsigned i = 0; i < count; i++) {
        if (netaddr_equal(&list[i], addr)) {
            return true;
        }
    }
    return false;
}

static unsigned add(struct netaddr *out, unsigned count, unsigned most,
                    const struct netaddr *addr)
{
    if (count < most && !has(out, count, addr)) {
        out[count++] = *addr;
    }
    return count;
}

/* Every address of this machine, with the port. */
static unsigned add_machine(const struct ifaddrs *machine, uint16_t port,
                            struct netaddr *out, unsigned count, unsigned most)
{
    for (const struct ifaddrs *at = machine; at != NULL; at = at->ifa_next) {
        struct netaddr addr;
        if (at->ifa_addr != NULL &&
            (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6)) {
            netaddr_from_sockaddr(at->ifa_addr, &addr);
            addr.port = port;
            count = add(out, count, most, &addr);
        }
    }
    return count;
}

unsigned ownaddress_list(const struct config *config, struct netaddr *out, unsigned most)
{
    struct ifaddrs *machine = NULL;
    unsigned count = 0;
    if (getifaddrs(&machine) != 0) {
        machine = NULL;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        struct netaddr addr;
        if (netaddr_parse(listener->address.text, listener->port, &addr) != 0) {
            continue;
        }
        count = add(out, count, most, &addr);
        if (netaddr_range(&addr) == NETADDR_UNSPECIFIED) {
            count = add_machine(machine, listener->port, out, count, most);
        }
    }
    if (machine != NULL) {
        freeifaddrs(machine);
    }
    return count;
}
