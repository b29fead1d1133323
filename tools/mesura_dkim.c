/* Keys that sign mail: made, changed for another with an overlap, and the records that
 * publish them. Works on files and prints; what signs is said in the configuration. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "relay/dkim.h"
#include "relay/textbuf.h"

#include "tools/mesura_command.h"

#define FOLDER       "/etc/mesura/dkim"
#define PATH_BYTES   1024
#define RECORD_BYTES 8192
#define CHUNK        250 /* of a character string in a zone file; 255 is the most */
#define BITS         2048U
#define DAY_S        86400
#define PUBLISH_DAYS 2 /* until the new record is seen everywhere */
#define KEEP_DAYS    7 /* the old one's, for mail that is still on its way */

static int say(const char *what, const char *path, const char *why)
{
    (void)fprintf(stderr, "mesura: %s %s: %s\n", what, path, why);
    return -1;
}

/* ---- making one ---- */

static EVP_PKEY *make_key(const struct mesura_args *args)
{
    const char *type = mesura_args_get(args, "type");
    const char *bits_text = mesura_args_get(args, "bits");
    unsigned bits = bits_text[0] != '\0' ? (unsigned)strtoul(bits_text, NULL, 10) : BITS;
    if (strcmp(type, "ed25519") == 0) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    if (type[0] != '\0' && strcmp(type, "rsa") != 0) {
        (void)fprintf(stderr, "mesura: --type is rsa or ed25519\n");
        return NULL;
    }
    if (bits < BITS || bits > 4096) {
        (void)fprintf(stderr, "mesura: --bits is 2048 to 4096\n");
        return NULL;
    }
    return EVP_RSA_gen(bits);
}

/* A new file that nobody else may read; one that is there stays as it is. */
static int write_key(EVP_PKEY *key, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        return say("cannot make", path, strerrordesc_np(errno));
    }
    bool is_written = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    is_written = fflush(file) == 0 && is_written;
    is_written = fsync(fileno(file)) == 0 && is_written;
    is_written = fclose(file) == 0 && is_written;
    if (!is_written) {
        (void)unlink(path);
        return say("cannot write", path, "the disk refuses");
    }
    return 0;
}

static void path_of(const struct mesura_args *args, const char *domain,
                    const char *selector, char out[PATH_BYTES])
{
    const char *path = mesura_args_get(args, "key");
    const char *folder = mesura_args_get(args, "dir");
    if (path[0] != '\0') {
        (void)snprintf(out, PATH_BYTES, "%s", path);
    } else {
        (void)snprintf(out, PATH_BYTES, "%s/%s.%s.pem",
                       folder[0] != '\0' ? folder : FOLDER, domain, selector);
    }
}

static enum mesura_exit make_file(const struct mesura_args *args, const char *path)
{
    EVP_PKEY *key = make_key(args);
    if (key == NULL) {
        return MESURA_USAGE;
    }
    int rc = write_key(key, path);
    EVP_PKEY_free(key);
    return rc == 0 ? MESURA_DONE : MESURA_NOTHING;
}

/* ---- what to publish ---- */

/* A name server wants a long text in pieces. */
static void print_record(const char *domain, const char *selector, const char *text)
{
    (void)printf("%s._domainkey.%s. IN TXT (", selector, domain);
    for (size_t at = 0; text[at] != '\0';) {
        size_t length = strnlen(text + at, CHUNK);
        (void)printf(" \"%.*s\"", (int)length, text + at);
        at += length;
    }
    (void)puts(" )");
}

static void print_json(const char *domain, const char *selector, const char *path,
                       const char *text)
{
    json_t *document =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "record", text, "domain", domain,
                  "selector", selector, "key", path, "type", "TXT");
    json_t *name = json_sprintf("%s._domainkey.%s", selector, domain);
    (void)json_object_set_new(document, "name", name);
    (void)json_dumpf(document, stdout, JSON_INDENT(2));
    (void)putchar('\n');
    json_decref(document);
}

static enum mesura_exit print_key(const struct mesura_args *args, const char *domain,
                                  const char *selector, const char *path)
{
    struct dkim_key *key = NULL;
    struct errmsg err;
    struct textbuf text;
    if (dkim_key_open(&key, domain, selector, path, &err) != 0) {
        (void)say("cannot use", path, err.text);
        return MESURA_NOTHING;
    }
    textbuf_init(&text, RECORD_BYTES);
    int rc = dkim_key_record(key, &text);
    textbuf_append(&text, "", 1);
    if (rc != 0 || text.failed) {
        (void)say("cannot use", path, "it has no public half");
    } else if (args->is_json) {
        print_json(domain, selector, path, text.bytes);
    } else {
        print_record(domain, selector, text.bytes);
    }
    textbuf_done(&text);
    dkim_key_free(key);
    return rc == 0 ? MESURA_DONE : MESURA_NOTHING;
}

enum mesura_exit mesura_dkim_record(const struct mesura_args *args)
{
    char path[PATH_BYTES];
    path_of(args, args->names[0], args->names[1], path);
    return print_key(args, args->names[0], args->names[1], path);
}

enum mesura_exit mesura_dkim_new(const struct mesura_args *args)
{
    char path[PATH_BYTES];
    path_of(args, args->names[0], args->names[1], path);
    enum mesura_exit result = make_file(args, path);
    if (result != MESURA_DONE) {
        return result;
    }
    result = print_key(args, args->names[0], args->names[1], path);
    if (result == MESURA_DONE && !args->is_json) {
        (void)printf("\nPublish this record; when it is seen, add to dkim in the "
                     "configuration and reload:\n"
                     "  { domain = \"%s\"; selector = \"%s\"; key = \"%s\"; }\n",
                     args->names[0], args->names[1], path);
    }
    return result;
}

/* ---- another in its place ---- */

static void print_day(time_t at, char out[32])
{
    struct tm parts;
    out[0] = '\0';
    if (gmtime_r(&at, &parts) != NULL) {
        (void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
}

/* The new key begins to sign when its record is known, the old one ends then, and its
 * record stays for what is on its way. */
enum mesura_exit mesura_dkim_rotate(const struct mesura_args *args)
{
    const char *domain = args->names[0];
    const char *old = args->names[1];
    const char *new = args->names[2];
    char path[PATH_BYTES];
    char begins[32];
    char remove_at[32];
    struct timespec now = {0};
    path_of(args, domain, new, path);
    enum mesura_exit result = make_file(args, path);
    if (result != MESURA_DONE) {
        return result;
    }
    result = print_key(args, domain, new, path);
    if (result != MESURA_DONE || args->is_json) {
        return result;
    }
    (void)timespec_get(&now, TIME_UTC);
    print_day(now.tv_sec + (time_t)PUBLISH_DAYS * DAY_S, begins);
    print_day(now.tv_sec + (time_t)(PUBLISH_DAYS + KEEP_DAYS) * DAY_S, remove_at);
    (void)printf(
        "\n1. Publish this record now.\n"
        "2. In the configuration give the entry of selector \"%s\"\n"
        "     ends = \"%s\";\n"
        "   and add\n"
        "     { domain = \"%s\"; selector = \"%s\"; key = \"%s\"; begins = \"%s\"; }\n"
        "   then mesura reload. The keys change places by themselves.\n"
        "3. Take the record %s._domainkey.%s away after %s, not before: mail that it\n"
        "   signed is on its way until then.\n",
        old, begins, domain, new, path, begins, old, domain, remove_at);
    return MESURA_DONE;
}
