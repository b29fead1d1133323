/* Base64 of RFC 4648 section 4 between buffers of known size, for SASL. Strict: no white
 * space, padding required, no stray bits. */

#ifndef RELAY_SMTP_BASE64_H
#define RELAY_SMTP_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of base64 for n bytes, without a terminator. */
#define BASE64_LENGTH(N) ((((size_t)(N) + 2) / 3) * 4)

/* Encode and NUL-terminate. Returns the length without the NUL, or 0 with an empty string
 * when cap is below BASE64_LENGTH(length) + 1. */
size_t base64_encode(const char *bytes, size_t length, char *out, size_t cap);

/* Decode into out, which may be the same memory as text. False when the text is not
 * base64 or does not fit; out is then undefined. Not terminated. */
bool base64_decode(const char *text, size_t length, char *out, size_t cap,
                   size_t *out_length);

#endif
