/* The users file: who may submit, from where, as whom and how much.
 *
 * One user a line, written by `mesura user`:
 *   NAME HASH [streams=a,b] [from=example.com,*.example.org,me@example.net]
 * [networks=CIDR,…] [per_minute=N] [per_hour=N] [per_day=N] [max_message=BYTES]
 * [priority=LOW-HIGH] [token=HEX,…] [certificate=HEX,…] [disabled] HASH is an argon2id
 * string, or "-" for a user without a password. '#' begins a comment line. The table is
 * immutable once loaded, counted by references, and may be read by any thread; core
 * publishes it and replaces it whole. Checking passwords is relay/auth.h's. */

#ifndef RELAY_USERS_H
#define RELAY_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#define USERS_NAME_BYTES  128 /* with terminator; letters, digits and . _ - + @ */
#define USERS_HASH_BYTES  128 /* libsodium's crypto_pwhash_STRBYTES */
#define USERS_TOKEN_BYTES 32  /* BLAKE2b of an API token, SHA-256 of a certificate */
#define USERS_LIST_ITEMS  64  /* of streams, from, networks, tokens, certificates */
#define USERS_ERRORS      20  /* told in one pass */

struct users;

struct users_network {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;        /* 0-128 */
};

struct users_token {
    uint8_t hash[USERS_TOKEN_BYTES];
};

/* Arrays and texts are owned by the table. An empty list allows everything, except those
 * of tokens and certificates. Limits of 0 are none. */
struct users_user {
    char name[USERS_NAME_BYTES];
    char hash[USERS_HASH_BYTES]; /* "" without a password */
    bool is_disabled;
    uint8_t priority_low; /* 0-9; by default 0-9 */
    uint8_t priority_high;
    uint32_t per_minute; /* recipients */
    uint32_t per_hour;
    uint32_t per_day;
    uint64_t max_message_bytes;
    const char **streams;
    size_t stream_count;
    const char **from; /* lower case: "example.com", "*.example.com", "me@example.com" */
    size_t from_count;
    struct users_network *networks;
    size_t network_count;
    struct users_token *tokens;
    size_t token_count;
    struct users_token *certificates; /* a client's, by fingerprint: logs it in */
    size_t certificate_count;
};

/* What is wrong: "FILE:LINE: what is wrong and what would be right", one per line of
 * text. */
struct users_errors {
    unsigned count; /* all found; the first USERS_ERRORS are told */
    struct errmsg told[USERS_ERRORS];
};

/* Read the file into *out (the caller's; users_free). Returns 0; -EINVAL when the file is
 * wrong (errors says all) and *out is untouched; -EPERM when others may read it or its
 * group may read or write it; or the errno of reading it. A missing file is -ENOENT. */
ATTR_MUST_CHECK int users_load(struct users **out, const char *path,
                               struct users_errors *errors);

/* As users_load, from memory; file is the name used in errors. */
ATTR_MUST_CHECK int users_parse(struct users **out, const char *file, const char *text,
                                size_t size, struct users_errors *errors);

/* An empty table with one reference, for users_put. */
struct users *users_new(void);

/* Any thread. users_ref returns its argument; users_free gives one reference back, and
 * the table goes with the last. NULL may be freed. */
struct users *users_ref(struct users *users);
void users_free(struct users *users);

size_t users_count(const struct users *users);
const struct users_user *users_at(const struct users *users, size_t index); /* by name */

/* NULL when there is none. Names compare by ASCII letters without case. */
const struct users_user *users_find(const struct users *users, const char *name);

/* The user an API token belongs to, or NULL. Takes the same time for every wrong token.
 */
const struct users_user *users_find_token(const struct users *users, const char *token);

/* The user a client's certificate belongs to, by its SHA-256 fingerprint, or NULL. */
const struct users_user *users_find_certificate(const struct users *users,
                                                const uint8_t print[USERS_TOKEN_BYTES]);

/* May this user use the stream, send as the address ("" is the null sender, which is
 * allowed), come from the address (text form)? */
bool users_may_stream(const struct users_user *user, const char *stream);
bool users_may_send_as(const struct users_user *user, const char *address);
bool users_may_come_from(const struct users_user *user, const char *ip);

/* "192.0.2.0/24" or "2001:db8::/32". Returns out. */
#define USERS_NETWORK_BYTES 64
const char *users_network_print(const struct users_network *network,
                                char out[USERS_NETWORK_BYTES]);

/* Add a user or put it in place of the one with its name; a copy is made. Returns 0, or
 * -EINVAL with the reason when it could not be written to a file. Not on a published
 * table. */
ATTR_MUST_CHECK int users_put(struct users *users, const struct users_user *user,
                              struct errmsg *err);

/* Take a user away. False when there is none. Not on a published table. */
bool users_remove(struct users *users, const char *name);

/* Hold the file for a change: nobody else changes it until users_unlock. The lock is a
 * file of its own beside it (PATH.lock, mode 0600). Returns a descriptor, or a negative
 * errno: -EWOULDBLOCK after wait_ms, another command is at it. */
ATTR_MUST_CHECK int users_lock(const char *path, unsigned wait_ms, struct errmsg *err);
void users_unlock(int lock);

/* Write the file anew: a temporary file beside it, the old file's owner and mode, fsync,
 * rename, fsync of the directory. A new file is 0600; 0640 with the directory's group
 * where that is not root's, so that the daemon may read it. Comments of the old file are
 * not kept. */
ATTR_MUST_CHECK int users_save(const struct users *users, const char *path,
                               struct errmsg *err);

/* Make the hash of a password with our cost (64 MiB, 2 passes: about 75 ms). Negative
 * errno without memory. */
ATTR_MUST_CHECK int users_hash(const char *password, char out_hash[USERS_HASH_BYTES]);

/* Make an API token ("mesura_" and 43 letters, shown once) and what the file keeps of it.
 */
#define USERS_TOKEN_TEXT_BYTES 64
void users_make_token(char out_token[USERS_TOKEN_TEXT_BYTES],
                      struct users_token *out_kept);

#endif
