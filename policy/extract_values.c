#include <assert.h>
#include <string.h>

#include "policy/extract.h"
#include "policy/extract_text.h"
#include "policy/match.h"
#include "policy/reply.h"

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
    static const char *const before[] = {
        "dns ip: ", "resolver ", "nameserver ", "dns server ", "section ",
        "relay=[",  "#"};

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
    const char *stem; /* the words that begin so, as they are folded */
    int64_t seconds;
    bool is_whole; /* the word is just this */
} units[] = {
    {"s", 1, true},         {"sec", 1, false},       {"seg", 1, false},
    {"sek", 1, false},      {"saniye", 1, false},    {"сек", 1, false},
    {"秒", 1, false},       {"초", 1, false},        {"m", 60, true},
    {"min", 60, false},     {"dakika", 60, false},   {"perc", 60, false},
    {"dk", 60, true},       {"мин", 60, false},      {"хв", 60, false},
    {"分", 60, false},      {"분", 60, false},       {"h", 3600, true},
    {"hr", 3600, false},    {"hour", 3600, false},   {"heure", 3600, false},
    {"stund", 3600, false}, {"std", 3600, true},     {"hora", 3600, false},
    {"ora", 3600, true},    {"ore", 3600, true},     {"uur", 3600, false},
    {"uren", 3600, true},   {"godzin", 3600, false}, {"hodin", 3600, false},
    {"timm", 3600, false},  {"time", 3600, true},    {"timer", 3600, true},
    {"tunti", 3600, false}, {"tunnin", 3600, false}, {"saat", 3600, false},
    {"час", 3600, false},   {"годин", 3600, false},  {"小时", 3600, false},
    {"小時", 3600, false},  {"時間", 3600, false},   {"시간", 3600, false},
    {"day", 86400, true},   {"days", 86400, true},   {"tag", 86400, true},
    {"tagen", 86400, true}, {"jour", 86400, false},  {"dia", 86400, true},
    {"dias", 86400, true},  {"giorn", 86400, false}, {"天", 86400, false},
    {"日間", 86400, false},
};

static int64_t unit_seconds(const char *at)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t length = strlen(units[i].stem);
        if (strncmp(units[i].stem, at, length) != 0) {
            continue;
        }
        char after = at[length];
        bool ends = !extract_is_letter(after) && ((unsigned char)after & 0x80) == 0;
        if (ends || !units[i].is_whole) {
            return units[i].seconds;
        }
    }
    return 0;
}

/* Is the number at `at` what we are asked to wait, and not a limit ("3 per 5 minutes")?
 */
static bool is_asked(const char *folded, size_t at)
{
    static const char *const words[] = {"in ",          "after ",
                                        "for ",         "wait ",
                                        "least ",       "dans ",
                                        "nach ",        "en ",
                                        "within ",      "about ",
                                        "apres ",       "after: ",
                                        "retry-after=", "retry-after: ",
                                        "por ",         "za ",
                                        "tra ",         "fra ",
                                        "dopo ",        "despues de ",
                                        "apos ",        "em ",
                                        "over ",        "na ",
                                        "po ",          "efter ",
                                        "om ",          "через ",
                                        "спустя ",      "через: ",
                                        "请",           "請",
                                        "在",           "約",
                                        "后",           "warten ",
                                        "patienter ",   "espere ",
                                        "aguarde ",     "attendere ",
                                        "ca. ",         "again: ",
                                        "delay=",       "delay "};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i]);
        bool there = at >= length && memcmp(folded + at - length, words[i], length) == 0;
        bool is_latin = ((unsigned char)words[i][0] & 0x80) == 0;
        if (there &&
            (at == length || !is_latin || !extract_is_letter(folded[at - length - 1]))) {
            return true;
        }
    }
    return false;
}

/* What stands behind number and unit when the wait is named first: "5分後に", "10 dakika
 * sonra", "5 perc mulva". */
static bool is_asked_behind(const char *at)
{
    static const char *const words[] = {
        "後",  "后", "以上",      "お待ち",  "ほど",   " sonra",  " mulva",
        " 후", "후", " kuluttua", " icinde", " later", " spater", " plus tard"};
    size_t skipped = 0;

    while (skipped < 12 && (extract_is_letter(*at) || *at == '.')) {
        at++; /* the rest of the unit's word */
        skipped++;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *found = strstr(at, words[i]);
        if (found != NULL && found - at <= 9) {
            return true;
        }
    }
    return false;
}

/* "00:04:58" or "4:58", as greylists count down. Returns seconds, 0 when it is none. */
static int64_t clock_seconds(const char *at)
{
    int64_t parts[3] = {0};
    int count = 0;

    for (;;) {
        int digits = 0;
        while (extract_is_digit(*at) && digits < 2) {
            parts[count] = parts[count] * 10 + (*at++ - '0');
            digits++;
        }
        if (digits == 0 || extract_is_digit(*at)) {
            return 0;
        }
        count++;
        if (*at != ':' || count == 3) {
            break;
        }
        at++;
    }
    if (count < 2 || *at == ':' || parts[count - 1] > 59 || parts[count - 2] > 59) {
        return 0;
    }
    return count == 3 ? parts[0] * 3600 + parts[1] * 60 + parts[2]
                      : parts[0] * 60 + parts[1];
}

int64_t extract_wait_ns(const char *text)
{
    char folded[REPLY_TEXT_BYTES + REPLY_TEXT_BYTES / 4];

    (void)match_fold(text, folded, sizeof(folded));
    for (size_t at = 0; folded[at] != '\0'; at++) {
        bool begins = extract_is_digit(folded[at]) &&
                      (at == 0 || (!extract_is_digit(folded[at - 1]) &&
                                   folded[at - 1] != '.' && folded[at - 1] != ':'));
        if (!begins) {
            continue;
        }
        int64_t value = 0;
        size_t end = at;
        while (extract_is_digit(folded[end]) && value <= WEEK_SECONDS) {
            value = value * 10 + (folded[end] - '0');
            end++;
        }
        end += folded[end] == ' ' ? 1 : 0;
        int64_t unit = unit_seconds(folded + end);
        int64_t seconds = value * unit;
        bool asked = is_asked(folded, at);
        if (unit == 0 && asked) {
            seconds = clock_seconds(folded + at);
        } else if (unit != 0 && !asked && !is_asked_behind(folded + end)) {
            seconds = 0;
        }
        if (seconds > 0 && seconds <= WEEK_SECONDS) {
            return seconds * SECOND;
        }
    }
    return 0;
}
