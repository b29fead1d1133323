/* Signing.
 *
 * Good path: a body's bytes -> relaxed form -> SHA-256; the fields of h= in order,
 * relaxed, then our own field with an empty b= -> SHA-256 -> RSA or Ed25519 -> base64
 * behind b=.
 *
 * Failure modes: a key that cannot be read or is too small (-EINVAL with a reason), a
 * header without From (-EINVAL), OpenSSL refusing (-EIO), the output being full
 * (-ENOMEM). */

#include "relay/dkim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "relay/dkim_key.h"
#include "relay/limits.h"
#include "relay/message.h"
#include "relay/smtp/base64.h"

#define CHUNK_BYTES  4096
#define COPIES       16 /* of one field that are signed; more than one is already strange */
#define FOLD_COLUMN  72
#define HEADER_BYTES ((size_t)LIMIT_HEADER_BYTES)

struct dkim_body {
    EVP_MD_CTX *hash; /* owned */
    bool failed;
    bool has_text;      /* something was hashed */
    bool space_pending; /* white space that counts if text follows */
    bool cr_pending;
    uint64_t lines_pending; /* CRLFs that count if text follows */
    size_t length;
    char chunk[CHUNK_BYTES]; /* relaxed bytes on their way to the hash */
};

struct dkim_body *dkim_body_new(void)
{
    struct dkim_body *body = calloc(1, sizeof *body);
    if (body == NULL) {
        abort();
    }
    body->hash = EVP_MD_CTX_new();
    if (body->hash == NULL) {
        abort();
    }
    body->failed = EVP_DigestInit_ex(body->hash, EVP_sha256(), NULL) != 1;
    return body;
}

void dkim_body_free(struct dkim_body *body)
{
    if (body != NULL) {
        EVP_MD_CTX_free(body->hash);
        free(body);
    }
}

static void flush(struct dkim_body *body)
{
    if (body->length > 0 &&
        EVP_DigestUpdate(body->hash, body->chunk, body->length) != 1) {
        body->failed = true;
    }
    body->length = 0;
}

static void put(struct dkim_body *body, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t room = sizeof body->chunk - body->length;
        size_t part = length < room ? length : room;
        memcpy(body->chunk + body->length, bytes, part);
        body->length += part;
        bytes += part;
        length -= part;
        if (body->length == sizeof body->chunk) {
            flush(body);
        }
    }
}

/* Text follows: what was pending counts. */
static void put_text(struct dkim_body *body, const char *bytes, size_t length)
{
    for (; body->lines_pending > 0; body->lines_pending--) {
        put(body, "\r\n", 2);
    }
    if (body->space_pending) {
        put(body, " ", 1);
        body->space_pending = false;
    }
    put(body, bytes, length);
    body->has_text = true;
}

static bool is_text(char byte)
{
    return byte != ' ' && byte != '\t' && byte != '\r';
}

void dkim_body_feed(struct dkim_body *body, const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        char byte = bytes[at];
        if (body->cr_pending) {
            body->cr_pending = false;
            if (byte == '\n') {
                body->lines_pending++;
                body->space_pending = false;
                at++;
                continue;
            }
            put_text(body, "\r", 1);
        }
        if (byte == '\r') {
            body->cr_pending = true;
            at++;
        } else if (!is_text(byte)) {
            body->space_pending = true;
            at++;
        } else {
            size_t start = at;
            while (at < length && is_text(bytes[at])) {
                at++;
            }
            put_text(body, bytes + start, at - start);
        }
    }
}

int dkim_body_end(struct dkim_body *body, unsigned char out[DKIM_HASH_BYTES])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (body->cr_pending) {
        body->cr_pending = false;
        put_text(body, "\r", 1);
    }
    if (body->has_text) {
        put(body, "\r\n", 2); /* one end of line, however many there were */
    }
    flush(body);
    if (body->failed || EVP_DigestFinal_ex(body->hash, hash, NULL) != 1) {
        return -EIO;
    }
    memcpy(out, hash, DKIM_HASH_BYTES);
    return 0;
}

/* What is signed. is_sealed: one more in h= than there are, so that none can be added. */
struct signed_field {
    const char *name;
    bool is_sealed;
};

static const struct signed_field signed_fields[] = {
    {"from", true},
    {"to", true},
    {"cc", true},
    {"subject", true},
    {"date", true},
    {"message-id", true},
    {"reply-to", true},
    {"sender", false},
    {"mime-version", false},
    {"content-type", true},
    {"in-reply-to", false},
    {"content-transfer-encoding", false},
    {"references", false},
    {"list-id", false},
    {"list-unsubscribe", false},
    {"list-unsubscribe-post", false},
    {"feedback-id", false},
    {"auto-submitted", false},
};

#define SIGNED_FIELDS (sizeof signed_fields / sizeof signed_fields[0])

