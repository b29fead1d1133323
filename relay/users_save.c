/* A table to the text of a users file, put in place of the old one in one step.
 *
 * Good path: a temporary file beside the old one is written, synced and renamed over it.
 * Failure modes: anything fails: the temporary file is taken away and the old one stays
 * as it was. */

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/entropy.h"
#include "relay/users.h"

#define PATH_BYTES  4096
#define NEW_MODE    0640
#define TOKEN_BEGIN "mesura_"
#define HASH_MEMORY ((size_t)64 * 1024 * 1024)
#define HASH_PASSES 2

static void print_texts(FILE *out, const char *key, const char *const *texts,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, "%s%s%s%s", i == 0 ? " " : ",", i == 0 ? key : "",
                      i == 0 ? "=" : "", texts[i]);
    }
}

static void print_network(FILE *out, const struct users_network *network)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN] = "";
    bool is_four = network->bits >= 96 && memcmp(network->address, mapped, 12) == 0;
    const uint8_t *address = network->address + (is_four ? 12 : 0);
    (void)inet_ntop(is_four ? AF_INET : AF_INET6, address, text, sizeof text);
    (void)fprintf(out, "%s/%u", text, network->bits - (is_four ? 96U : 0U));
}

static void print_number(FILE *out, const char *key, uint64_t value)
{
    if (value != 0) {
        (void)fprintf(out, " %s=%" PRIu64, key, value);
    }
}

static void print_user(FILE *out, const struct users_user *user)
{
    (void)fprintf(out, "%s %s", user->name, user->hash[0] == '\0' ? "-" : user->hash);
    print_texts(out, "streams", user->streams, user->stream_count);
    print_texts(out, "from", user->from, user->from_count);
    for (size_t i = 0; i < user->network_count; i++) {
        (void)fputs(i == 0 ? " networks=" : ",", out);
        print_network(out, &user->networks[i]);
    }
    print_number(out, "per_minute", user->per_minute);
    print_number(out, "per_hour", user->per_hour);
    print_number(out, "per_day", user->per_day);
    print_number(out, "max_message", user->max_message_bytes);
    if (user->priority_low != 0 || user->priority_high != 9) {
        (void)fprintf(out, " priority=%d-%d", user->priority_low, user->priority_high);
    }
    for (size_t i = 0; i < user->token_count; i++) {
        char hex[USERS_TOKEN_BYTES * 2 + 1];
        (void)sodium_bin2hex(hex, sizeof hex, user->tokens[i].hash, USERS_TOKEN_BYTES);
        (void)fprintf(out, "%s%s", i == 0 ? " token=" : ",", hex);
    }
    (void)fputs(user->is_disabled ? " disabled\n" : "\n", out);
}

/* The whole text into fd, synced. */
static int write_text(const struct users *users, int fd)
{
    FILE *out = fdopen(fd, "w");
    if (out == NULL) {
        int failed = -errno;
        (void)close(fd);
        return failed;
    }
    (void)fputs("# Written by `mesura user`. NAME HASH [KEY=VALUE ...]\n", out);
    for (size_t i = 0; i < users_count(users); i++) {
        print_user(out, users_at(users, i));
    }
    int failed = 0;
    if (fflush(out) != 0 || ferror(out) != 0 || fsync(fd) != 0) {
        failed = errno == 0 ? -EIO : -errno;
    }
    if (fclose(out) != 0 && failed == 0) {
        failed = -errno;
    }
    return failed;
}

/* The owner and mode of the file that is replaced, so that the daemon can still read it.
 */
static int copy_owner(const char *path, int fd)
{
    struct stat meta;
    if (stat(path, &meta) < 0) {
        return errno == ENOENT ? (fchmod(fd, NEW_MODE) < 0 ? -errno : 0) : -errno;
    }
    if (fchown(fd, meta.st_uid, meta.st_gid) < 0 && errno != EPERM) {
        return -errno;
    }
    return fchmod(fd, meta.st_mode & 0750) < 0 ? -errno : 0;
}

/* The name is durable once its directory is. */
static int sync_dir(const char *path)
{
    char dir[PATH_BYTES];
    (void)snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL) {
        (void)snprintf(dir, sizeof dir, ".");
    } else {
        slash[slash == dir ? 1 : 0] = '\0';
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int failed = fsync(fd) < 0 ? -errno : 0;
    (void)close(fd);
    return failed;
}

static int save(const struct users *users, const char *path, const char *temporary,
                int fd)
{
    int failed = copy_owner(path, fd);
    if (failed < 0) {
        (void)close(fd);
        return failed;
    }
    failed = write_text(users, fd);
    if (failed == 0 && rename(temporary, path) < 0) {
        failed = -errno;
    }
    return failed == 0 ? sync_dir(path) : failed;
}

int users_save(const struct users *users, const char *path, struct errmsg *err)
{
    assert(users != NULL);
    assert(path != NULL);
    char temporary[PATH_BYTES];
    if (snprintf(temporary, sizeof temporary, "%s.new-XXXXXX", path) >=
        (int)sizeof temporary) {
        errmsg_set(err, "write users file: the path is too long");
        return -ENAMETOOLONG;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    int failed = fd < 0 ? -errno : save(users, path, temporary, fd);
    if (failed < 0) {
        errmsg_errno(err, failed, "write users file %s", path);
        if (fd >= 0) {
            (void)unlink(temporary);
        }
    }
    return failed;
}

int users_hash(const char *password, char out_hash[USERS_HASH_BYTES])
{
    assert(password != NULL);
    char hash[crypto_pwhash_STRBYTES] = "";
    if (crypto_pwhash_str_alg(hash, password, strlen(password), HASH_PASSES, HASH_MEMORY,
                              crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return -ENOMEM;
    }
    memcpy(out_hash, hash, sizeof hash);
    return 0;
}

void users_make_token(char out_token[USERS_TOKEN_TEXT_BYTES],
                      struct users_token *out_kept)
{
    assert(out_kept != NULL);
    uint8_t secret[32];
    entropy_bytes(secret, sizeof secret);
    size_t used = sizeof TOKEN_BEGIN - 1;
    memcpy(out_token, TOKEN_BEGIN, used);
    (void)sodium_bin2base64(out_token + used, USERS_TOKEN_TEXT_BYTES - used, secret,
                            sizeof secret, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    (void)crypto_generichash(out_kept->hash, sizeof out_kept->hash,
                             (const unsigned char *)out_token, strlen(out_token), NULL,
                             0);
    sodium_memzero(secret, sizeof secret);
}

_Static_assert(crypto_pwhash_STRBYTES == USERS_HASH_BYTES, "a hash fits its field");
