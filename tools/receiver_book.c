#include "tools/receiver_book.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/dice.h"
#include "tools/grab.h"
#include "tools/receiver_grey.h"

#define FIRST_SLOTS 16

static size_t slot_of(const struct receiver_table *table,
                      const struct receiver_address *key)
{
    size_t slot = dice_hash(0, key->bytes, sizeof key->bytes) & (table->capacity - 1);

    while (table->slots[slot] != NULL &&
           memcmp(table->slots[slot], key, sizeof *key) != 0) {
        slot = (slot + 1) & (table->capacity - 1);
    }
    return slot;
}

static void *table_find(const struct receiver_table *table,
                        const struct receiver_address *key)
{
    return table->capacity > 0 ? table->slots[slot_of(table, key)] : NULL;
}

/* Entries begin with their key. */
static void table_add(struct receiver_table *table, void *entry)
{
    if (2 * (table->count + 1) > table->capacity) {
        struct receiver_table bigger = {0};

        bigger.capacity = table->capacity > 0 ? 2 * table->capacity : FIRST_SLOTS;
        bigger.slots = grab_zeroed(bigger.capacity, sizeof *bigger.slots);
        bigger.count = table->count;
        for (size_t i = 0; i < table->capacity; i++) {
            if (table->slots[i] != NULL) {
                bigger.slots[slot_of(&bigger, table->slots[i])] = table->slots[i];
            }
        }
        free(table->slots);
        *table = bigger;
    }
    table->slots[slot_of(table, entry)] = entry;
    table->count++;
}

struct receiver_provider *receiver_book_new(const struct receiver_spec *spec)
{
    struct receiver_provider *provider = grab_zeroed(1, sizeof *provider);

    provider->spec = *spec;
    provider->dice = dice_hash(spec->seed, spec->name, strlen(spec->name));
    if (spec->grey_min_ns > 0) {
        provider->grey = receiver_grey_new();
    }
    return provider;
}

void receiver_book_free(struct receiver_provider *provider)
{
    if (provider == NULL) {
        return;
    }
    for (size_t i = 0; i < provider->accounts.capacity; i++) {
        struct receiver_account *account = provider->accounts.slots[i];

        if (account != NULL) {
            free(account->strikes);
            free(account);
        }
    }
    for (size_t i = 0; i < provider->sources.capacity; i++) {
        free(provider->sources.slots[i]);
    }
    free(provider->accounts.slots);
    free(provider->sources.slots);
    receiver_grey_free(provider->grey);
    free(provider);
}

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct receiver_address receiver_book_address(const struct sockaddr_storage *peer)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)peer;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)peer;
    struct receiver_address address = {{0}};

    if (peer->ss_family == AF_INET) {
        memcpy(address.bytes, mapped_prefix, sizeof mapped_prefix);
        memcpy(address.bytes + sizeof mapped_prefix, &four->sin_addr,
               sizeof four->sin_addr);
    } else {
        memcpy(address.bytes, &six->sin6_addr, sizeof address.bytes);
    }
    return address;
}

struct receiver_address receiver_book_prefix(const struct receiver_address *address,
                                             int bits)
{
    struct receiver_address prefix = {{0}};
    bool four = memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
    int keep = four ? 96 + bits : 64;

    if (bits == 0) {
        return prefix;
    }
    if (bits == 32) {
        return *address;
    }
    for (int i = 0; i < keep; i++) {
        prefix.bytes[i / 8] |= (uint8_t)(address->bytes[i / 8] & (0x80 >> (i % 8)));
    }
    return prefix;
}

static struct receiver_account *find_account(struct receiver_provider *provider,
                                             const struct receiver_address *address,
                                             int64_t model_ns)
{
    const struct receiver_spec *spec = &provider->spec;
    struct receiver_address key = receiver_book_prefix(address, spec->share_bits);
    struct receiver_account *account = table_find(&provider->accounts, &key);

    if (account == NULL) {
        account = grab_zeroed(1, sizeof *account);
        account->key = key;
        account->first_ns = model_ns;
        account->refilled_ns = model_ns;
        account->recent_ns = model_ns;
        account->capacity_ns = model_ns;
        account->tokens = spec->burst;
        account->strikes = grab_zeroed(spec->strikes + 1, sizeof *account->strikes);
        table_add(&provider->accounts, account);
    }
    return account;
}

static void address_text(const struct receiver_address *address, char *text,
                         socklen_t size)
{
    if (memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
        (void)inet_ntop(AF_INET, address->bytes + sizeof mapped_prefix, text, size);
    } else {
        (void)inet_ntop(AF_INET6, address->bytes, text, size);
    }
}

struct receiver_source *receiver_book_source(struct receiver_provider *provider,
                                             const struct sockaddr_storage *peer,
                                             int64_t model_ns)
{
    struct receiver_address address = receiver_book_address(peer);
    struct receiver_source *source = table_find(&provider->sources, &address);

    if (source != NULL) {
        return source;
    }
    if (provider->sources.count == RECEIVER_SOURCES_MAX) {
        provider->turned_away++;
        return NULL;
    }
    source = grab_zeroed(1, sizeof *source);
    source->key = address;
    address_text(&address, source->text, sizeof source->text);
    source->account = find_account(provider, &address, model_ns);
    table_add(&provider->sources, source);
    return source;
}

static void touched(struct receiver_tally *tally, int64_t now_ns)
{
    if (tally->first_ns == 0) {
        tally->first_ns = now_ns;
    }
    tally->last_ns = now_ns;
}

void receiver_book_opened(struct receiver_source *source, int64_t now_ns)
{
    struct receiver_tally *tally = &source->tally;

    touched(tally, now_ns);
    tally->connections++;
    tally->open++;
    source->account->open++;
    if (tally->open > tally->max_open) {
        tally->max_open = tally->open;
    }
    if (tally->listing_ns != 0) {
        tally->after_listing++;
    }
}

void receiver_book_closed(struct receiver_source *source)
{
    source->tally.open--;
    source->account->open--;
}

const char *receiver_book_verdict(enum receiver_class class, int code)
{
    if (code == 0) {
        return "closed";
    }
    if (class == RECEIVER_ACCEPTED || code < 400) {
        return "accepted";
    }
    if (class == RECEIVER_RBL || (class == RECEIVER_BLOCK && code >= 500)) {
        return "blocked";
    }
    return code < 500 ? "deferred" : "refused";
}

void receiver_book_count(struct receiver_source *source, enum receiver_class class,
                         int code, uint64_t weight, int64_t now_ns)
{
    struct receiver_tally *tally = &source->tally;
    const char *verdict = receiver_book_verdict(class, code);

    touched(tally, now_ns);
    tally->by_class[class] += weight;
    if (class == RECEIVER_RBL && tally->listing_ns == 0) {
        tally->listing_ns = now_ns;
    }
    switch (verdict[0]) {
    case 'a':
        tally->accepted += weight;
        if (tally->first_accepted_ns == 0) {
            tally->first_accepted_ns = now_ns;
        }
        tally->last_accepted_ns = now_ns;
        return;
    case 'b': tally->blocked += weight; return;
    case 'd': tally->deferred += weight; return;
    case 'r': tally->refused += weight; return;
    default: tally->closed += weight; return;
    }
}
