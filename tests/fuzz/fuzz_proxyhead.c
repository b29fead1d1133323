/* PROXY headers: the same answer and the same end in any cut, nothing beyond it taken, a
 * client only when it is done. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/net/proxyhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct proxyhead at_once;
    static struct proxyhead slowly;
    const char *bytes = (const char *)data;
    size_t at = 0;
    char text[NETADDR_TEXT_BYTES];

    proxyhead_init(&at_once);
    proxyhead_init(&slowly);
    size_t used = proxyhead_feed(&at_once, bytes, size);
    while (at < size && slowly.status == PROXYHEAD_MORE) {
        at += proxyhead_feed(&slowly, bytes + at, 1);
    }
    assert(used == at);
    assert(used <= size && used <= PROXYHEAD_BYTES);
    assert(at_once.status == slowly.status);
    assert(at_once.status != PROXYHEAD_MORE || used == size);
    assert(netaddr_equal(&at_once.client, &slowly.client));
    assert(at_once.status == PROXYHEAD_DONE || at_once.client.family == NETADDR_NONE);
    (void)netaddr_format_port(&at_once.client, text);
    assert(strlen(text) < sizeof text);
    return 0;
}
