/* What strangers publish as SPF: the input's lines are the TXT records of every name that
 * is asked about. Whatever they are, a check ends, within its look-ups, and asks only for
 * names that are no longer than names are. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/spf.h"

#define ASKED_MOST 400

struct world {
    struct dns_answer texts;
    struct dns_answer names;
    struct dns_answer hosts;
    unsigned asked;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dns_answer *look(const char *name, enum dns_type type, void *owner)
{
    struct world *world = owner;
    assert(strlen(name) < DNS_NAME_BYTES);
    world->asked++;
    assert(world->asked < ASKED_MOST);
    if (type == DNS_TXT) {
        return &world->texts;
    }
    return type == DNS_MX || type == DNS_PTR ? &world->names : &world->hosts;
}

static void put_texts(struct dns_answer *answer, const char *at, size_t size)
{
    while (size > 0 && answer->count < DNS_RECORDS_MAX) {
        const char *end = memchr(at, '\n', size);
        size_t length = end != NULL ? (size_t)(end - at) : size;
        struct dns_record *record = &answer->records[answer->count++];
        record->size = (uint16_t)(length < DNS_TEXT_BYTES ? length : DNS_TEXT_BYTES);
        memcpy(record->text, at, record->size);
        length += end != NULL;
        at += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct spf_answer answer;
    struct spf_ask ask = {.domain = "example.com",
                          .sender = "somebody",
                          .helo = "mx.example.com",
                          .look_cb = look,
                          .owner = &world};
    memset(&world, 0, sizeof world);
    put_texts(&world.texts, (const char *)data, size);
    world.texts.outcome = world.texts.count > 0 ? DNS_OK : DNS_NXDOMAIN;
    for (unsigned i = 0; i < 10; i++) {
        memcpy(world.names.records[world.names.count++].name, "host.example.com", 17);
    }
    world.hosts.count = 1;
    world.hosts.records[0].address[0] = 10;
    int rc = netaddr_parse(size % 2 == 0 ? "192.0.2.1" : "2001:db8::1", 0, &ask.address);
    assert(rc == 0);
    spf_check(&ask, &answer);
    assert(answer.result != SPF_ASKS);
    assert(answer.lookups <= SPF_LOOKUPS);
    assert(answer.voids <= SPF_VOIDS);
    assert(spf_result_name(answer.result) != NULL);
    return 0;
}
