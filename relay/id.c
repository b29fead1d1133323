#include "relay/id.h"

#include <assert.h>

#define COUNTER_BITS 14
#define WORKER_BITS  8
#define TIME_SHIFT   (COUNTER_BITS + WORKER_BITS)
#define COUNTERS     (1U << COUNTER_BITS)
#define TIME_MAX     ((UINT64_C(1) << (64 - TIME_SHIFT)) - 1)
#define LETTER_BITS  5

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void id_maker_init(struct id_maker *maker, unsigned worker, int64_t floor_unix_ms)
{
    assert(maker != NULL);
    assert(worker < ID_WORKERS);
    maker->last_ms = floor_unix_ms > 0 ? (uint64_t)floor_unix_ms : 0;
    maker->worker = worker;
    maker->counter = COUNTERS; /* used up: the first id is of a later millisecond */
}

uint64_t id_next(struct id_maker *maker, int64_t unix_ms)
{
    assert(maker != NULL);
    if (unix_ms > 0 && (uint64_t)unix_ms > maker->last_ms) {
        maker->last_ms = (uint64_t)unix_ms;
        maker->counter = 0;
    }
    if (maker->counter == COUNTERS) {
        maker->last_ms++;
        maker->counter = 0;
    }
    assert(maker->last_ms <= TIME_MAX);
    uint64_t id = (maker->last_ms << TIME_SHIFT) |
                  ((uint64_t)maker->worker << COUNTER_BITS) | maker->counter;
    maker->counter++;
    return id;
}

int64_t id_unix_ms(uint64_t id)
{
    return (int64_t)(id >> TIME_SHIFT);
}

void id_print(uint64_t id, char out[ID_BYTES])
{
    out[ID_CHARS] = '\0';
    for (size_t i = ID_CHARS; i > 0; i--) {
        out[i - 1] = letters[id & ((1U << LETTER_BITS) - 1)];
        id >>= LETTER_BITS;
    }
}

static int letter_value(char letter)
{
    if (letter >= 'a' && letter <= 'z') {
        letter = (char)(letter - 'a' + 'A');
    }
    for (int value = 0; letters[value] != '\0'; value++) {
        if (letters[value] == letter) {
            return value;
        }
    }
    return -1;
}

bool id_parse(const char *text, size_t size, uint64_t *out_id)
{
    assert(text != NULL);
    assert(out_id != NULL);
    if (size != ID_CHARS) {
        return false;
    }
    uint64_t id = 0;
    for (size_t i = 0; i < size; i++) {
        int value = letter_value(text[i]);
        if (value < 0 || (id >> (64 - LETTER_BITS)) != 0) {
            return false;
        }
        id = (id << LETTER_BITS) | (uint64_t)value;
    }
    if (id == 0) {
        return false;
    }
    *out_id = id;
    return true;
}
