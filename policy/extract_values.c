#include <assert.h>
#include <string.h>

#include "policy/extract.h"
#include "policy/extract_text.h"

#define SECOND       INT64_C(1000000000)
#define WEEK_SECONDS 604800

/* Four numbers of 0..255 without leading zeros. Returns the length, 0 when it is none. */
static size_t ipv4_length(const char *at)
{
    size_t length = 0;

    for (int part = 0; part < 4; part++) {
        size_t digits = 0;
        unsigned value = 0;
        while (digits < 4 && extract_is_digit(at[length + digits])) {
            value = value * 10 + (unsigned)(at[length + digits] - '0');
            digits++;
        }
        if (digits == 0 || digits > 3 || value > 255 ||
            (digits > 1 && at[length] == '0')) {
            return 0;
        }
        length += digits;
        if (part < 3) {
            if (at[length] != '.') {
                return 0;
            }
            length++;
        }
    }
    bool more = extract_is_letter(at[length]) || extract_is_digit(at[length]) ||
                (at[length] == '.' && extract_is_digit(at[length + 1])) ||
                (at[length] == '-' && extract_is_digit(at[length + 1]));
    return more ? 0 : length;
}

static bool is_hex(char byte)
{
    return extract_is_digit(byte) || (byte >= 'a' && byte <= 'f');
}

/* Groups of hexadecimal digits: eight, or fewer with one "::"; an IPv4 tail counts two.
 */
static size_t ipv6_length(const char *at)
{
    size_t length = 0;
    int groups = 0;
    bool gap = false;

    while (groups < 8) {
        if (at[length] == ':' && at[length + 1] == ':' && !gap) {
            gap = true;
            length += 2;
        } else if (groups > 0 && at[length] == ':' && is_hex(at[length + 1])) {
            length++;
        } else if (groups > 0 && !(gap && at[length - 1] == ':')) {
            break;
        }
        size_t digits = 0;
        while (is_hex(at[length + digits])) {
            digits++;
        }
        if (digits == 0) {
            break;
        }
        if (digits > 4) {
            return 0;
        }
        if (groups > 1 && groups <= 6 && ipv4_length(at + length) > 0) {
            length += ipv4_length(at + length);
            groups += 2;
            break;
        }
        length += digits;
        groups++;
    }
    bool whole = gap ? groups > 0 && groups < 8 : groups == 8;
    bool more = extract_is_letter(at[length]) || extract_is_digit(at[length]) ||
                at[length] == ':';
    return whole && !more ? length : 0;
}

/* What is said right before an address that is not ours. */
static bool is_another_host(const struct extract_text *low, size_t at)
{
    static const char *const before[] = {"dns ip: ", "resolver ", "nameserver ",
                                         "dns server ", "section "};

    size_t digits = at;
    while (digits > 0 &&
           (extract_is_digit(low->text[digits - 1]) || low->text[digits - 1] == ' ')) {
        digits--;
    }
    if (digits >= 3 && memcmp(low->text + digits - 3, "rfc", 3) == 0) {
        return true; /* a section of a standard */
    }
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        size_t length = strlen(before[i]);
        if (at >= length && memcmp(low->text + at - length, before[i], length) == 0) {
            return true;
        }
    }
    return false;
}

bool extract_ip(const char *text, char *out_ip, size_t size)
{
    struct extract_text low;

    assert(size >= 1);
    out_ip[0] = '\0';
    extract_lower(text, &low);
    for (size_t at = 0; at < low.length; at++) {
        char before = ' ';
        if (at > 0) {
            before = low.text[at - 1];
        }
        bool inside = extract_is_letter(before) || extract_is_digit(before) ||
                      before == '.' || before == '-' || before == '_' || before == '+';
        if (inside) {
            continue;
        }
        size_t length = before == ':' ? 0 : ipv6_length(low.text + at);
        if (length == 0) {
            length = ipv4_length(low.text + at);
            if (length > 0 && (strncmp(low.text + at, "127.", 4) == 0 ||
                               strncmp(low.text + at, "0.", 2) == 0)) {
                length = 0;
            }
        }
        if (length > 0 && length < size && !is_another_host(&low, at)) {
            extract_copy(text + at, length, out_ip, size);
            return true;
        }
    }
    return false;
}

static const struct unit {
    const char *word;
    int64_t seconds;
} units[] = {
    {"seconds", 1},  {"second", 1},     {"secondes", 1},  {"sekunden", 1},
    {"segundos", 1}, {"secs", 1},       {"sec", 1},       {"s", 1},
    {"minutes", 60}, {"minute", 60},    {"minuten", 60},  {"minutos", 60},
    {"minuti", 60},  {"minut", 60},     {"mins", 60},     {"min", 60},
    {"m", 60},       {"hours", 3600},   {"hour", 3600},   {"heures", 3600},
    {"heure", 3600}, {"stunden", 3600}, {"stunde", 3600}, {"horas", 3600},
    {"hrs", 3600},   {"hr", 3600},      {"h", 3600},
};

static int64_t unit_seconds(const char *at)
{
    size_t length = 0;
    while (extract_is_letter(at[length])) {
        length++;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].word) == length && memcmp(units[i].word, at, length) == 0) {
            return units[i].seconds;
        }
    }
    return 0;
}

/* Is the number at `at` what we are asked to wait, and not a limit ("3 per 5 minutes")?
 */
static bool is_asked(const struct extract_text *low, size_t at)
{
    static const char *const words[] = {
        "in ",     "after ", "for ",   "wait ",   "least ",       "dans ", "nach ", "en ",
        "within ", "about ", "apres ", "after: ", "retry-after=", "por ",  "za "};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i]);
        bool there =
            at >= length && memcmp(low->text + at - length, words[i], length) == 0;
        if (there && (at == length || !extract_is_letter(low->text[at - length - 1]))) {
            return true;
        }
    }
    return false;
}

int64_t extract_wait_ns(const char *text)
{
    struct extract_text low;

    extract_lower(text, &low);
    for (size_t at = 0; at < low.length; at++) {
        if (!extract_is_digit(low.text[at]) || !is_asked(&low, at)) {
            continue;
        }
        int64_t value = 0;
        size_t end = at;
        while (extract_is_digit(low.text[end]) && value <= WEEK_SECONDS) {
            value = value * 10 + (low.text[end] - '0');
            end++;
        }
        end += low.text[end] == ' ' ? 1 : 0;
        int64_t seconds = value * unit_seconds(low.text + end);
        if (seconds > 0 && seconds <= WEEK_SECONDS) {
            return seconds * SECOND;
        }
    }
    return 0;
}
