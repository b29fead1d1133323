#include "relay/known.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/fields.h"
#include "relay/store.h"

#define FILTERS     3
#define FILTER_MS   (INT64_C(30) * 24 * 3600 * 1000)
#define BITS        (UINT64_C(1) << 23)
#define HASHES      4
#define PART        ((size_t)2048) /* bytes; as text it fits into a row of the store */
#define PARTS       (BITS / 8 / PART)
#define TEXT_BYTES  3200
#define BASE64_KIND sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct filter {
    int64_t month; /* number of its thirty days; -1: unused */
    uint8_t bits[BITS / 8];
    bool is_changed[PARTS];
};

struct known {
    struct filter *filters[FILTERS]; /* owned; by month % FILTERS */
    int64_t month;                   /* that is now */
    size_t cursor;                   /* part to look at next when saving */
};

struct known *known_new(int64_t now_ms)
{
    struct known *known = arena_must(1, sizeof *known);
    for (size_t i = 0; i < FILTERS; i++) {
        known->filters[i] = arena_must(1, sizeof **known->filters);
        known->filters[i]->month = -1;
    }
    known->month = now_ms / FILTER_MS;
    return known;
}

void known_free(struct known *known)
{
    if (known == NULL) {
        return;
    }
    for (size_t i = 0; i < FILTERS; i++) {
        free(known->filters[i]);
    }
    free(known);
}

static void hash(const char *text, uint64_t out[2])
{
    (void)crypto_generichash((uint8_t *)out, 16, (const uint8_t *)text, strlen(text),
                             NULL, 0);
    out[1] |= 1;
}

/* The filter of a month; one of another month in its place is emptied. */
static struct filter *filter_of(struct known *known, int64_t month)
{
    struct filter *filter = known->filters[month % FILTERS];
    if (filter->month != month) {
        memset(filter, 0, sizeof *filter);
        filter->month = month;
    }
    return filter;
}

void known_add(struct known *known, const char *text, int64_t now_ms)
{
    uint64_t hashes[2];
    int64_t month = now_ms / FILTER_MS;
    if (month > known->month) {
        known->month = month;
    }
    struct filter *filter = filter_of(known, known->month);
    hash(text, hashes);
    for (uint64_t i = 0; i < HASHES; i++) {
        uint64_t bit = (hashes[0] + i * hashes[1]) % BITS;
        uint8_t mask = (uint8_t)(1U << (bit % 8));
        if ((filter->bits[bit / 8] & mask) == 0) {
            filter->bits[bit / 8] |= mask;
            filter->is_changed[bit / 8 / PART] = true;
        }
    }
}

static bool filter_has(const struct filter *filter, const uint64_t hashes[2])
{
    for (uint64_t i = 0; i < HASHES; i++) {
        uint64_t bit = (hashes[0] + i * hashes[1]) % BITS;
        if ((filter->bits[bit / 8] & (1U << (bit % 8))) == 0) {
            return false;
        }
    }
    return true;
}

bool known_has(const struct known *known, const char *text)
{
    uint64_t hashes[2];
    hash(text, hashes);
    for (size_t i = 0; i < FILTERS; i++) {
        const struct filter *filter = known->filters[i];
        if (filter->month > known->month - FILTERS && filter->month >= 0 &&
            filter_has(filter, hashes)) {
            return true;
        }
    }
    return false;
}

static void save_part(const struct filter *filter, size_t filter_at, size_t part,
                      struct store *store)
{
    char key[64];
    char text[TEXT_BYTES];
    struct fields fields;
    (void)sodium_bin2base64(text, sizeof text, &filter->bits[part * PART], PART,
                            BASE64_KIND);
    (void)snprintf(key, sizeof key, KNOWN_PREFIX "%zu|%zu", filter_at, part);
    fields_init(&fields);
    fields_add_int(&fields, "month", filter->month);
    fields_add_text(&fields, "bits", text);
    store_put(
        store,
        &(struct store_row){.kind = STORE_SUPPRESSION, .key = key, .value = fields.text},
        NULL);
}

size_t known_save(struct known *known, struct store *store, size_t most)
{
    size_t left = 0;
    for (size_t i = 0; i < FILTERS * PARTS; i++) {
        size_t at = (known->cursor + i) % (FILTERS * PARTS);
        struct filter *filter = known->filters[at / PARTS];
        if (!filter->is_changed[at % PARTS]) {
            continue;
        }
        if (most == 0) {
            left++;
            continue;
        }
        save_part(filter, at / PARTS, at % PARTS, store);
        filter->is_changed[at % PARTS] = false;
        most--;
        if (most == 0) {
            known->cursor = (at + 1) % (FILTERS * PARTS);
        }
    }
    return left;
}

void known_load(struct known *known, const struct store_row *row, int64_t now_ms)
{
    char *end = NULL;
    unsigned long filter_at = strtoul(row->key + sizeof KNOWN_PREFIX - 1, &end, 10);
    unsigned long part = *end == '|' ? strtoul(end + 1, &end, 10) : PARTS;
    struct fields fields;
    char text[TEXT_BYTES];
    uint8_t bits[PART];
    size_t length = 0;
    int64_t month = -1;
    int64_t now_month = now_ms / FILTER_MS;
    if (part >= PARTS || filter_at >= FILTERS || *end != '\0' ||
        !fields_load(&fields, row->value, strlen(row->value)) ||
        !fields_get_int(&fields, "month", &month) ||
        !fields_get_text(&fields, "bits", text, sizeof text)) {
        return;
    }
    if (month < 0 || month > now_month || month <= now_month - FILTERS ||
        (unsigned long)(month % FILTERS) != filter_at ||
        sodium_base642bin(bits, sizeof bits, text, strlen(text), NULL, &length, NULL,
                          BASE64_KIND) != 0 ||
        length != PART) {
        return;
    }
    memcpy(&filter_of(known, month)->bits[part * PART], bits, PART);
}
