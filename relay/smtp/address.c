#include "relay/smtp/address.h"

#include <assert.h>
#include <string.h>

#define LABEL_BYTES 63

static bool is_8bit(char byte)
{
    return (unsigned char)byte >= 0x80;
}

static bool is_alnum(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

/* atext of RFC 5322, and dots wherever they stand: "a..b@" and "a.@" exist and are
 * delivered by their owners. */
static bool is_local_byte(char byte)
{
    return byte != '\0' &&
           (is_alnum(byte) || strchr("!#$%&'*+-/=?^_`{|}~.", byte) != NULL);
}

/* Well-formed UTF-8 without overlong forms, surrogates and C1 controls. Returns the
 * length of the character at bytes, 0 when there is none. */
static size_t utf8_length(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t need = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || length < need) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_bad = (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xe0 && at[1] < 0xa0) ||
                  (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
                  (at[0] == 0xf4 && at[1] > 0x8f);
    return is_bad ? 0 : need;
}

static bool is_utf8(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t step = is_8bit(bytes[i]) ? utf8_length(bytes + i, length - i) : 1;
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

/* The length of a quoted string at bytes, both quotes included; 0 when there is none. */
static size_t quoted_length(const char *bytes, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '"') {
            return i + 1;
        }
        if (byte < 0x20 || byte == 0x7f) {
            return 0;
        }
        if (byte == '\\') {
            i++;
            if (i >= length || (unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f ||
                is_8bit(bytes[i])) {
                return 0;
            }
        }
    }
    return 0;
}

static size_t local_length(const char *bytes, size_t length)
{
    if (length > 0 && bytes[0] == '"') {
        return quoted_length(bytes, length);
    }
    size_t used = 0;
    while (used < length && (is_local_byte(bytes[used]) || is_8bit(bytes[used]))) {
        used++;
    }
    return used;
}

/* An address literal: brackets around what an IP address is made of. Which one it is, and
 * whether mail goes there, is the router's to say. */
static bool is_literal(const char *bytes, size_t length)
{
    if (length < 4 || bytes[0] != '[' || bytes[length - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i + 1 < length; i++) {
        if (!is_alnum(bytes[i]) && bytes[i] != '.' && bytes[i] != ':' &&
            bytes[i] != '-') {
            return false;
        }
    }
    return true;
}

bool address_is_domain(const char *bytes, size_t length, bool utf8)
{
    if (length == 0 || length > LIMIT_DOMAIN) {
        return false;
    }
    if (bytes[0] == '[') {
        return is_literal(bytes, length);
    }
    size_t label = 0;
    for (size_t i = 0; i < length; i++) {
        char byte = bytes[i];
        if (byte == '.') {
            if (label == 0 || bytes[i - 1] == '-') {
                return false;
            }
            label = 0;
            continue;
        }
        bool is_good = is_alnum(byte) || byte == '_' || (byte == '-' && label > 0) ||
                       (utf8 && is_8bit(byte));
        label++;
        if (!is_good || label > LABEL_BYTES) {
            return false;
        }
    }
    return label > 0 && bytes[length - 1] != '-' && is_utf8(bytes, length);
}

static bool has_8bit(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (is_8bit(bytes[i])) {
            return true;
        }
    }
    return false;
}

static enum address_error fill(const char *bytes, size_t local, size_t length, bool utf8,
                               struct address *out)
{
    bool has_domain = local < length;
    const char *domain = has_domain ? bytes + local + 1 : "";
    size_t domain_length = has_domain ? length - local - 1 : 0;

    if (local == 0) {
        return ADDRESS_SYNTAX;
    }
    if (has_8bit(bytes, length) && !utf8) {
        return ADDRESS_NEEDS_UTF8;
    }
    if (!is_utf8(bytes, local)) {
        return ADDRESS_SYNTAX;
    }
    if (local > LIMIT_LOCAL_PART) {
        return ADDRESS_LOCAL_LONG;
    }
    if (domain_length > LIMIT_DOMAIN) {
        return ADDRESS_DOMAIN_LONG;
    }
    if (has_domain && !address_is_domain(domain, domain_length, utf8)) {
        return ADDRESS_DOMAIN_SYNTAX;
    }
    *out = (struct address){.length = (uint16_t)length,
                            .local_length = (uint16_t)local,
                            .has_domain = has_domain,
                            .is_quoted = bytes[0] == '"',
                            .is_literal = domain[0] == '[',
                            .is_utf8_local = has_8bit(bytes, local),
                            .is_utf8_domain = has_8bit(domain, domain_length)};
    memcpy(out->text, bytes, length);
    out->text[length] = '\0';
    return ADDRESS_OK;
}

enum address_error address_parse(const char *bytes, size_t length, bool utf8,
                                 struct address *out)
{
    size_t local = local_length(bytes, length);
    if (local < length && bytes[local] != '@') {
        return ADDRESS_SYNTAX;
    }
    return fill(bytes, local, length, utf8, out);
}

/* The length of "@one,@two:" at bytes, 0 when there is no source route. */
static size_t route_length(const char *bytes, size_t length)
{
    if (length == 0 || bytes[0] != '@') {
        return 0;
    }
    const char *colon = memchr(bytes, ':', length);
    return colon == NULL ? 0 : (size_t)(colon - bytes) + 1;
}

static bool is_route(const char *bytes, size_t length, bool utf8)
{
    /* bytes ends with the colon: each element is "@domain", between commas. */
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != ',' && bytes[i] != ':') {
            continue;
        }
        if (bytes[start] != '@' || i <= start + 1 ||
            !address_is_domain(bytes + start + 1, i - start - 1, utf8)) {
            return false;
        }
        start = i + 1;
    }
    return true;
}

