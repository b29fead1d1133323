#include "relay/smtp/ehlo.h"

#include <string.h>
#include <strings.h>

/* One word of a line: a range and where the next one starts. */
struct word {
    const char *bytes;
    size_t length;
};

static bool next_word(const char *text, size_t length, size_t *at, struct word *out)
{
    while (*at < length && (text[*at] == ' ' || text[*at] == '\t')) {
        (*at)++;
    }
    size_t start = *at;
    while (*at < length && text[*at] != ' ' && text[*at] != '\t') {
        (*at)++;
    }
    *out = (struct word){text + start, *at - start};
    return out->length > 0;
}

static bool word_is(struct word word, const char *name)
{
    return strlen(name) == word.length && strncasecmp(word.bytes, name, word.length) == 0;
}

/* A decimal number of at most 19 digits. */
static bool number(struct word word, uint64_t *out)
{
    uint64_t value = 0;
    if (word.length == 0 || word.length > 19) {
        return false;
    }
    for (size_t i = 0; i < word.length; i++) {
        if (word.bytes[i] < '0' || word.bytes[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(word.bytes[i] - '0');
    }
    *out = value;
    return true;
}

static void read_auth(struct ehlo *ehlo, const char *text, size_t length, size_t at)
{
    struct word word;
    while (next_word(text, length, &at, &word)) {
        ehlo->auth_plain = ehlo->auth_plain || word_is(word, "PLAIN");
        ehlo->auth_login = ehlo->auth_login || word_is(word, "LOGIN");
        ehlo->auth_xoauth2 = ehlo->auth_xoauth2 || word_is(word, "XOAUTH2");
    }
}

/* RFC 9422: NAME=value, six digits, not zero; what is malformed is ignored alone. */
static void read_limits(struct ehlo *ehlo, const char *text, size_t length, size_t at)
{
    struct word word;
    while (next_word(text, length, &at, &word)) {
        const char *equals = memchr(word.bytes, '=', word.length);
        uint64_t value = 0;
        if (equals == NULL) {
            continue;
        }
        struct word name = {word.bytes, (size_t)(equals - word.bytes)};
        struct word digits = {equals + 1, word.length - name.length - 1};
        if (digits.length > 6 || !number(digits, &value) || value == 0) {
            continue;
        }
        if (word_is(name, "MAILMAX")) {
            ehlo->mail_max = (uint32_t)value;
        } else if (word_is(name, "RCPTMAX")) {
            ehlo->rcpt_max = (uint32_t)value;
        } else if (word_is(name, "RCPTDOMAINMAX")) {
            ehlo->rcpt_domain_max = (uint32_t)value;
        }
    }
}

static void read_size(struct ehlo *ehlo, const char *text, size_t length, size_t at)
{
    struct word word;
    uint64_t max = 0;
    if (!next_word(text, length, &at, &word) || number(word, &max)) {
        ehlo->size = true;
        ehlo->size_max_bytes = max;
    }
}

void ehlo_line(struct ehlo *ehlo, const char *text, size_t length)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"PIPELINING", &ehlo->pipelining},
        {"8BITMIME", &ehlo->body_8bit},
        {"SMTPUTF8", &ehlo->smtputf8},
        {"STARTTLS", &ehlo->starttls},
        {"DSN", &ehlo->dsn},
        {"CHUNKING", &ehlo->chunking},
        {"REQUIRETLS", &ehlo->requiretls},
        {"ENHANCEDSTATUSCODES", &ehlo->enhanced_codes},
    };
    size_t at = 0;
    struct word keyword;

    if (!next_word(text, length, &at, &keyword)) {
        return;
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (word_is(keyword, flags[i].name)) {
            *flags[i].flag = true;
            return;
        }
    }
    if (word_is(keyword, "SIZE")) {
        read_size(ehlo, text, length, at);
    } else if (word_is(keyword, "AUTH")) {
        read_auth(ehlo, text, length, at);
    } else if (word_is(keyword, "LIMITS")) {
        read_limits(ehlo, text, length, at);
    } else if (keyword.length > 5 && strncasecmp(keyword.bytes, "AUTH=", 5) == 0) {
        /* An old form: "AUTH=LOGIN PLAIN". */
        read_auth(ehlo, text, length, (size_t)(keyword.bytes - text) + 5);
    }
}
