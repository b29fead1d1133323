/* The list itself: entries in chains by hash, the store, what is asked of it. What puts
 * an entry there is suppression_learn.c.
 *
 * Good path: suppression_set -> chain and store; suppression_blocks by a worker, under
 * the read lock. Failure modes: the list is full (an entry that blocks takes the place of
 * none: -ENOSPC, said; one that only remembers strikes is not made); the store cannot
 * write (the entry acts until the next start). */

#include "relay/suppression.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/config.h"
#include "relay/entropy.h"
#include "relay/fields.h"
#include "relay/known.h"
#include "relay/limits.h"
#include "relay/now.h"
#include "relay/store.h"
#include "relay/suppression_parts.h"

#define BITS_FIRST    10
#define LIST_BYTES    200
#define PARTS_AT_ONCE 512

/* Texts behind it, each ended by a zero: address, stream, site, why. */
struct suppression_item {
    struct suppression_item *next; /* owned */
    uint64_t hash;
    int64_t since_ms;
    int64_t until_ms;
    struct suppress_history *history; /* owned; NULL without strikes */
    enum suppress_cause cause;
    char texts[];
};

/* ---- addresses ---- */

bool suppression_fold(const char *address, char out[SUPPRESSION_ADDRESS])
{
    size_t length = strlen(address);
    const char *at = strrchr(address, '@');
    if (length >= SUPPRESSION_ADDRESS || at == NULL || at == address || at[1] == '\0') {
        return false;
    }
    for (size_t i = 0; i <= length; i++) {
        unsigned char byte = (unsigned char)address[i];
        if (i < length && (byte <= ' ' || byte == 0x7f)) {
            return false;
        }
        out[i] = (char)(byte < 0x80 ? tolower(byte) : byte);
    }
    return true;
}

static uint64_t hash_of(const struct suppression *suppression, const char *stream,
                        const char *folded)
{
    char text[SUPPRESSION_STREAM + SUPPRESSION_ADDRESS + 2];
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t value = 0;
    (void)snprintf(text, sizeof text, "%s|%s", stream, folded);
    (void)crypto_shorthash(hash, (const uint8_t *)text, strlen(text), suppression->key);
    memcpy(&value, hash, sizeof value);
    return value;
}

/* ---- chains ---- */

static const char *text_at(const struct suppression_item *item, unsigned number)
{
    const char *text = item->texts;
    while (number-- > 0) {
        text += strlen(text) + 1;
    }
    return text;
}

static struct suppression_item **chain_of(const struct suppression *suppression,
                                          uint64_t hash)
{
    return &suppression->items[hash >> (64 - suppression->bits)];
}

/* Where the entry hangs, or would: chains are in the order of hashes. */
static struct suppression_item **place_of(const struct suppression *suppression,
                                          const char *stream, const char *folded,
                                          bool *out_is_there)
{
    uint64_t hash = hash_of(suppression, stream, folded);
    struct suppression_item **place = chain_of(suppression, hash);
    while (*place != NULL && (*place)->hash < hash) {
        place = &(*place)->next;
    }
    struct suppression_item **first = place;
    while (*place != NULL && (*place)->hash == hash) {
        if (strcmp(text_at(*place, 0), folded) == 0 &&
            strcmp(text_at(*place, 1), stream) == 0) {
            *out_is_there = true;
            return place;
        }
        place = &(*place)->next;
    }
    *out_is_there = false;
    return first;
}

static void free_item(struct suppression_item *item)
{
    free(item->history);
    free(item);
}

static void grow(struct suppression *suppression)
{
    struct suppression_item **old = suppression->items;
    size_t chains = (size_t)1 << suppression->bits;
    suppression->bits++;
    suppression->items = arena_must(chains * 2, sizeof *suppression->items);
    for (size_t i = 0; i < chains; i++) {
        struct suppression_item **ends[2] = {&suppression->items[2 * i],
                                             &suppression->items[2 * i + 1]};
        for (struct suppression_item *item = old[i]; item != NULL;) {
            struct suppression_item *next = item->next;
            size_t half = (item->hash >> (64 - suppression->bits)) & 1;
            item->next = NULL;
            *ends[half] = item;
            ends[half] = &item->next;
            item = next;
        }
    }
    free(old);
}

