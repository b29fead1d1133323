#include "relay/users_table.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/limits.h"

#define NAME_LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@"
#define STREAM_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
#define DOMAIN_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

bool users_table_is_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < USERS_NAME_BYTES && strspn(name, NAME_LETTERS) == size;
}

bool users_table_is_stream(const char *stream)
{
    size_t size = strlen(stream);
    return size > 0 && size < USERS_NAME_BYTES && strspn(stream, STREAM_LETTERS) == size;
}

/* A domain, a pattern for those below it, or an address. */
bool users_table_is_from(const char *from)
{
    const char *at = strrchr(from, '@');
    const char *domain = from;
    if (at != NULL) {
        size_t local = (size_t)(at - from);
        if (local == 0 || local > LIMIT_LOCAL_PART) {
            return false;
        }
        for (const char *byte = from; byte < at; byte++) {
            if ((unsigned char)*byte <= ' ' || *byte == ',' || *byte == 0x7f) {
                return false;
            }
        }
        domain = at + 1;
    } else if (strncmp(from, "*.", 2) == 0) {
        domain = from + 2;
    }
    size_t size = strlen(domain);
    return size > 0 && size <= LIMIT_DOMAIN && domain[0] != '.' &&
           strspn(domain, DOMAIN_LETTERS) == size && strstr(domain, "..") == NULL;
}

bool users_table_is_hash(const char *hash)
{
    /* A hash with a cost far above ours would be a way to stop the door. */
    static const char begin[] = "$argon2id$v=19$m=";
    size_t size = strlen(hash);
    if (size >= USERS_HASH_BYTES || strncmp(hash, begin, sizeof begin - 1) != 0) {
        return false;
    }
    char *end = NULL;
    unsigned long memory_kib = strtoul(hash + sizeof begin - 1, &end, 10);
    if (strncmp(end, ",t=", 3) != 0 || memory_kib > LIMIT_AUTH_MEMORY_KIB) {
        return false;
    }
    unsigned long passes = strtoul(end + 3, &end, 10);
    return passes <= LIMIT_AUTH_PASSES &&
           crypto_pwhash_str_needs_rehash(hash, 2, (size_t)64 * 1024 * 1024) >= 0;
}

bool users_table_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text[0] == '\0') {
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool users_table_address(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(out, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

bool users_table_network(const char *text, struct users_network *out)
{
    char address[64];
    size_t size = strcspn(text, "/");
    if (size >= sizeof address) {
        return false;
    }
    memcpy(address, text, size);
    address[size] = '\0';
    struct users_network network = {.bits = 128};
    if (!users_table_address(address, network.address)) {
        return false;
    }
    bool is_four = strchr(address, ':') == NULL;
    if (text[size] == '/') {
        uint64_t bits = 0;
        if (!users_table_number(text + size + 1, is_four ? 32 : 128, &bits)) {
            return false;
        }
        network.bits = (uint8_t)(bits + (is_four ? 96 : 0));
    }
    for (size_t bit = network.bits; bit < 128; bit++) {
        network.address[bit / 8] &= (uint8_t) ~(0x80U >> (bit % 8));
    }
    *out = network;
    return true;
}
