#include "relay/config.h"
#include "relay/ownaddress.h"

#include "tests/support/test.h"

static bool has(const struct netaddr *list, unsigned count, const char *text,
                uint16_t port)
{
    struct netaddr wanted;
    cr_assert_eq(netaddr_parse(text, port, &wanted), 0);
    for (unsigned i = 0; i < count; i++) {
        if (netaddr_equal(&list[i], &wanted)) {
            return true;
        }
    }
    return false;
}

/* A listener on one address is that address and port; one on every address is each of the
 * machine's, at its port and no other. Never more than asked for. */
TEST(ownaddress, list)
{
    struct config_listener listeners[2] = {
        {.name = "one", .address = {.text = "192.0.2.1"}, .port = 587},
        {.name = "all", .address = {.text = "0.0.0.0"}, .port = 25}};
    struct config config = {.listeners = listeners, .listener_count = 2};
    struct netaddr out[64];
    unsigned count = ownaddress_list(&config, out, 64);
    cr_assert(has(out, count, "192.0.2.1", 587));
    cr_assert_not(has(out, count, "192.0.2.1", 25));
    cr_assert(has(out, count, "127.0.0.1", 25), "loopback is on every machine");
    cr_assert_not(has(out, count, "127.0.0.1", 587));
    cr_assert_eq(ownaddress_list(&config, out, 1), 1);
}
