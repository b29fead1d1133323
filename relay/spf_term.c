/* No test of its own: tests/relay/test_spf.c reads good and broken words. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/spf_parts.h"

struct word {
    const char *name;
    enum spf_kind kind;
    bool needs_spec;
};

static const struct word mechanisms[] = {
    {"all", SPF_ALL, false}, {"include", SPF_INCLUDE, true}, {"a", SPF_A, false},
    {"mx", SPF_MX, false},   {"ptr", SPF_PTR, false},        {"ip4", SPF_IP4, true},
    {"ip6", SPF_IP6, true},  {"exists", SPF_EXISTS, true},
};

static bool is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool inner = i > 0 && strchr("-_.", text[i]) != NULL && text[i] != '\0';
        if (!isalnum((unsigned char)text[i]) && !inner) {
            return false;
        }
        if (i == 0 && !isalpha((unsigned char)text[i])) {
            return false;
        }
    }
    return size > 0;
}

static bool put_spec(struct spf_term *out, const char *from, size_t size)
{
    if (size == 0 || size >= sizeof out->spec) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (from[i] <= ' ' || from[i] > '~') {
            return false;
        }
    }
    memcpy(out->spec, from, size);
    out->spec[size] = '\0';
    return true;
}

/* A decimal without leading zeros, at most `most`. */
static bool read_bits(const char *text, size_t size, unsigned most, unsigned *out)
{
    unsigned value = 0;
    if (size == 0 || size > 3 || (size > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i])) {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = value;
    return value <= most;
}

/* "/24", "//64", "/24//64" at the end of a or mx; *size is what stands before them. */
static bool cut_bits(const char *text, size_t *size, struct spf_term *out)
{
    const char *slash = memchr(text, '/', *size);
    if (slash == NULL) {
        return true;
    }
    const char *end = text + *size;
    *size = (size_t)(slash - text);
    if (end - slash >= 2 && slash[1] == '/') {
        return read_bits(slash + 2, (size_t)(end - slash - 2), 128, &out->bits6);
    }
    const char *second = memchr(slash + 1, '/', (size_t)(end - slash - 1));
    const char *first_end = second != NULL ? second : end;
    if (!read_bits(slash + 1, (size_t)(first_end - slash - 1), 32, &out->bits4)) {
        return false;
    }
    return second == NULL ||
           (end - second >= 2 && second[1] == '/' &&
            read_bits(second + 2, (size_t)(end - second - 2), 128, &out->bits6));
}

static bool read_network(struct spf_term *out, const char *text, size_t size)
{
    char address[NETADDR_TEXT_BYTES];
    const char *slash = memchr(text, '/', size);
    size_t length = slash != NULL ? (size_t)(slash - text) : size;
    bool v6 = out->kind == SPF_IP6;
    if (length >= sizeof address || memchr(text, '%', length) != NULL ||
        memchr(text, '[', length) != NULL) {
        return false;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    if (netaddr_parse(address, 0, &out->network) != 0 ||
        out->network.family != (v6 ? NETADDR_V6 : NETADDR_V4)) {
        return false;
    }
    return slash == NULL || read_bits(slash + 1, size - length - 1, v6 ? 128 : 32,
                                      v6 ? &out->bits6 : &out->bits4);
}

/* What follows a mechanism's name: ":spec", "/bits", or nothing. */
static bool read_rest(const struct word *word, const char *rest, size_t size,
                      struct spf_term *out)
{
    bool has_spec = size > 0 && rest[0] == ':';
    if (has_spec) {
        rest++;
        size--;
    }
    if (word->kind == SPF_IP4 || word->kind == SPF_IP6) {
        return has_spec && read_network(out, rest, size);
    }
    if ((word->kind == SPF_A || word->kind == SPF_MX) && !cut_bits(rest, &size, out)) {
        return false;
    }
    if (!has_spec) {
        return size == 0 && !word->needs_spec;
    }
    return word->kind != SPF_ALL && put_spec(out, rest, size);
}

static bool read_modifier(const char *word, size_t name_size, size_t size,
                          struct spf_term *out)
{
    const char *value = word + name_size + 1;
    size_t value_size = size - name_size - 1;
    out->kind = SPF_MODIFIER;
    if (!is_name(word, name_size)) {
        return false;
    }
    if (name_size == 8 && strncasecmp(word, "redirect", 8) == 0) {
        out->kind = SPF_REDIRECT;
        return put_spec(out, value, value_size);
    }
    return true;
}

bool spf_term_read(const char *word, size_t size, struct spf_term *out)
{
    *out = (struct spf_term){.result = SPF_PASS, .bits4 = 32, .bits6 = 128};
    size_t name_size = 0;
    while (name_size < size && strchr(":/=", word[name_size]) == NULL &&
           word[name_size] != '\0') {
        name_size++;
    }
    if (name_size < size && word[name_size] == '=') {
        return read_modifier(word, name_size, size, out);
    }
    bool is_qualified = size > 0 && word[0] != '\0' && strchr("+-~?", word[0]) != NULL;
    if (is_qualified) {
        out->result = word[0] == '+'   ? SPF_PASS
                      : word[0] == '-' ? SPF_FAIL
                      : word[0] == '~' ? SPF_SOFTFAIL
                                       : SPF_NEUTRAL;
        word++;
        size--;
        name_size--;
    }
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        const struct word *known = &mechanisms[i];
        if (strlen(known->name) == name_size &&
            strncasecmp(known->name, word, name_size) == 0) {
            out->kind = known->kind;
            return read_rest(known, word + name_size, size - name_size, out);
        }
    }
    return false;
}
