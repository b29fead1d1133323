/* Message ids: 64 bits, made by a worker from time, worker and counter, never reused.
 *
 * 42 bits of milliseconds since 1970 (until 2109), 8 bits of worker, 14 bits of counter;
 * so ids sort by acceptance, and the time can be read back. 0 is no id. Printed as 13
 * letters of a base 32 without I, L, O and U, upper case, in the same order as the
 * numbers. */

#ifndef RELAY_ID_H
#define RELAY_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_CHARS   13
#define ID_BYTES   (ID_CHARS + 1) /* with the terminator */
#define ID_WORKERS 256

/* One per worker; its thread only. */
struct id_maker {
    uint64_t last_ms; /* of the last id */
    uint32_t worker;  /* below ID_WORKERS */
    uint32_t counter; /* next, within last_ms */
};

/* Start a maker whose ids are all later than floor_unix_ms: what now_start was given. */
void id_maker_init(struct id_maker *maker, unsigned worker, int64_t floor_unix_ms);

/* The next id. Takes the next millisecond when the counter of this one is used up, and
 * holds on to its own time when unix_ms goes back. */
uint64_t id_next(struct id_maker *maker, int64_t unix_ms);

/* When the message was accepted. */
int64_t id_unix_ms(uint64_t id);

/* Write ID_CHARS letters and a terminator. */
void id_print(uint64_t id, char out[ID_BYTES]);

/* Read exactly size letters, either case. Returns false for anything id_print did not
 * write, and for 0; *out_id is then untouched. */
bool id_parse(const char *text, size_t size, uint64_t *out_id);

#endif