static void copy_out(const struct suppression_item *item, struct suppression_entry *out)
{
    *out = (struct suppression_entry){
        .cause = item->cause, .since_ms = item->since_ms, .until_ms = item->until_ms};
    (void)snprintf(out->address, sizeof out->address, "%s", text_at(item, 0));
    (void)snprintf(out->stream, sizeof out->stream, "%s", text_at(item, 1));
    (void)snprintf(out->site, sizeof out->site, "%s", text_at(item, 2));
    (void)snprintf(out->why, sizeof out->why, "%s", text_at(item, 3));
    if (item->history != NULL) {
        out->history = *item->history;
    }
}

static struct suppression_item *make_item(const struct suppression *suppression,
                                          const struct suppression_entry *entry,
                                          const char *folded)
{
    const char *texts[4] = {folded, entry->stream, entry->site, entry->why};
    size_t length = 0;
    for (unsigned i = 0; i < 4; i++) {
        length += strlen(texts[i]) + 1;
    }
    struct suppression_item *item = arena_must(1, sizeof *item + length);
    char *to = item->texts;
    for (unsigned i = 0; i < 4; i++) {
        size_t size = strlen(texts[i]) + 1;
        memcpy(to, texts[i], size);
        to += size;
    }
    item->hash = hash_of(suppression, entry->stream, folded);
    item->since_ms = entry->since_ms;
    item->until_ms = entry->until_ms;
    item->cause = entry->cause;
    if (entry->history.count > 0) {
        item->history = arena_must(1, sizeof *item->history);
        *item->history = entry->history;
    }
    return item;
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Into the chains alone. */
static int insert(struct suppression *suppression, const struct suppression_entry *entry)
{
    char folded[SUPPRESSION_ADDRESS];
    bool is_there = false;
    if (!suppression_fold(entry->address, folded) || !is_plain(entry->stream) ||
        !is_plain(entry->site) || !is_plain(entry->why) ||
        strchr(entry->stream, '|') != NULL) {
        return -EINVAL;
    }
    (void)pthread_rwlock_wrlock(&suppression->lock);
    struct suppression_item **place =
        place_of(suppression, entry->stream, folded, &is_there);
    if (!is_there && suppression->count >= LIMIT_SUPPRESSION) {
        (void)pthread_rwlock_unlock(&suppression->lock);
        return -ENOSPC;
    }
    struct suppression_item *item = make_item(suppression, entry, folded);
    item->next = *place;
    if (is_there) {
        struct suppression_item *old = *place;
        item->next = old->next;
        suppression->blocking -= old->until_ms != 0;
        suppression->count--;
        free_item(old);
    }
    *place = item;
    suppression->count++;
    suppression->blocking += item->until_ms != 0;
    if (suppression->count > (size_t)1 << suppression->bits) {
        grow(suppression);
    }
    (void)pthread_rwlock_unlock(&suppression->lock);
    return 0;
}

/* ---- the store ---- */

static void key_of(const char *stream, const char *folded, char out[STORE_KEY_BYTES])
{
    (void)snprintf(out, STORE_KEY_BYTES, "%s|%s", stream, folded);
}

static void write_history(const struct suppress_history *history, struct fields *out)
{
    char text[LIST_BYTES] = "";
    size_t used = 0;
    if (history->count == 0) {
        return;
    }
    for (unsigned i = 0; i < history->count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64,
                                 i == 0 ? "" : ",", history->at_ms[i]);
    }
    fields_add_int(out, "first", history->first_ms);
    fields_add_text(out, "at", text);
}

static void read_history(const struct fields *fields, struct suppress_history *out)
{
    char text[LIST_BYTES] = "";
    char *at = text;
    if (!fields_get_int(fields, "first", &out->first_ms) ||
        !fields_get_text(fields, "at", text, sizeof text)) {
        return;
    }
    while (*at != '\0' && out->count < SUPPRESS_STRIKES) {
        char *end = NULL;
        int64_t when = strtoll(at, &end, 10);
        if (end == at) {
            return;
        }
        out->at_ms[out->count++] = when;
        at = *end == ',' ? end + 1 : end;
    }
}

