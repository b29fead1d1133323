/* A table to the text of a users file, put in place of the old one in one step.
 *
 * Good path: a temporary file beside the old one is written, synced and renamed over it.
 * Failure modes: anything fails: the temporary file is taken away and the old one stays
 * as it was. */

#include <arpa/inet.h>
#include <sys/file.h>
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
#include <time.h>
#include <unistd.h>

#include "relay/entropy.h"
#include "relay/users.h"

#define PATH_BYTES    4096
#define LOCK_PAUSE_MS 20
#define TOKEN_BEGIN   "mesura_"
#define HASH_MEMORY   ((size_t)64 * 1024 * 1024)
#define HASH_PASSES   2

static void print_texts(FILE *out, const char *key, const char *const *texts,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(out, "%s%s%s%s", i == 0 ? " " : ",", i == 0 ? key : "",
                      i == 0 ? "=" : "", texts[i]);
    }
}

const char *users_network_print(const struct users_network *network,
                                char out[USERS_NETWORK_BYTES])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN] = "";
    bool is_four = network->bits >= 96 && memcmp(network->address, mapped, 12) == 0;
    const uint8_t *address = network->address + (is_four ? 12 : 0);
    (void)inet_ntop(is_four ? AF_INET : AF_INET6, address, text, sizeof text);
    (void)snprintf(out, USERS_NETWORK_BYTES, "%s/%u", text,
                   network->bits - (is_four ? 96U : 0U));
    return out;
}

static void print_number(FILE *out, const char *key, uint64_t value)
{
    if (value != 0) {
        (void)fprintf(out, " %s=%" PRIu64, key, value);
    }
}

static void print_prints(FILE *out, const char *key, const struct users_token *prints,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char hex[USERS_TOKEN_BYTES * 2 + 1];
        (void)sodium_bin2hex(hex, sizeof hex, prints[i].hash, USERS_TOKEN_BYTES);
        (void)fprintf(out, "%s%s%s%s", i == 0 ? " " : ",", i == 0 ? key : "",
                      i == 0 ? "=" : "", hex);
    }
}

static void print_user(FILE *out, const struct users_user *user)
{
    (void)fprintf(out, "%s %s", user->name, user->hash[0] == '\0' ? "-" : user->hash);
    print_texts(out, "streams", user->streams, user->stream_count);
    print_texts(out, "from", user->from, user->from_count);
    for (size_t i = 0; i < user->network_count; i++) {
        char text[USERS_NETWORK_BYTES];
        (void)fprintf(out, "%s%s", i == 0 ? " networks=" : ",",
                      users_network_print(&user->networks[i], text));
    }
    print_number(out, "per_minute", user->per_minute);
    print_number(out, "per_hour", user->per_hour);
    print_number(out, "per_day", user->per_day);
    print_number(out, "max_message", user->max_message_bytes);
    if (user->priority_low != 0 || user->priority_high != 9) {
        (void)fprintf(out, " priority=%d-%d", user->priority_low, user->priority_high);
    }
    print_prints(out, "token", user->tokens, user->token_count);
    print_prints(out, "certificate", user->certificates, user->certificate_count);
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

static void directory_of(const char *path, char out[PATH_BYTES])
{
    (void)snprintf(out, PATH_BYTES, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash == NULL) {
        (void)snprintf(out, PATH_BYTES, ".");
    } else {
        slash[slash == out ? 1 : 0] = '\0';
    }
}

/* A new file: for its owner, and for the directory's group where that is a daemon's. */
static int set_owner(const char *path, int fd)
{
    char dir[PATH_BYTES];
    struct stat meta;
    directory_of(path, dir);
    if (stat(dir, &meta) < 0) {
        return -errno;
    }
    bool for_group =
        meta.st_gid != 0 && meta.st_gid != getegid() && fchown(fd, -1U, meta.st_gid) == 0;
    return fchmod(fd, for_group ? 0640 : 0600) < 0 ? -errno : 0;
}

/* The owner and mode of the file that is replaced, so that the daemon can still read it.
 */
static int copy_owner(const char *path, int fd)
{
    struct stat meta;
    if (stat(path, &meta) < 0) {
        return errno == ENOENT ? set_owner(path, fd) : -errno;
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
    directory_of(path, dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int failed = fsync(fd) < 0 ? -errno : 0;
    (void)close(fd);
    return failed;
}

int users_lock(const char *path, unsigned wait_ms, struct errmsg *err)
{
    assert(path != NULL);
    char lock[PATH_BYTES];
    int failed = 0;
    if (snprintf(lock, sizeof lock, "%s.lock", path) >= (int)sizeof lock) {
        errmsg_set(err, "lock users file: the path is too long");
        return -ENAMETOOLONG;
    }
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        failed = -errno;
        errmsg_errno(err, failed, "lock users file %s", path);
        return failed;
    }
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
    for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0;
         waited += LOCK_PAUSE_MS) {
        if (errno != EWOULDBLOCK || waited >= wait_ms) {
            failed = -errno;
            errmsg_errno(err, failed, "users file %s is being changed by another command",
                         path);
            (void)close(fd);
            return failed;
        }
        (void)nanosleep(&pause, NULL);
    }
    return fd;
}

void users_unlock(int lock)
{
    (void)close(lock); /* the file stays: taking it away would let two in */
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
