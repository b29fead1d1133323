#include <string.h>

#include "policy/extract.h"
#include "policy/extract_text.h"

#define WORDS_MOST 5
#define NAME_BYTES 40

/* What stands before a name, and what must follow it. */
static const struct lead {
    const char *words;
    bool is_using;
    bool wants_list; /* "blacklist" or the like behind the name */
} leads[] = {
    {"blocked using ", true, false},
    {"rejected using ", true, false},
    {"refused using ", true, false},
    {"deferred using ", true, false},
    {"listed by ", false, false},
    {"listed in ", false, false},
    {"listed on ", false, false},
    {"listed at ", false, false},
    {"blacklisted by ", false, false},
    {"in ", false, true},
    {"on ", false, true},
    {"by ", false, true},
};

/* Words with a capital that begin no name. */
static const char *const common[] = {"customer", "our",    "local", "their",   "this",
                                     "internal", "policy", "the",   "your",    "ip",
                                     "private",  "custom", "dns",   "spamhaus"};

static bool is_capital(char byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static bool is_in_name(char byte)
{
    return is_capital(byte) || (byte >= 'a' && byte <= 'z') || extract_is_digit(byte) ||
           byte == '+' || byte == '-' || byte == '&' || byte == '_';
}

static bool is_common(const char *low, size_t length)
{
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        if (strlen(common[i]) == length && memcmp(common[i], low, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_list_word(const char *low)
{
    static const char *const lists[] = {"blacklist",  "blocklist", "black list",
                                        "block list", "blocking",  "black-list",
                                        "block-list", "rbl",       "dnsbl"};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        size_t length = strlen(lists[i]);
        if (strncmp(low, lists[i], length) == 0 && low[length] != '+') {
            return true; /* "RBL+" is a name */
        }
    }
    return false;
}

/* The length of a run of capitalised words, none of them saying "list". */
static size_t name_length(const char *text, const char *low)
{
    size_t length = 0;
    size_t at = 0;

    for (int word = 0; word < WORDS_MOST && is_capital(text[at]); word++) {
        size_t end = at;
        while (is_in_name(text[end])) {
            end++;
        }
        if (is_list_word(low + at) || end > NAME_BYTES) {
            break;
        }
        length = end;
        if (text[end] != ' ') {
            break;
        }
        at = end + 1;
    }
    return length;
}

static bool name_at(const char *text, const char *low, const struct lead *lead,
                    size_t *out_length)
{
    size_t length = name_length(text, low);
    size_t first = 0;

    while (is_in_name(text[first])) {
        first++;
    }
    bool ends = low[length] == '.' && (low[length + 1] == ' ' || low[length + 1] == '\0');
    bool goes_on = (low[length] == '.' && !ends) || low[length] == ':';
    if (length < 3 || is_common(low, first) || goes_on) {
        return false; /* the name of a host, or of nothing */
    }
    const char *behind = low + length + (low[length] == ' ' ? 1 : 0);
    if (lead->wants_list && !is_list_word(behind)) {
        return false;
    }
    *out_length = length;
    return true;
}

bool extract_name(const char *text, const struct extract_text *low, bool is_using,
                  char *out, size_t size)
{
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        const char *at = low->text;
        while (leads[i].is_using == is_using &&
               (at = strstr(at, leads[i].words)) != NULL) {
            at += strlen(leads[i].words);
            const char *name = strncmp(at, "the ", 4) == 0 ? at + 4 : at;
            size_t length = 0;
            if (name_at(text + (name - low->text), name, &leads[i], &length)) {
                extract_copy(text + (name - low->text), length, out, size);
                return true;
            }
        }
    }
    return false;
}