/* The last COPIES fields of a name, the bottom one first (RFC 6376 5.4.2). */
static size_t find_fields(const char *header, size_t length, const char *name,
                          struct message_field out[COPIES])
{
    struct message_field field;
    size_t at = 0;
    size_t found = 0;
    while (message_next_field(header, length, &at, &field)) {
        if (!message_field_is(&field, name)) {
            continue;
        }
        size_t keep = found < COPIES ? found : COPIES - 1;
        memmove(&out[1], &out[0], keep * sizeof out[0]);
        out[0] = field;
        found = keep + 1;
    }
    return found;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* RFC 6376 3.4.2: name in lower case, no space around the colon, white space runs one
 * space, none at the end. */
static void put_relaxed(struct textbuf *out, const struct message_field *field)
{
    bool is_pending = false;
    bool is_any = false;
    for (size_t i = 0; i < field->name_length; i++) {
        char byte = field->name[i];
        if (byte >= 'A' && byte <= 'Z') {
            byte = (char)(byte + ('a' - 'A'));
        }
        textbuf_append(out, &byte, 1);
    }
    textbuf_append(out, ":", 1);
    for (size_t i = 0; i < field->value_length; i++) {
        char byte = field->value[i];
        if (is_blank(byte)) {
            is_pending = true;
            continue;
        }
        if (is_pending && is_any) {
            textbuf_append(out, " ", 1);
        }
        is_pending = false;
        is_any = true;
        textbuf_append(out, &byte, 1);
    }
}

/* One more name for h=, folded. */
static void put_name(struct textbuf *out, size_t *column, const char *name)
{
    size_t length = strlen(name) + 1;
    bool is_first = out->length > 0 && out->bytes[out->length - 1] == '=';
    if (!is_first) {
        textbuf_append(out, ":", 1);
    }
    if (*column + length > FOLD_COLUMN) {
        textbuf_text(out, "\r\n\t");
        *column = 8;
    }
    textbuf_text(out, name);
    *column += length;
}

/* The value of h= into names, the fields themselves into data. */
static int put_fields(const char *header, size_t length, struct textbuf *names,
                      struct textbuf *data)
{
    struct message_field fields[COPIES];
    size_t column = 10;
    for (size_t i = 0; i < SIGNED_FIELDS; i++) {
        const struct signed_field *kind = &signed_fields[i];
        size_t found = find_fields(header, length, kind->name, fields);
        if (i == 0 && found == 0) {
            return -EINVAL; /* From must be signed, so it must be there */
        }
        for (size_t k = 0; k < found; k++) {
            put_name(names, &column, kind->name);
            put_relaxed(data, &fields[k]);
            textbuf_text(data, "\r\n");
        }
        if (kind->is_sealed && found < COPIES) {
            put_name(names, &column, kind->name);
        }
    }
    return 0;
}

static void put_base64(struct textbuf *out, const unsigned char *bytes, size_t length)
{
    char text[BASE64_LENGTH(DKIM_KEY_SIGNATURE_BYTES) + 1];
    size_t total = base64_encode((const char *)bytes, length, text, sizeof text);
    for (size_t at = 0; at < total; at += FOLD_COLUMN) {
        size_t part = total - at < FOLD_COLUMN ? total - at : FOLD_COLUMN;
        textbuf_text(out, at > 0 ? "\r\n\t" : "");
        textbuf_append(out, text + at, part);
    }
}

/* Our own field up to and including "b=". */
static void put_signature(const struct dkim_key *key, const struct textbuf *names,
                          const unsigned char *body_hash, int64_t unix_ms,
                          struct textbuf *out)
{
    char hash[BASE64_LENGTH(DKIM_HASH_BYTES) + 1];
    (void)base64_encode((const char *)body_hash, DKIM_HASH_BYTES, hash, sizeof hash);
    textbuf_printf(out,
                   "DKIM-Signature: v=1; a=%s-sha256; c=relaxed/relaxed;\r\n"
                   "\td=%s; s=%s;\r\n\tt=%lld; bh=%s;\r\n\t%.*s;\r\n\tb=",
                   dkim_key_is_rsa(key) ? "rsa" : "ed25519", dkim_key_domain(key),
                   dkim_key_selector(key), (long long)(unix_ms / 1000), hash,
                   (int)names->length, names->bytes);
}

int dkim_sign(const struct dkim_key *key, const char *header, size_t header_length,
              const unsigned char body_hash[DKIM_HASH_BYTES], int64_t unix_ms,
              struct textbuf *out)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned char signature[DKIM_KEY_SIGNATURE_BYTES];
    size_t signature_length = 0;
    struct textbuf names;
    struct textbuf data;
    struct textbuf own;

    textbuf_init(&names, HEADER_BYTES);
    textbuf_init(&data, 2 * HEADER_BYTES);
    textbuf_init(&own, HEADER_BYTES);
    textbuf_text(&names, "h=");
    int rc = put_fields(header, header_length, &names, &data);
    if (rc != 0 || names.failed) {
        rc = rc != 0 ? rc : -ENOMEM;
        goto done;
    }
    put_signature(key, &names, body_hash, unix_ms, &own);
    struct message_field field;
    size_t at = 0;
    if (own.failed || !message_next_field(own.bytes, own.length, &at, &field)) {
        rc = -ENOMEM;
        goto done;
    }
    put_relaxed(&data, &field);
    if (data.failed) {
        rc = -ENOMEM;
        goto done;
    }
    if (EVP_Digest(data.bytes, data.length, hash, NULL, EVP_sha256(), NULL) != 1) {
        rc = -EIO;
        goto done;
    }
    rc = dkim_key_sign(key, hash, signature, &signature_length);
    if (rc != 0) {
        goto done;
    }
    put_base64(&own, signature, signature_length);
    textbuf_text(&own, "\r\n");
    if (!own.failed) {
        textbuf_append(out, own.bytes, own.length);
    }
    rc = own.failed || out->failed ? -ENOMEM : 0;
done:
    textbuf_done(&names);
    textbuf_done(&data);
    textbuf_done(&own);
    return rc;
}