/* How long local@domain is: the domain ends at '>' or a space. */
static size_t mailbox_length(const char *bytes, size_t length)
{
    size_t used = local_length(bytes, length);
    if (used >= length || bytes[used] != '@') {
        return used;
    }
    while (used < length && bytes[used] != '>' && bytes[used] != ' ') {
        used++;
    }
    return used;
}

enum address_error address_parse_path(const char *bytes, size_t length, bool utf8,
                                      struct address *out, size_t *out_used)
{
    if (length == 0) {
        return ADDRESS_SYNTAX;
    }
    bool has_bracket = bytes[0] == '<';
    size_t at = has_bracket ? 1 : 0;

    if (has_bracket && length > 1 && bytes[1] == '>') {
        *out = (struct address){0};
        *out_used = 2;
        return ADDRESS_OK;
    }
    size_t route = route_length(bytes + at, length - at);
    if (route > 0 && !is_route(bytes + at, route, utf8)) {
        return ADDRESS_SYNTAX;
    }
    at += route;

    size_t mailbox = mailbox_length(bytes + at, length - at);
    size_t end = at + mailbox;
    if (has_bracket && (end >= length || bytes[end] != '>')) {
        return ADDRESS_SYNTAX;
    }
    if (!has_bracket && end < length && bytes[end] != ' ') {
        return ADDRESS_SYNTAX;
    }
    struct address address;
    enum address_error error = address_parse(bytes + at, mailbox, utf8, &address);
    if (error != ADDRESS_OK) {
        return error;
    }
    *out = address;
    *out_used = end + (has_bracket ? 1 : 0);
    return ADDRESS_OK;
}

static char lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte + ('a' - 'A'));
    }
    return byte;
}

bool address_is_null(const struct address *address)
{
    return address->length == 0;
}

const char *address_domain(const struct address *address)
{
    return address->has_domain ? address->text + address->local_length + 1 : "";
}

bool address_domain_ascii(const struct address *address, address_idn_cb idn_cb, char *out,
                          size_t cap)
{
    assert(cap > 0);
    const char *domain = address_domain(address);
    size_t length = strlen(domain);

    out[0] = '\0';
    if (length == 0 || length >= cap) {
        return false;
    }
    if (address->is_utf8_domain) {
        if (idn_cb == NULL || !idn_cb(domain, out, cap)) {
            out[0] = '\0';
            return false;
        }
        return true;
    }
    for (size_t i = 0; i < length; i++) {
        out[i] = lower(domain[i]);
    }
    out[length] = '\0';
    return true;
}

bool address_to_ascii(const struct address *address, address_idn_cb idn_cb, char *out,
                      size_t cap)
{
    assert(cap > 0);
    size_t local = address->local_length;

    out[0] = '\0';
    if (address->is_utf8_local || local + 2 > cap) {
        return false;
    }
    if (!address->is_utf8_domain) {
        if (address->length >= cap) {
            return false;
        }
        memcpy(out, address->text, (size_t)address->length + 1);
        return true;
    }
    if (!address_domain_ascii(address, idn_cb, out + local + 1, cap - local - 1)) {
        out[0] = '\0';
        return false;
    }
    memcpy(out, address->text, local);
    out[local] = '@';
    return true;
}
