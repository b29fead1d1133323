#include "relay/smtp/params.h"

#include <string.h>
#include <strings.h>

/* A range of the command line; value.bytes is NULL for a keyword without "=". */
struct range {
    const char *bytes;
    size_t length;
};

struct param {
    struct range keyword;
    struct range value;
};

/* What was seen, one bit per keyword: each may come once. */
enum seen {
    SEEN_SIZE = 1,
    SEEN_BODY = 2,
    SEEN_UTF8 = 4,
    SEEN_AUTH = 8,
    SEEN_RET = 16,
    SEEN_ENVID = 32,
    SEEN_NOTIFY = 64,
    SEEN_ORCPT = 128,
    SEEN_PRIORITY = 256,
};

static bool is(struct range range, const char *text)
{
    return range.bytes != NULL && strlen(text) == range.length &&
           strncasecmp(range.bytes, text, range.length) == 0;
}

static bool next_param(const char *bytes, size_t length, size_t *at, struct param *out)
{
    while (*at < length && bytes[*at] == ' ') {
        (*at)++;
    }
    size_t start = *at;
    while (*at < length && bytes[*at] != ' ') {
        (*at)++;
    }
    if (*at == start) {
        return false;
    }
    struct range word = {bytes + start, *at - start};
    const char *equals = memchr(word.bytes, '=', word.length);
    if (equals == NULL) {
        *out = (struct param){word, {NULL, 0}};
        return true;
    }
    size_t keyword = (size_t)(equals - word.bytes);
    *out = (struct param){{word.bytes, keyword}, {equals + 1, word.length - keyword - 1}};
    return true;
}

static bool once(unsigned *seen, enum seen bit)
{
    bool is_first = (*seen & (unsigned)bit) == 0;
    *seen |= (unsigned)bit;
    return is_first;
}

static void copy(char *out, struct range range)
{
    memcpy(out, range.bytes, range.length);
    out[range.length] = '\0';
}

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'F');
}

/* xtext: printable ASCII without "=" and "+", and +XX in capitals (RFC 3461 section 4).
 */
static bool is_xtext(struct range range)
{
    for (size_t i = 0; i < range.length; i++) {
        char byte = range.bytes[i];
        if (byte < 0x21 || byte > 0x7e || byte == '=') {
            return false;
        }
        if (byte != '+') {
            continue;
        }
        if (range.length - i < 3 || !is_hex(range.bytes[i + 1]) ||
            !is_hex(range.bytes[i + 2])) {
            return false;
        }
        i += 2;
    }
    return true;
}

