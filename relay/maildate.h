/* Dates of mail headers (RFC 5322 3.3) out of wall time, without the C library's clock
 * and zones. */

#ifndef RELAY_MAILDATE_H
#define RELAY_MAILDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAILDATE_BYTES 40

/* "Sat, 21 Nov 2026 23:36:36 +0000". offset_minutes is east of UTC, -1439 to 1439. Always
 * terminated; returns the length. Years 0 to 9999; beyond, it is clamped. */
size_t maildate_format(int64_t unix_ms, int offset_minutes, char out[MAILDATE_BYTES]);

#define MAILDATE_DAY_BYTES 12

/* "2026-11-21", in UTC, with the same bounds. */
void maildate_day(int64_t unix_ms, char out[MAILDATE_DAY_BYTES]);

/* "2026-11-21", "2026-11-21T08:00:00Z" (a space may stand for the T) or milliseconds.
 * False when it is none of these. */
bool maildate_read(const char *text, int64_t *out_ms);

#endif
