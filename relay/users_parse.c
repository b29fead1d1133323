/* The text of a users file to a table, every error in one pass. */

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/arena.h"
#include "relay/limits.h"
#include "relay/users.h"
#include "relay/users_table.h"

#define FORBIDDEN_MODE (S_IWGRP | S_IRWXO)

/* One line being read; the arrays are the user's while it is put into the table. */
struct line {
    const char *file;
    unsigned number;
    struct users_errors *errors;
    bool is_bad;
    struct users_user user;
    const char *streams[USERS_LIST_ITEMS];
    const char *from[USERS_LIST_ITEMS];
    struct users_network networks[USERS_LIST_ITEMS];
    struct users_token tokens[USERS_LIST_ITEMS];
    struct users_token certificates[USERS_LIST_ITEMS];
};

static void add_error(struct line *line, const struct errmsg *what)
{
    struct users_errors *errors = line->errors;
    line->is_bad = true;
    if (errors->count < USERS_ERRORS) {
        errmsg_set(&errors->told[errors->count], "%s:%u: %s", line->file, line->number,
                   what->text);
    }
    errors->count++;
}

static void add_plain_error(struct line *line, const char *what)
{
    struct errmsg err;
    errmsg_set(&err, "%s", what);
    add_error(line, &err);
}

/* Cut the next item off a list; NULL after the last. An empty item is "". */
static char *next_item(char **rest)
{
    char *item = *rest;
    if (item == NULL) {
        return NULL;
    }
    char *comma = strchr(item, ',');
    *rest = comma == NULL ? NULL : comma + 1;
    if (comma != NULL) {
        *comma = '\0';
    }
    return item;
}

static void read_texts(struct line *line, char *value, const char **texts, size_t *count)
{
    for (char *item = next_item(&value); item != NULL; item = next_item(&value)) {
        if (*count == USERS_LIST_ITEMS) {
            add_plain_error(line, "the list is too long: at most 64 items");
            return;
        }
        texts[*count] = item;
        (*count)++;
    }
}

static void read_networks(struct line *line, char *value)
{
    for (char *item = next_item(&value); item != NULL; item = next_item(&value)) {
        struct errmsg err;
        if (line->user.network_count == USERS_LIST_ITEMS) {
            add_plain_error(line, "the list is too long: at most 64 items");
            return;
        }
        if (!users_table_network(item, &line->networks[line->user.network_count])) {
            errmsg_set(&err,
                       "\"%.64s\" is no network: write 192.0.2.0/24 or 2001:db8::/32",
                       item);
            add_error(line, &err);
            return;
        }
        line->user.network_count++;
    }
}

static void read_prints(struct line *line, char *value, struct users_token *prints,
                        size_t *count, const char *what)
{
    for (char *item = next_item(&value); item != NULL; item = next_item(&value)) {
        size_t size = 0;
        const char *end = NULL;
        bool fits = *count < USERS_LIST_ITEMS;
        if (!fits ||
            sodium_hex2bin(prints[*count].hash, USERS_TOKEN_BYTES, item, strlen(item),
                           NULL, &size, &end) != 0 ||
            size != USERS_TOKEN_BYTES || *end != '\0') {
            add_plain_error(line, fits ? what : "the list is too long: at most 64 items");
            return;
        }
        (*count)++;
    }
}

static void read_priority(struct line *line, const char *value)
{
    bool is_good = strlen(value) == 3 && value[1] == '-' && value[0] >= '0' &&
                   value[0] <= '9' && value[2] >= '0' && value[2] <= '9';
    if (!is_good) {
        add_plain_error(line,
                        "priority is LOW-HIGH, each 0 to 9, for example priority=0-5");
        return;
    }
    line->user.priority_low = (uint8_t)(value[0] - '0');
    line->user.priority_high = (uint8_t)(value[2] - '0');
}

/* Returns false when key is none of ours. */
static bool read_limit(struct line *line, const char *key, const char *value)
{
    struct {
        const char *key;
        uint32_t *out;
    } const limits[] = {{"per_minute", &line->user.per_minute},
                        {"per_hour", &line->user.per_hour},
                        {"per_day", &line->user.per_day}};
    uint64_t number = 0;
    struct errmsg err;
    errmsg_set(&err, "%s is a whole number (0: no limit), not \"%.40s\"", key, value);
    if (strcmp(key, "max_message") == 0) {
        if (users_table_number(value, UINT64_MAX / 2, &number)) {
            line->user.max_message_bytes = number;
        } else {
            add_error(line, &err);
        }
        return true;
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(key, limits[i].key) == 0) {
            if (users_table_number(value, UINT32_MAX, &number)) {
                *limits[i].out = (uint32_t)number;
            } else {
                add_error(line, &err);
            }
            return true;
        }
    }
    return false;
}

static void lower(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z') {
            *at = (char)(*at - 'A' + 'a');
        }
    }
}

