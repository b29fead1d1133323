#include "relay/verp.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "relay/id.h"

#define ID_LETTERS   (ID_BYTES - 1)
#define CODE_LETTERS (VERP_CODE_BYTES - 1)
#define TAG_LETTERS  10U
#define FIXED        (2 + ID_LETTERS + 2 * CODE_LETTERS + TAG_LETTERS)

/* No letter that could be taken for another. */
static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void lower(const char *text, char *out, size_t size)
{
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < size; i++) {
        out[i] = (char)tolower((unsigned char)text[i]);
    }
    out[i] = '\0';
}

static void print(uint64_t bits, unsigned count, char *out)
{
    for (unsigned i = 0; i < count; i++) {
        out[i] = letters[(bits >> (5 * i)) & 31];
    }
    out[count] = '\0';
}

void verp_code(const char *name, char out[VERP_CODE_BYTES])
{
    uint64_t hash = 0;
    uint8_t bytes[crypto_generichash_BYTES_MIN];
    (void)crypto_generichash(bytes, sizeof bytes, (const uint8_t *)name, strlen(name),
                             NULL, 0);
    memcpy(&hash, bytes, sizeof hash);
    print(hash, CODE_LETTERS, out);
}

static void make_tag(const uint8_t key[VERP_KEY_BYTES], const struct verp *verp,
                     const char *recipient, char out[TAG_LETTERS + 1])
{
    char id[ID_BYTES];
    char folded[VERP_RCPT_BYTES];
    char text[VERP_RCPT_BYTES + 64];
    uint8_t bytes[crypto_generichash_BYTES_MIN];
    uint64_t hash = 0;
    id_print(verp->id, id);
    lower(recipient, folded, sizeof folded);
    (void)snprintf(text, sizeof text, "%d|%s|%s|%s|%s", (int)verp->kind, id, verp->stream,
                   verp->source, folded);
    (void)crypto_generichash(bytes, sizeof bytes, (const uint8_t *)text, strlen(text),
                             key, VERP_KEY_BYTES);
    memcpy(&hash, bytes, sizeof hash);
    print(hash, TAG_LETTERS, out);
}

/* May it stand in a local part without quotes? */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if (!isalnum((unsigned char)*text) && strchr("._+-@", *text) == NULL) {
            return false;
        }
    }
    return true;
}

void verp_make(const uint8_t key[VERP_KEY_BYTES], enum verp_kind kind, uint64_t id,
               const char *stream, const char *source, const char *recipient,
               char out[VERP_LOCAL_BYTES])
{
    struct verp verp = {.kind = kind, .id = id};
    char text[ID_BYTES];
    char folded[VERP_RCPT_BYTES];
    char *at = NULL;
    verp_code(stream, verp.stream);
    verp_code(source, verp.source);
    make_tag(key, &verp, recipient, verp.tag);
    id_print(id, text);
    lower(text, text, sizeof text);
    lower(recipient, folded, sizeof folded);
    (void)snprintf(out, VERP_LOCAL_BYTES, "%c-%s%s%s%s", kind == VERP_BOUNCE ? 'b' : 'u',
                   text, verp.stream, verp.source, verp.tag);
    if (is_plain(folded) && strstr(folded, "..") == NULL &&
        (at = strrchr(folded, '@')) != NULL &&
        FIXED + 1 + strlen(folded) < VERP_LOCAL_BYTES && strchr(folded, '@') == at) {
        *at = '=';
        (void)snprintf(out + FIXED, VERP_LOCAL_BYTES - FIXED, "-%s", folded);
    }
}

static bool read_letters(const char **at, unsigned count, char *out)
{
    for (unsigned i = 0; i < count; i++) {
        if ((*at)[i] == '\0' || strchr(letters, (*at)[i]) == NULL) {
            return false;
        }
        out[i] = (*at)[i];
    }
    out[count] = '\0';
    *at += count;
    return true;
}

static bool read_rcpt(const char *at, struct verp *out)
{
    out->recipient[0] = '\0';
    if (*at == '\0') {
        return true;
    }
    (void)snprintf(out->recipient, sizeof out->recipient, "%s", at + 1);
    char *parting = strrchr(out->recipient, '=');
    if (*at != '-' || parting == NULL) {
        return false;
    }
    *parting = '@';
    return true;
}

bool verp_read(const char *local, struct verp *out)
{
    char text[VERP_LOCAL_BYTES];
    struct verp verp = {.kind = VERP_BOUNCE};
    size_t length = strcspn(local, "@");
    if (length >= sizeof text || length < FIXED || local[1] != '-') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        text[i] = (char)tolower((unsigned char)local[i]);
    }
    text[length] = '\0';
    if (text[0] == 'u') {
        verp.kind = VERP_UNSUBSCRIBE;
    } else if (text[0] != 'b') {
        return false;
    }
    const char *at = text + 2 + ID_LETTERS;
    if (!id_parse(text + 2, ID_LETTERS, &verp.id) ||
        !read_letters(&at, CODE_LETTERS, verp.stream) ||
        !read_letters(&at, CODE_LETTERS, verp.source) ||
        !read_letters(&at, TAG_LETTERS, verp.tag) || !read_rcpt(at, &verp)) {
        return false;
    }
    *out = verp;
    return true;
}

bool verp_is_genuine(const uint8_t key[VERP_KEY_BYTES], const struct verp *verp,
                     const char *recipient)
{
    char tag[TAG_LETTERS + 1];
    if (recipient[0] == '\0' || strlen(recipient) >= VERP_RCPT_BYTES) {
        return false;
    }
    make_tag(key, verp, recipient, tag);
    return sodium_memcmp(tag, verp->tag, TAG_LETTERS) == 0;
}