static void keep(struct suppression *suppression, const struct suppression_entry *entry,
                 struct store_ticket *ticket)
{
    char key[STORE_KEY_BYTES];
    char folded[SUPPRESSION_ADDRESS];
    struct fields fields;
    if (!suppression_fold(entry->address, folded)) {
        return;
    }
    key_of(entry->stream, folded, key);
    fields_init(&fields);
    fields_add_text(&fields, "cause", suppress_cause_name(entry->cause));
    fields_add_int(&fields, "since", entry->since_ms);
    fields_add_int(&fields, "until", entry->until_ms);
    fields_add_text(&fields, "site", entry->site);
    fields_add_text(&fields, "why", entry->why);
    write_history(&entry->history, &fields);
    store_put(suppression->store,
              &(struct store_row){.kind = STORE_SUPPRESSION,
                                  .unix_ms = entry->since_ms,
                                  .key = key,
                                  .value = fields.text},
              ticket);
}

void suppression_load(struct suppression *suppression, const struct store_row *row)
{
    struct suppression_entry entry = {.cause = SUPPRESS_OPERATOR};
    struct fields fields;
    char cause[32] = "";
    if (strncmp(row->key, KNOWN_PREFIX, sizeof KNOWN_PREFIX - 1) == 0) {
        known_load(suppression->known, row, now_unix_ms());
        return;
    }
    const char *bar = strchr(row->key, '|');
    if (bar == NULL || (size_t)(bar - row->key) >= sizeof entry.stream ||
        strlen(bar + 1) >= sizeof entry.address ||
        !fields_load(&fields, row->value, strlen(row->value))) {
        return;
    }
    (void)snprintf(entry.stream, sizeof entry.stream, "%.*s", (int)(bar - row->key),
                   row->key);
    (void)snprintf(entry.address, sizeof entry.address, "%s", bar + 1);
    (void)fields_get_text(&fields, "cause", cause, sizeof cause);
    (void)suppress_cause_parse(cause, &entry.cause);
    (void)fields_get_int(&fields, "since", &entry.since_ms);
    (void)fields_get_int(&fields, "until", &entry.until_ms);
    (void)fields_get_text(&fields, "site", entry.site, sizeof entry.site);
    (void)fields_get_text(&fields, "why", entry.why, sizeof entry.why);
    read_history(&fields, &entry.history);
    (void)insert(suppression, &entry); /* a row that nobody of ours has written */
}

/* ---- the face ---- */

enum suppress_rule suppression_rule(const struct config *config,
                                    const struct config_stream *stream)
{
    switch (stream->suppression) {
    case CONFIG_SUPPRESSION_AUTO: break;
    case CONFIG_SUPPRESSION_STRICT: return SUPPRESS_STRICT;
    case CONFIG_SUPPRESSION_LENIENT: return SUPPRESS_LENIENT;
    case CONFIG_SUPPRESSION_NONE: return SUPPRESS_NEVER;
    }
    return config_stream_is_bulk(config, stream) ? SUPPRESS_STRICT : SUPPRESS_LENIENT;
}

void suppression_init(struct suppression *suppression, struct store *store)
{
    *suppression = (struct suppression){.bits = BITS_FIRST, .store = store};
    suppression->items = arena_must((size_t)1 << BITS_FIRST, sizeof *suppression->items);
    suppression->known = known_new(now_unix_ms());
    entropy_bytes(suppression->key, sizeof suppression->key);
    (void)pthread_rwlock_init(&suppression->lock, NULL);
}

void suppression_done(struct suppression *suppression)
{
    if (suppression->items == NULL) {
        return;
    }
    for (size_t i = 0; i < (size_t)1 << suppression->bits; i++) {
        for (struct suppression_item *item = suppression->items[i]; item != NULL;) {
            struct suppression_item *next = item->next;
            free_item(item);
            item = next;
        }
    }
    free(suppression->items);
    suppression->items = NULL;
    known_free(suppression->known);
    (void)pthread_rwlock_destroy(&suppression->lock);
}

