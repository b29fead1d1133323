#include "relay/smtp/base64.h"

#include <stdint.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

#define PADDING 64

size_t base64_encode(const char *bytes, size_t length, char *out, size_t cap)
{
    if (cap == 0) {
        return 0;
    }
    if (length > SIZE_MAX / 2 || cap < BASE64_LENGTH(length) + 1) {
        out[0] = '\0';
        return 0;
    }
    size_t written = 0;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)(unsigned char)bytes[i] << 16;
        group |= left > 1 ? (uint32_t)(unsigned char)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)(unsigned char)bytes[i + 2] : 0;
        out[written++] = alphabet[group >> 18];
        out[written++] = alphabet[(group >> 12) & 63];
        out[written++] = alphabet[left > 1 ? (group >> 6) & 63 : PADDING];
        out[written++] = alphabet[left > 2 ? group & 63 : PADDING];
    }
    out[written] = '\0';
    return written;
}

/* The value of one character, 64 and above for what is none. */
static uint32_t value_of(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (uint32_t)(byte - 'A');
    }
    if (byte >= 'a' && byte <= 'z') {
        return (uint32_t)(byte - 'a') + 26;
    }
    if (byte >= '0' && byte <= '9') {
        return (uint32_t)(byte - '0') + 52;
    }
    if (byte == '+') {
        return 62;
    }
    return byte == '/' ? 63 : 64;
}

bool base64_decode(const char *text, size_t length, char *out, size_t cap,
                   size_t *out_length)
{
    if (length % 4 != 0) {
        return false;
    }
    size_t padding = 0;
    if (length > 0 && text[length - 1] == '=') {
        padding = text[length - 2] == '=' ? 2 : 1;
    }
    size_t total = length / 4 * 3 - padding;
    if (total > cap) {
        return false;
    }
    size_t written = 0;
    for (size_t i = 0; i < length; i += 4) {
        size_t missing = i + 4 == length ? padding : 0;
        uint32_t group = 0;
        for (size_t k = 0; k < 4; k++) {
            uint32_t value = k < 4 - missing ? value_of(text[i + k]) : 0;
            if (value > 63) {
                return false;
            }
            group = group << 6 | value;
        }
        /* Bits behind the last byte must be zero: one text for one value. */
        if ((missing == 1 && (group & 0xff) != 0) ||
            (missing == 2 && (group & 0xffff) != 0)) {
            return false;
        }
        for (size_t k = 0; k < 3 - missing; k++) {
            out[written++] = (char)(unsigned char)(group >> (16 - 8 * k) & 0xff);
        }
    }
    *out_length = written;
    return true;
}