static void read_setting(struct line *line, char *word)
{
    struct errmsg err;
    char *value = strchr(word, '=');
    if (strcmp(word, "disabled") == 0) {
        line->user.is_disabled = true;
        return;
    }
    if (value == NULL || value[1] == '\0') {
        errmsg_set(&err, "\"%.40s\" has no value: write KEY=VALUE or disabled", word);
        add_error(line, &err);
        return;
    }
    *value = '\0';
    value++;
    if (strcmp(word, "streams") == 0) {
        read_texts(line, value, line->streams, &line->user.stream_count);
    } else if (strcmp(word, "from") == 0) {
        lower(value);
        read_texts(line, value, line->from, &line->user.from_count);
    } else if (strcmp(word, "networks") == 0) {
        read_networks(line, value);
    } else if (strcmp(word, "token") == 0) {
        read_prints(
            line, value, line->tokens, &line->user.token_count,
            "a token is 64 hexadecimal digits, as `mesura user token` writes them");
    } else if (strcmp(word, "certificate") == 0) {
        read_prints(line, value, line->certificates, &line->user.certificate_count,
                    "a certificate is its SHA-256 fingerprint: 64 hexadecimal digits");
    } else if (strcmp(word, "priority") == 0) {
        read_priority(line, value);
    } else if (!read_limit(line, word, value)) {
        errmsg_set(
            &err,
            "\"%.40s\" is unknown: known are streams from networks per_minute per_hour "
            "per_day max_message priority token certificate disabled",
            word);
        add_error(line, &err);
    }
}

static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t\r");
    if (*word == '\0') {
        return NULL;
    }
    char *end = word + strcspn(word, " \t\r");
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

static void read_words(struct line *line, char *rest)
{
    const char *name = next_word(&rest);
    const char *hash = next_word(&rest);
    if (name == NULL || hash == NULL) {
        add_plain_error(
            line, "a line is NAME HASH [KEY=VALUE ...]; without a password write -");
        return;
    }
    if (strlen(name) >= USERS_NAME_BYTES) {
        add_plain_error(line, "the name is too long");
        return;
    }
    memcpy(line->user.name, name, strlen(name) + 1);
    if (strlen(hash) >= USERS_HASH_BYTES) {
        add_plain_error(line, "the hash is too long to be one");
        return;
    }
    if (strcmp(hash, "-") != 0) {
        memcpy(line->user.hash, hash, strlen(hash) + 1);
    }
    for (char *word = next_word(&rest); word != NULL; word = next_word(&rest)) {
        read_setting(line, word);
    }
}

static void read_line(struct line *line, char *text, struct users *users)
{
    line->is_bad = false;
    line->user = (struct users_user){.priority_high = 9,
                                     .streams = line->streams,
                                     .from = line->from,
                                     .networks = line->networks,
                                     .tokens = line->tokens,
                                     .certificates = line->certificates};
    read_words(line, text);
    struct errmsg err;
    if (line->is_bad) {
        return;
    }
    if (users_find(users, line->user.name) != NULL) {
        errmsg_set(&err, "user %s is already above; take one of the two lines away",
                   line->user.name);
        add_error(line, &err);
    } else if (users_put(users, &line->user, &err) < 0) {
        add_error(line, &err);
    }
}

int users_parse(struct users **out, const char *file, const char *text, size_t size,
                struct users_errors *errors)
{
    assert(out != NULL);
    assert(text != NULL || size == 0);
    assert(errors != NULL);
    errors->count = 0;
    struct users *users = users_new();
    struct line *line = arena_must(1, sizeof *line);
    char *copy = arena_must(1, LIMIT_USERS_LINE);
    line->file = file;
    line->errors = errors;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - text) - at;
        line->number++;
        if (length >= LIMIT_USERS_LINE || memchr(text + at, '\0', length) != NULL) {
            add_plain_error(line, "the line is too long or not text");
        } else {
            memcpy(copy, text + at, length);
            copy[length] = '\0';
            size_t blanks = strspn(copy, " \t\r");
            if (copy[blanks] != '\0' && copy[blanks] != '#') {
                read_line(line, copy, users);
            }
        }
        at += length + 1;
    }
    free(copy);
    free(line);
    if (errors->count > 0) {
        users_free(users);
        return -EINVAL;
    }
    *out = users;
    return 0;
}

static int tell(struct users_errors *errors, int failed, const char *path,
                const char *what)
{
    errors->count = 1;
    errmsg_errno(&errors->told[0], failed, "%s: %s", path, what);
    return failed;
}

static int read_open_file(struct users **out, const char *path, int fd,
                          struct users_errors *errors)
{
    struct stat meta;
    if (fstat(fd, &meta) < 0) {
        return tell(errors, -errno, path, "fstat");
    }
    if (!S_ISREG(meta.st_mode) || meta.st_size > (off_t)LIMIT_USERS_FILE) {
        return tell(errors, -EFBIG, path, "not a file of at most 16 MiB");
    }
    if ((meta.st_mode & FORBIDDEN_MODE) != 0) {
        return tell(errors, -EPERM, path,
                    "others may read it or the group may write it: chmod 0640");
    }
    char *text = arena_must(1, LIMIT_USERS_FILE);
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < LIMIT_USERS_FILE) {
        got = read(fd, text + size, LIMIT_USERS_FILE - size);
        size += got > 0 ? (size_t)got : 0;
    }
    int failed = got < 0 ? tell(errors, -errno, path, "read")
                         : users_parse(out, path, text, size, errors);
    sodium_memzero(text, size);
    free(text);
    return failed;
}

int users_load(struct users **out, const char *path, struct users_errors *errors)
{
    assert(out != NULL);
    assert(path != NULL);
    assert(errors != NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return tell(errors, -errno, path, "open");
    }
    int failed = read_open_file(out, path, fd, errors);
    (void)close(fd);
    return failed;
}