bool suppression_find(struct suppression *suppression, const char *stream,
                      const char *address, struct suppression_entry *out)
{
    char folded[SUPPRESSION_ADDRESS];
    bool is_there = false;
    if (!suppression_fold(address, folded)) {
        return false;
    }
    (void)pthread_rwlock_rdlock(&suppression->lock);
    struct suppression_item **place = place_of(suppression, stream, folded, &is_there);
    if (is_there) {
        copy_out(*place, out);
    }
    (void)pthread_rwlock_unlock(&suppression->lock);
    return is_there;
}

static bool blocks_as(struct suppression *suppression, const char *stream,
                      const char *folded, int64_t now_ms, struct suppression_entry *out)
{
    bool is_there = false;
    struct suppression_item **place = place_of(suppression, stream, folded, &is_there);
    if (!is_there || (*place)->until_ms <= now_ms) {
        return false;
    }
    copy_out(*place, out);
    return true;
}

bool suppression_blocks(struct suppression *suppression, const struct config *config,
                        const char *stream, const char *address, int64_t now_ms,
                        struct suppression_entry *out_entry)
{
    char folded[SUPPRESSION_ADDRESS];
    uint32_t index = config_stream_find(config, stream);
    const struct config_stream *of =
        &config->streams[index != CONFIG_NONE ? index : config->default_stream];
    if (suppression_rule(config, of) == SUPPRESS_NEVER ||
        of->mode == CONFIG_MODE_OBSERVE || !suppression_fold(address, folded)) {
        return false;
    }
    (void)pthread_rwlock_rdlock(&suppression->lock);
    bool blocks = suppression->blocking > 0 &&
                  (blocks_as(suppression, of->name, folded, now_ms, out_entry) ||
                   blocks_as(suppression, "", folded, now_ms, out_entry));
    (void)pthread_rwlock_unlock(&suppression->lock);
    return blocks;
}

int suppression_set(struct suppression *suppression,
                    const struct suppression_entry *entry, struct store_ticket *ticket)
{
    int rc = insert(suppression, entry);
    if (rc == 0) {
        keep(suppression, entry, ticket);
    }
    return rc;
}

bool suppression_remove(struct suppression *suppression, const char *stream,
                        const char *address, struct store_ticket *ticket)
{
    char folded[SUPPRESSION_ADDRESS];
    char key[STORE_KEY_BYTES];
    bool is_there = false;
    if (!suppression_fold(address, folded)) {
        return false;
    }
    (void)pthread_rwlock_wrlock(&suppression->lock);
    struct suppression_item **place = place_of(suppression, stream, folded, &is_there);
    if (is_there) {
        struct suppression_item *item = *place;
        *place = item->next;
        suppression->count--;
        suppression->blocking -= item->until_ms != 0;
        free_item(item);
    }
    (void)pthread_rwlock_unlock(&suppression->lock);
    if (is_there) {
        key_of(stream, folded, key);
        store_del(suppression->store, STORE_SUPPRESSION, key, ticket);
    }
    return is_there;
}

size_t suppression_walk(const struct suppression *suppression, uint64_t *cursor,
                        suppression_wants_cb wants, const void *owner,
                        struct suppression_entry *out, size_t most)
{
    size_t chains = (size_t)1 << suppression->bits;
    size_t count = 0;
    for (size_t i = *cursor >> (64 - suppression->bits); i < chains; i++) {
        const struct suppression_item *item = suppression->items[i];
        for (; item != NULL; item = item->next) {
            if (item->hash < *cursor) {
                continue;
            }
            if (count == most) {
                *cursor = item->hash;
                return count;
            }
            copy_out(item, &out[count]);
            count += wants(&out[count], owner);
        }
    }
    *cursor = 0;
    return count;
}

static bool blocks_at_all(const struct suppression_entry *entry, const void *owner)
{
    return entry->until_ms > *(const int64_t *)owner;
}

size_t suppression_page(const struct suppression *suppression, uint64_t *cursor,
                        struct suppression_entry *out, size_t most)
{
    int64_t now_ms = now_unix_ms();
    return suppression_walk(suppression, cursor, blocks_at_all, &now_ms, out, most);
}

void suppression_save(struct suppression *suppression)
{
    while (known_save(suppression->known, suppression->store, PARTS_AT_ONCE) > 0) {
    }
}