static bool read_size(struct range value, uint64_t *out)
{
    uint64_t size = 0;
    if (value.bytes == NULL || value.length == 0 || value.length > 20) {
        return false;
    }
    for (size_t i = 0; i < value.length; i++) {
        char byte = value.bytes[i];
        if (byte < '0' || byte > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(byte - '0');
        size = size > (UINT64_MAX - digit) / 10 ? UINT64_MAX : size * 10 + digit;
    }
    *out = size;
    return true;
}

static bool read_ret(struct range value, struct mail_params *out)
{
    if (is(value, "FULL")) {
        out->ret = PARAMS_RET_FULL;
    } else if (is(value, "HDRS")) {
        out->ret = PARAMS_RET_HDRS;
    } else {
        return false;
    }
    copy(out->ret_text, value);
    return true;
}

static bool read_envid(struct range value, struct mail_params *out)
{
    if (value.bytes == NULL || value.length == 0 || value.length >= PARAMS_ENVID_BYTES ||
        !is_xtext(value)) {
        return false;
    }
    copy(out->envid, value);
    return true;
}

static bool read_body(struct range value, struct mail_params *out)
{
    out->is_8bit = is(value, "8BITMIME");
    return out->is_8bit || is(value, "7BIT");
}

/* "-"? and one digit (RFC 6710 4.1). */
static bool read_priority(struct range value, struct mail_params *out)
{
    bool is_below = value.length == 2 && value.bytes[0] == '-';
    if (value.bytes == NULL || (value.length != 1 && !is_below)) {
        return false;
    }
    char digit = value.bytes[value.length - 1];
    if (digit < '0' || digit > '9') {
        return false;
    }
    out->has_priority = true;
    out->priority = (int8_t)(is_below ? '0' - digit : digit - '0');
    return true;
}

static enum params_error verdict(bool is_good)
{
    return is_good ? PARAMS_OK : PARAMS_SYNTAX;
}

static enum params_error mail_param(struct param param, const struct params_offer *offer,
                                    unsigned *seen, struct mail_params *out)
{
    if (offer->size && is(param.keyword, "SIZE")) {
        out->has_size = true;
        return verdict(once(seen, SEEN_SIZE) && read_size(param.value, &out->size_bytes));
    }
    if (offer->body_8bit && is(param.keyword, "BODY")) {
        return verdict(once(seen, SEEN_BODY) && read_body(param.value, out));
    }
    if (offer->smtputf8 && is(param.keyword, "SMTPUTF8")) {
        out->smtputf8 = true;
        return verdict(once(seen, SEEN_UTF8) && param.value.bytes == NULL);
    }
    if (offer->auth && is(param.keyword, "AUTH")) {
        out->has_auth = true;
        return verdict(once(seen, SEEN_AUTH) && param.value.length > 0 &&
                       is_xtext(param.value));
    }
    if (offer->dsn && is(param.keyword, "RET")) {
        return verdict(once(seen, SEEN_RET) && read_ret(param.value, out));
    }
    if (offer->dsn && is(param.keyword, "ENVID")) {
        return verdict(once(seen, SEEN_ENVID) && read_envid(param.value, out));
    }
    if (offer->priority && is(param.keyword, "MT-PRIORITY")) {
        return verdict(once(seen, SEEN_PRIORITY) && read_priority(param.value, out));
    }
    return PARAMS_UNKNOWN;
}

enum params_error params_parse_mail(const char *bytes, size_t length,
                                    const struct params_offer *offer,
                                    struct mail_params *out)
{
    struct mail_params params = {0};
    unsigned seen = 0;
    size_t at = 0;
    struct param param;

    while (next_param(bytes, length, &at, &param)) {
        enum params_error error = mail_param(param, offer, &seen, &params);
        if (error != PARAMS_OK) {
            return error;
        }
    }
    *out = params;
    return PARAMS_OK;
}

/* The bits of a comma list; 0 when it is bad. NEVER stands alone (RFC 3461 4.1). */
static unsigned notify_bits(struct range value)
{
    unsigned bits = 0;
    size_t start = 0;
    for (size_t i = 0; i <= value.length; i++) {
        if (i < value.length && value.bytes[i] != ',') {
            continue;
        }
        struct range word = {value.bytes + start, i - start};
        unsigned bit = 0;
        bit |= is(word, "NEVER") ? (unsigned)PARAMS_NOTIFY_NEVER : 0;
        bit |= is(word, "SUCCESS") ? (unsigned)PARAMS_NOTIFY_SUCCESS : 0;
        bit |= is(word, "FAILURE") ? (unsigned)PARAMS_NOTIFY_FAILURE : 0;
        bit |= is(word, "DELAY") ? (unsigned)PARAMS_NOTIFY_DELAY : 0;
        if (bit == 0 || (bits & bit) != 0) {
            return 0;
        }
        bits |= bit;
        start = i + 1;
    }
    bool is_mixed = (bits & PARAMS_NOTIFY_NEVER) != 0 && bits != PARAMS_NOTIFY_NEVER;
    return is_mixed ? 0 : bits;
}

unsigned params_notify_bits(const char *text)
{
    return text[0] == '\0' ? 0 : notify_bits((struct range){text, strlen(text)});
}

static bool read_notify(struct range value, struct rcpt_params *out)
{
    if (value.bytes == NULL || value.length >= PARAMS_NOTIFY_BYTES) {
        return false;
    }
    out->notify = notify_bits(value);
    if (out->notify == 0) {
        return false;
    }
    copy(out->notify_text, value);
    return true;
}

/* utf-8 address types (RFC 6533) may carry raw UTF-8 once SMTPUTF8 was asked for. */
static enum params_error read_orcpt(struct range value, bool smtputf8,
                                    struct rcpt_params *out)
{
    if (value.bytes == NULL || value.length >= PARAMS_ORCPT_BYTES) {
        return PARAMS_SYNTAX;
    }
    const char *semicolon = memchr(value.bytes, ';', value.length);
    if (semicolon == NULL || semicolon == value.bytes) {
        return PARAMS_SYNTAX;
    }
    struct range type = {value.bytes, (size_t)(semicolon - value.bytes)};
    struct range text = {semicolon + 1, value.length - type.length - 1};
    bool is_8bit = false;
    for (size_t i = 0; i < text.length; i++) {
        is_8bit = is_8bit || (unsigned char)text.bytes[i] >= 0x80;
    }
    if (is_8bit && !smtputf8) {
        return PARAMS_NEED_UTF8;
    }
    if (text.length == 0 || !is_xtext(type) || (!is_8bit && !is_xtext(text))) {
        return PARAMS_SYNTAX;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte < 0x21 || byte == 0x7f) {
            return PARAMS_SYNTAX;
        }
    }
    copy(out->orcpt, value);
    return PARAMS_OK;
}

enum params_error params_parse_rcpt(const char *bytes, size_t length,
                                    const struct params_offer *offer, bool smtputf8,
                                    struct rcpt_params *out)
{
    struct rcpt_params params = {0};
    unsigned seen = 0;
    size_t at = 0;
    struct param param;

    while (next_param(bytes, length, &at, &param)) {
        enum params_error error = PARAMS_UNKNOWN;
        if (offer->dsn && is(param.keyword, "NOTIFY")) {
            error =
                verdict(once(&seen, SEEN_NOTIFY) && read_notify(param.value, &params));
        } else if (offer->dsn && is(param.keyword, "ORCPT")) {
            error = once(&seen, SEEN_ORCPT) ? read_orcpt(param.value, smtputf8, &params)
                                            : PARAMS_SYNTAX;
        }
        if (error != PARAMS_OK) {
            return error;
        }
    }
    *out = params;
    return PARAMS_OK;
}

static unsigned hex_value(char byte)
{
    return byte <= '9' ? (unsigned)(byte - '0') : (unsigned)(byte - 'A') + 10;
}

size_t params_xtext_decode(const char *text, char *out, size_t cap)
{
    size_t written = 0;
    size_t length = strlen(text);
    for (size_t i = 0; i < length && written + 1 < cap; i++) {
        unsigned byte = (unsigned char)text[i];
        if (byte == '+' && length - i >= 3 && is_hex(text[i + 1]) &&
            is_hex(text[i + 2])) {
            byte = hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]);
            i += 2;
        }
        bool is_control = byte < 0x20 || byte == 0x7f;
        out[written++] = (char)(unsigned char)(is_control ? '?' : byte);
    }
    if (cap > 0) {
        out[written] = '\0';
    }
    return written;
}
