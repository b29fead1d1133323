#include "relay/hourly.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/wrapping.h"

#include "relay/arena.h"
#include "relay/limits.h"
#include "relay/store.h"

#define HOUR_MS   ((int64_t)3600 * 1000)
#define SLOTS     4096 /* a power of two, above what LIMIT_HOURS_KEYS lets in */
#define GROUPS    16
#define KEY_BYTES (HOURLY_NAME_BYTES + 48)

struct slot_count {
    char key[KEY_BYTES]; /* "group|what|name"; "" free */
    uint64_t pending;    /* not yet at the store */
};

struct group {
    const char *name;
    unsigned names; /* keys of it in this hour */
};

struct hourly {
    struct store *store; /* borrowed */
    int64_t hour;        /* of all that is here */
    struct slot_count slots[SLOTS];
    struct group groups[GROUPS];
    unsigned keys;
    bool is_dirty; /* something is pending */
};

struct hourly *hourly_new(struct store *store)
{
    assert(store != NULL);
    struct hourly *hours = arena_must(1, sizeof *hours);
    hours->store = store;
    return hours;
}

static uint32_t hash(const char *key)
{
    uint32_t value = UINT32_C(2166136261);
    for (; *key != '\0'; key++) {
        value = (value ^ (unsigned char)*key) * UINT32_C(16777619);
    }
    return value ^ (value >> 15);
}

/* The key's place: its own, or a free one. */
static struct slot_count *find(struct hourly *hours, const char *key)
{
    uint32_t at = hash(key) % SLOTS;
    while (hours->slots[at].key[0] != '\0' && strcmp(hours->slots[at].key, key) != 0) {
        at = (at + 1) % SLOTS;
    }
    return &hours->slots[at];
}

static struct group *group_of(struct hourly *hours, const char *name)
{
    for (unsigned i = 0; i < GROUPS; i++) {
        if (hours->groups[i].name == NULL) {
            hours->groups[i].name = name;
        }
        if (strcmp(hours->groups[i].name, name) == 0) {
            return &hours->groups[i];
        }
    }
    abort(); /* more groups than GROUPS: they are constants of ours */
}

static size_t put(char *out, size_t at, const char *text, size_t most)
{
    size_t length = strnlen(text, most);
    memcpy(out + at, text, length);
    return at + length;
}

/* A name as part of a key: one line, never longer than there is room. For each recipient
 * several times: no snprintf. */
static void make_key(const char *group, const char *what, const char *name,
                     char out[KEY_BYTES])
{
    size_t at = put(out, 0, group, 16);
    out[at++] = '|';
    at = put(out, at, what, 16);
    out[at++] = '|';
    size_t begin = at;
    at = put(out, at, name, HOURLY_NAME_BYTES - 1);
    out[at] = '\0';
    for (size_t i = begin; i < at; i++) {
        unsigned char byte = (unsigned char)out[i];
        if (byte < 0x20 || byte == 0x7F) {
            out[i] = '?';
        }
    }
}

void hourly_add(struct hourly *hours, const char *group, const char *what,
                const char *name, int64_t unix_ms)
{
    char key[KEY_BYTES];
    if (hours == NULL) {
        return;
    }
    int64_t hour = unix_ms / HOUR_MS;
    if (hour > hours->hour) { /* what comes late is counted where we are */
        hourly_flush(hours);
        hours->hour = hour;
        memset(hours->slots, 0, sizeof hours->slots);
        memset(hours->groups, 0, sizeof hours->groups);
        hours->keys = 0;
    }
    make_key(group, what, name, key);
    struct slot_count *slot = find(hours, key);
    if (slot->key[0] == '\0') {
        struct group *own = group_of(hours, group);
        if (own->names >= LIMIT_HOURS_NAMES || hours->keys >= LIMIT_HOURS_KEYS) {
            make_key(group, what, HOURLY_OTHER,
                     key); /* few: as many as there are whats */
            slot = find(hours, key);
        } else {
            own->names++;
        }
    }
    if (slot->key[0] == '\0') {
        memcpy(slot->key, key, strlen(key) + 1);
        hours->keys++;
    }
    slot->pending++;
    hours->is_dirty = true;
}

void hourly_flush(struct hourly *hours)
{
    if (hours == NULL || !hours->is_dirty) {
        return;
    }
    hours->is_dirty = false;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot_count *slot = &hours->slots[i];
        if (slot->pending > 0) {
            store_count(hours->store, slot->key, hours->hour * HOUR_MS, slot->pending);
            slot->pending = 0;
        }
    }
}

void hourly_free(struct hourly *hours)
{
    hourly_flush(hours);
    free(hours);
}

void hourly_shape(const struct reply *reply, char out[HOURLY_SHAPE_BYTES])
{
    char words[REPLY_TEXT_BYTES];
    char text[HOURLY_SHAPE_BYTES];
    size_t used = 0;
    bool in_number = false;

    wrapping_strip(reply->text, words, sizeof words);
    for (const char *at = words; *at != '\0' && used + 1 < sizeof text; at++) {
        bool is_digit = *at >= '0' && *at <= '9';
        if (!is_digit || !in_number) {
            text[used] = *at;
            if (is_digit) {
                text[used] = '#';
            }
            used++;
        }
        in_number = is_digit;
    }
    text[used] = '\0';
    char codes[32];
    int length = snprintf(codes, sizeof codes, "%u", reply->code);
    if (reply->enhanced[0] != 0) {
        length = snprintf(codes, sizeof codes, "%u %u.%u.%u", reply->code,
                          reply->enhanced[0], reply->enhanced[1], reply->enhanced[2]);
    }
    assert(length > 0 && (size_t)length < sizeof codes);
    (void)snprintf(out, HOURLY_SHAPE_BYTES, "%s %.*s", codes,
                   HOURLY_SHAPE_BYTES - length - 2, text);
}
