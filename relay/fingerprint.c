#include "relay/fingerprint.h"

#include <stdbool.h>
#include <string.h>

#include "relay/message.h"

#define BASIS 14695981039346656037U /* FNV-1a, 64 bits */
#define PRIME 1099511628211U

static uint64_t add(uint64_t hash, char byte)
{
    return (hash ^ (uint8_t)byte) * PRIME;
}

static char lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte - 'A' + 'a');
    }
    return byte;
}

static uint64_t not_zero(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

void fingerprint_init(struct fingerprint *print)
{
    memset(print, 0, sizeof *print);
    print->body = BASIS;
}

uint64_t fingerprint_text(const char *text)
{
    uint64_t hash = BASIS;
    for (; *text != '\0'; text++) {
        hash = add(hash, lower(*text));
    }
    return not_zero(hash);
}

/* The last two labels of the host that has ended, once each. */
static void end_host(struct fingerprint *print)
{
    size_t dots = 0;
    size_t start = print->host_length;
    while (start > 0 && (print->host[start - 1] != '.' || ++dots < 2)) {
        start--;
    }
    uint64_t hash = BASIS;
    for (size_t i = start; i < print->host_length; i++) {
        hash = add(hash, print->host[i]);
    }
    bool is_known = print->host_length == 0 || print->host_count == FINGERPRINT_HOSTS;
    for (unsigned i = 0; i < print->host_count; i++) {
        is_known = is_known || print->hosts[i] == hash;
    }
    if (!is_known) {
        print->hosts[print->host_count++] = hash;
    }
    print->slashes = 0;
    print->host_length = 0;
}

static bool is_host(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' ||
           byte == '-';
}

void fingerprint_feed(struct fingerprint *print, const char *bytes, size_t length)
{
    uint64_t body = print->body;
    for (size_t i = 0; i < length; i++) {
        char byte = bytes[i];
        body = add(body, byte);
        if (print->slashes == 3) {
            byte = lower(byte);
            if (is_host(byte) && print->host_length < sizeof print->host) {
                print->host[print->host_length++] = byte;
            } else {
                end_host(print);
            }
        } else if ((byte == ':' && print->slashes == 0) ||
                   (byte == '/' && print->slashes > 0)) {
            print->slashes++;
        } else {
            print->slashes = 0;
        }
    }
    print->body = body;
}

/* Words without what differs from mail to mail: one with a digit in it is '#'. */
static uint64_t add_shape(uint64_t hash, const char *subject)
{
    while (*subject != '\0') {
        size_t length = strcspn(subject, " ");
        bool is_varying = false;
        for (size_t i = 0; i < length; i++) {
            is_varying = is_varying || (subject[i] >= '0' && subject[i] <= '9');
        }
        for (size_t i = 0; !is_varying && i < length; i++) {
            hash = add(hash, lower(subject[i]));
        }
        hash = add(hash, is_varying ? '#' : ' ');
        subject += length;
        subject += strspn(subject, " ");
    }
    return hash;
}

static uint64_t add_type(uint64_t hash, const char *block, size_t length)
{
    struct message_field field;
    size_t at = 0;
    while (message_next_field(block, length, &at, &field)) {
        if (message_field_is(&field, "Content-Type")) {
            for (size_t i = 0; i < field.value_length && field.value[i] != ';'; i++) {
                hash = field.value[i] > ' ' ? add(hash, lower(field.value[i])) : hash;
            }
            break;
        }
    }
    return hash;
}

uint64_t fingerprint_kind(struct fingerprint *print, const char *subject,
                          const char *block, size_t length)
{
    uint64_t links = 0;
    if (print->slashes == 3) {
        end_host(print);
    }
    for (unsigned i = 0; i < print->host_count; i++) {
        links += print->hosts[i]; /* in any order */
    }
    uint64_t hash = add_type(add_shape(BASIS, subject), block, length);
    for (unsigned i = 0; i < 8; i++) {
        hash = add(hash, (char)(links >> (8 * i)));
    }
    return not_zero(hash);
}

uint64_t fingerprint_body(const struct fingerprint *print)
{
    return not_zero(print->body);
}
