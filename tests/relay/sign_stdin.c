/* For check_dkim.py: signs the message on standard input with each key named and writes
 * it to standard output; with --record it writes the key's record. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/dkim.h"

static char *read_all(size_t *out_length)
{
    size_t cap = 1 << 16;
    size_t length = 0;
    char *bytes = malloc(cap);
    while (bytes != NULL) {
        size_t got = fread(bytes + length, 1, cap - length, stdin);
        length += got;
        if (got == 0) {
            break;
        }
        if (length == cap) {
            cap *= 2;
            bytes = realloc(bytes, cap);
        }
    }
    *out_length = length;
    return bytes;
}

static int sign(const char *path, const char *selector, const char *bytes, size_t length)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    struct dkim_key *key = NULL;
    struct errmsg err;
    struct textbuf out;
    unsigned char hash[DKIM_HASH_BYTES];
    if (end == NULL || dkim_key_open(&key, "x.example", selector, path, &err) != 0) {
        return 1;
    }
    size_t header = (size_t)(end - bytes) + 4;
    struct dkim_body *body = dkim_body_new();
    for (size_t at = header; at < length; at += 1000) {
        dkim_body_feed(body, bytes + at, length - at < 1000 ? length - at : 1000);
    }
    textbuf_init(&out, 65536);
    int rc = dkim_body_end(body, hash);
    rc = rc != 0 ? rc : dkim_sign(key, bytes, header, hash, 1795304196000, &out);
    if (rc == 0) {
        (void)fwrite(out.bytes, 1, out.length, stdout);
    }
    dkim_body_free(body);
    dkim_key_free(key);
    textbuf_done(&out);
    return rc;
}

static int record(const char *path)
{
    struct dkim_key *key = NULL;
    struct errmsg err;
    struct textbuf out;
    if (dkim_key_open(&key, "x.example", "s", path, &err) != 0) {
        return 1;
    }
    textbuf_init(&out, 4096);
    int rc = dkim_key_record(key, &out);
    (void)printf("%s", rc == 0 ? out.bytes : "");
    textbuf_done(&out);
    dkim_key_free(key);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--record") == 0) {
        return record(argv[2]);
    }
    size_t length = 0;
    char *bytes = read_all(&length);
    int rc = bytes == NULL || argc < 3 ? 1 : 0;
    for (int i = 1; i + 1 < argc && rc == 0; i += 2) {
        rc = sign(argv[i], argv[i + 1], bytes, length);
    }
    if (rc == 0) {
        (void)fwrite(bytes, 1, length, stdout);
    }
    free(bytes);
    return rc == 0 ? 0 : 1;
}
