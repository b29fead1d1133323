#include "relay/fields.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 40
#define PLAIN_MIN \
    0x21 /* bytes from here to 0x7e, but '%' and '=', stand for themselves */
#define PLAIN_MAX 0x7e

static const char hex_digits[] = "0123456789ABCDEF";

void fields_init(struct fields *fields)
{
    assert(fields != NULL);
    fields->used = 0;
    fields->is_full = false;
    fields->text[0] = '\0';
}

static bool is_plain(unsigned char byte)
{
    return byte >= PLAIN_MIN && byte <= PLAIN_MAX && byte != '%' && byte != '=';
}

static bool is_name(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool put(struct fields *fields, char byte)
{
    if (fields->used + 1 >= sizeof fields->text) {
        return false;
    }
    fields->text[fields->used] = byte;
    fields->used++;
    return true;
}

static bool put_escaped(struct fields *fields, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool fits = is_plain(byte)
                        ? put(fields, *at)
                        : put(fields, '%') && put(fields, hex_digits[byte >> 4]) &&
                              put(fields, hex_digits[byte & 15]);
        if (!fits) {
            return false;
        }
    }
    return true;
}

static bool put_name(struct fields *fields, const char *name)
{
    if (fields->used > 0 && !put(fields, ' ')) {
        return false;
    }
    for (const char *at = name; *at != '\0'; at++) {
        if (!put(fields, *at)) {
            return false;
        }
    }
    return put(fields, '=');
}

void fields_add_text(struct fields *fields, const char *name, const char *value)
{
    assert(fields != NULL);
    assert(is_name(name));
    assert(value != NULL);
    size_t before = fields->used;
    if (!put_name(fields, name) || !put_escaped(fields, value)) {
        fields->used = before;
        fields->is_full = true;
    }
    fields->text[fields->used] = '\0';
}

void fields_add_int(struct fields *fields, const char *name, int64_t value)
{
    char number[NUMBER_BYTES];
    (void)snprintf(number, sizeof number, "%" PRId64, value);
    fields_add_text(fields, name, number);
}

void fields_add_double(struct fields *fields, const char *name, double value)
{
    char number[NUMBER_BYTES];
    (void)snprintf(number, sizeof number, "%.17g", value);
    fields_add_text(fields, name, number);
}

bool fields_load(struct fields *fields, const char *text, size_t size)
{
    assert(fields != NULL);
    fields_init(fields);
    if (size >= sizeof fields->text || memchr(text, '\0', size) != NULL) {
        return false;
    }
    memcpy(fields->text, text, size);
    fields->text[size] = '\0';
    fields->used = size;
    return true;
}

/* The value of name as it is written, and its size; NULL when it is absent. */
static const char *find(const struct fields *fields, const char *name, size_t *out_size)
{
    size_t name_size = strlen(name);
    const char *at = fields->text;
    while (*at != '\0') {
        size_t size = strcspn(at, " ");
        if (size > name_size && at[name_size] == '=' &&
            memcmp(at, name, name_size) == 0) {
            *out_size = size - name_size - 1;
            return at + name_size + 1;
        }
        at += size;
        at += strspn(at, " ");
    }
    return NULL;
}

static bool is_hex(char digit)
{
    return digit != '\0' && strchr(hex_digits, digit) != NULL;
}

static unsigned hex_value(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'A') + 10;
}

bool fields_get_text(const struct fields *fields, const char *name, char *out,
                     size_t size)
{
    assert(out != NULL);
    assert(size > 0);
    size_t left = 0;
    const char *at = find(fields, name, &left);
    if (at == NULL) {
        return false;
    }
    size_t used = 0;
    while (left > 0 && used + 1 < size) {
        size_t step = 1;
        char byte = *at;
        if (byte == '%' && left >= 3 && is_hex(at[1]) && is_hex(at[2])) {
            byte = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
            step = 3;
        }
        out[used] = byte;
        used++;
        at += step;
        left -= step;
    }
    out[used] = '\0';
    return true;
}

bool fields_get_int(const struct fields *fields, const char *name, int64_t *out)
{
    char number[NUMBER_BYTES];
    if (!fields_get_text(fields, name, number, sizeof number)) {
        return false;
    }
    char *end = NULL;
    errno = 0;
    long long value = strtoll(number, &end, 10);
    if (errno != 0 || end == number || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

bool fields_get_double(const struct fields *fields, const char *name, double *out)
{
    char number[NUMBER_BYTES];
    if (!fields_get_text(fields, name, number, sizeof number)) {
        return false;
    }
    char *end = NULL;
    double value = strtod(number, &end);
    if (end == number || *end != '\0' || isnan(value)) {
        return false;
    }
    *out = value;
    return true;
}

int64_t fields_int_or(const struct fields *fields, const char *name, int64_t otherwise)
{
    int64_t value = otherwise;
    (void)fields_get_int(fields, name, &value);
    return value;
}
