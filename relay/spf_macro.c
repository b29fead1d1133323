/* No test of its own: tests/relay/test_spf.c has the examples of the standard. */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "relay/linebuf.h"
#include "relay/spf_parts.h"

#define PARTS 128 /* labels of a name, nibbles of an address */

void spf_macro_address(const struct netaddr *address, char out[72])
{
    if (address->family != NETADDR_V6) {
        (void)netaddr_format(address, out);
        return;
    }
    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(out + 4 * i, 5, "%x.%x%s", address->bytes[i] >> 4U,
                       address->bytes[i] & 15U, i < 15 ? "." : "");
    }
}

/* What the letter stands for; false for a letter that stands for nothing here. */
static bool value_of(const struct spf_ask *ask, const char *domain, char letter,
                     char out[400])
{
    char address[72];
    const char *at = strchr(ask->sender, '@');
    int local = at != NULL ? (int)(at - ask->sender) : (int)strlen(ask->sender);
    const char *sender_domain = at != NULL ? at + 1 : ask->domain;
    local = local < 64 ? local : 64;
    switch (tolower((unsigned char)letter)) {
    case 's':
        (void)snprintf(out, 400, "%.*s@%s", local, ask->sender, sender_domain);
        return true;
    case 'l': (void)snprintf(out, 400, "%.*s", local, ask->sender); return true;
    case 'o': (void)snprintf(out, 400, "%s", sender_domain); return true;
    case 'd': (void)snprintf(out, 400, "%s", domain); return true;
    case 'i':
        spf_macro_address(&ask->address, address);
        (void)snprintf(out, 400, "%s", address);
        return true;
    case 'p': (void)snprintf(out, 400, "unknown"); return true;
    case 'v':
        (void)snprintf(out, 400, "%s",
                       ask->address.family == NETADDR_V6 ? "ip6" : "in-addr");
        return true;
    case 'h': (void)snprintf(out, 400, "%s", ask->helo); return true;
    default: return false;
    }
}

/* The parts between delimiters, reversed where asked, the last `keep` of them. */
static void put_parts(struct linebuf *buf, char *value, const char *delimiters,
                      unsigned keep, bool reversed)
{
    char *parts[PARTS];
    size_t count = 0;
    for (char *at = value; count < PARTS;) {
        size_t size = strcspn(at, delimiters);
        bool is_last = at[size] == '\0';
        parts[count++] = at;
        at[size] = '\0';
        if (is_last) {
            break;
        }
        at += size + 1;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_kept = keep == 0 || i + keep >= count;
        const char *part = reversed ? parts[count - 1 - i] : parts[i];
        if (is_kept) {
            linebuf_text(buf, part);
            linebuf_text(buf, i + 1 < count ? "." : "");
        }
    }
}

/* "{ir}" and the like; moves *at behind it. */
static bool put_macro(const struct spf_ask *ask, const char *domain, const char **at,
                      struct linebuf *buf)
{
    char value[400];
    char delimiters[8] = "";
    const char *p = *at + 1;
    unsigned keep = 0;
    size_t digits = 0;
    size_t count = 0;
    if (!value_of(ask, domain, *p, value)) {
        return false;
    }
    p++;
    for (; isdigit((unsigned char)*p) && digits < 3; p++, digits++) {
        keep = keep * 10 + (unsigned)(*p - '0');
    }
    if (digits > 0 && keep == 0) {
        return false;
    }
    bool reversed = tolower((unsigned char)*p) == 'r';
    p += reversed ? 1 : 0;
    while (*p != '\0' && strchr(".-+,/_=", *p) != NULL && count < 7) {
        delimiters[count++] = *p++;
        delimiters[count] = '\0';
    }
    if (*p != '}') {
        return false;
    }
    put_parts(buf, value, count > 0 ? delimiters : ".", keep, reversed);
    *at = p + 1;
    return true;
}

static bool put_percent(const struct spf_ask *ask, const char *domain, const char **at,
                        struct linebuf *buf)
{
    switch (**at) {
    case '{': return put_macro(ask, domain, at, buf);
    case '%': linebuf_char(buf, '%'); break;
    case '_': linebuf_char(buf, ' '); break;
    case '-': linebuf_text(buf, "%20"); break;
    default: return false;
    }
    (*at)++;
    return true;
}

bool spf_macro_expand(const struct spf_ask *ask, const char *domain, const char *spec,
                      char out[DNS_NAME_BYTES])
{
    char text[2048];
    struct linebuf buf;
    linebuf_init(&buf, text, sizeof text - 1);
    for (const char *at = spec; *at != '\0';) {
        if (*at != '%') {
            linebuf_char(&buf, *at++);
            continue;
        }
        at++;
        if (!put_percent(ask, domain, &at, &buf)) {
            return false;
        }
    }
    text[buf.used] = '\0';
    const char *name = text;
    size_t size = buf.used;
    if (buf.is_full || size == 0) {
        return false;
    }
    if (text[size - 1] == '.') {
        text[--size] = '\0';
    }
    while (size > 253) {
        const char *dot = strchr(name, '.');
        if (dot == NULL) {
            return false;
        }
        size -= (size_t)(dot + 1 - name);
        name = dot + 1;
    }
    memcpy(out, name, size + 1);
    return size > 0;
}
