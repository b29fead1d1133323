#include "relay/users.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/arena.h"
#include "relay/limits.h"
#include "relay/users_table.h"

struct users {
    struct users_user **rows; /* owned, and what they point to; in the order of names */
    size_t count;
    size_t size;
    unsigned refs; /* atomic */
};

struct users *users_new(void)
{
    struct users *users = arena_must(1, sizeof *users);
    users->refs = 1;
    return users;
}

struct users *users_ref(struct users *users)
{
    assert(users != NULL);
    (void)__atomic_add_fetch(&users->refs, 1, __ATOMIC_RELAXED);
    return users;
}

static void user_free(struct users_user *user)
{
    if (user != NULL) {
        free(user->streams);
        free(user->from);
        free(user->networks);
        free(user->tokens);
        free(user->certificates);
        free(user);
    }
}

void users_free(struct users *users)
{
    if (users != NULL && __atomic_sub_fetch(&users->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        for (size_t i = 0; i < users->count; i++) {
            user_free(users->rows[i]);
        }
        free(users->rows);
        free(users);
    }
}

size_t users_count(const struct users *users)
{
    assert(users != NULL);
    return users->count;
}

const struct users_user *users_at(const struct users *users, size_t index)
{
    assert(users != NULL);
    assert(index < users->count);
    return users->rows[index];
}

/* Where name is, or would be. */
static size_t place_of(const struct users *users, const char *name, bool *out_is_found)
{
    size_t low = 0;
    size_t high = users->count;
    /* A file we wrote is in order: each name belongs at the end. */
    if (high > 0 && strcasecmp(users->rows[high - 1]->name, name) < 0) {
        low = high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcasecmp(users->rows[middle]->name, name);
        if (order == 0) {
            *out_is_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_is_found = false;
    return low;
}

const struct users_user *users_find(const struct users *users, const char *name)
{
    assert(users != NULL);
    assert(name != NULL);
    bool is_found = false;
    size_t place = place_of(users, name, &is_found);
    return is_found ? users->rows[place] : NULL;
}

const struct users_user *users_find_token(const struct users *users, const char *token)
{
    assert(users != NULL);
    assert(token != NULL);
    uint8_t hash[USERS_TOKEN_BYTES];
    (void)crypto_generichash(hash, sizeof hash, (const unsigned char *)token,
                             strnlen(token, USERS_TOKEN_TEXT_BYTES), NULL, 0);
    const struct users_user *found = NULL;
    for (size_t i = 0; i < users->count; i++) {
        const struct users_user *user = users->rows[i];
        for (size_t j = 0; j < user->token_count; j++) {
            if (sodium_memcmp(user->tokens[j].hash, hash, sizeof hash) == 0) {
                found = user;
            }
        }
    }
    return found;
}

const struct users_user *users_find_certificate(const struct users *users,
                                                const uint8_t print[USERS_TOKEN_BYTES])
{
    assert(users != NULL);
    for (size_t i = 0; i < users->count; i++) {
        const struct users_user *user = users->rows[i];
        for (size_t j = 0; j < user->certificate_count; j++) {
            if (memcmp(user->certificates[j].hash, print, USERS_TOKEN_BYTES) == 0) {
                return user;
            }
        }
    }
    return NULL;
}

bool users_may_stream(const struct users_user *user, const char *stream)
{
    assert(user != NULL);
    assert(stream != NULL);
    for (size_t i = 0; i < user->stream_count; i++) {
        if (strcmp(user->streams[i], stream) == 0) {
            return true;
        }
    }
    return user->stream_count == 0;
}

/* "*.example.com" is every name below example.com, not itself. */
static bool domain_matches(const char *pattern, const char *domain)
{
    if (strncmp(pattern, "*.", 2) != 0) {
        return strcasecmp(pattern, domain) == 0;
    }
    size_t tail_size = strlen(pattern + 1);
    size_t domain_size = strlen(domain);
    return domain_size > tail_size &&
           strcasecmp(domain + domain_size - tail_size, pattern + 1) == 0;
}

bool users_may_send_as(const struct users_user *user, const char *address)
{
    assert(user != NULL);
    assert(address != NULL);
    if (user->from_count == 0 || address[0] == '\0') {
        return true;
    }
    const char *at = strrchr(address, '@');
    if (at == NULL) {
        return false;
    }
    for (size_t i = 0; i < user->from_count; i++) {
        const char *pattern = user->from[i];
        bool is_match = strchr(pattern, '@') != NULL ? strcasecmp(pattern, address) == 0
                                                     : domain_matches(pattern, at + 1);
        if (is_match) {
            return true;
        }
    }
    return false;
}

static bool network_has(const struct users_network *network, const uint8_t address[16])
{
    size_t whole = network->bits / 8U;
    unsigned rest = network->bits % 8U;
    if (memcmp(network->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || ((network->address[whole] ^ address[whole]) >> (8U - rest)) == 0;
}

bool users_may_come_from(const struct users_user *user, const char *ip)
{
    assert(user != NULL);
    assert(ip != NULL);
    uint8_t address[16];
    if (user->network_count == 0) {
        return true;
    }
    if (!users_table_address(ip, address)) {
        return false;
    }
    for (size_t i = 0; i < user->network_count; i++) {
        if (network_has(&user->networks[i], address)) {
            return true;
        }
    }
    return false;
}

/* The array and its texts in one piece of memory. */
static const char **texts_copy(const char *const *texts, size_t count)
{
    size_t bytes = count * sizeof *texts;
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(texts[i]) + 1;
    }
    const char **copy = arena_must(1, bytes);
    char *at = (char *)copy + count * sizeof *texts;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(texts[i]) + 1;
        memcpy(at, texts[i], size);
        copy[i] = at;
        at += size;
    }
    return copy;
}

static void *array_copy(const void *array, size_t count, size_t size)
{
    void *copy = arena_must(count, size);
    if (count > 0) {
        memcpy(copy, array, count * size);
    }
    return copy;
}

static struct users_user *user_copy(const struct users_user *user)
{
    struct users_user *copy = arena_must(1, sizeof *copy);
    *copy = *user;
    copy->streams = texts_copy(user->streams, user->stream_count);
    copy->from = texts_copy(user->from, user->from_count);
    copy->networks =
        array_copy(user->networks, user->network_count, sizeof *user->networks);
    copy->tokens = array_copy(user->tokens, user->token_count, sizeof *user->tokens);
    copy->certificates = array_copy(user->certificates, user->certificate_count,
                                    sizeof *user->certificates);
    return copy;
}

static bool check_lists(const struct users_user *user, struct errmsg *err)
{
    if (user->stream_count > USERS_LIST_ITEMS || user->from_count > USERS_LIST_ITEMS ||
        user->network_count > USERS_LIST_ITEMS || user->token_count > USERS_LIST_ITEMS ||
        user->certificate_count > USERS_LIST_ITEMS) {
        errmsg_set(err, "a list holds at most %d items", USERS_LIST_ITEMS);
        return false;
    }
    for (size_t i = 0; i < user->stream_count; i++) {
        if (!users_table_is_stream(user->streams[i])) {
            errmsg_set(err, "\"%.64s\" is no stream's name", user->streams[i]);
            return false;
        }
    }
    for (size_t i = 0; i < user->from_count; i++) {
        if (!users_table_is_from(user->from[i])) {
            errmsg_set(err,
                       "\"%.64s\" is no sender: write example.com, *.example.com or "
                       "name@example.com",
                       user->from[i]);
            return false;
        }
    }
    for (size_t i = 0; i < user->network_count; i++) {
        if (user->networks[i].bits > 128) {
            errmsg_set(err, "a network has at most 128 bits");
            return false;
        }
    }
    return true;
}

static bool check_user(const struct users_user *user, struct errmsg *err)
{
    if (!users_table_is_name(user->name)) {
        errmsg_set(
            err,
            "\"%.64s\" is no user's name: write 1 to %d letters, digits and . _ - + @",
            user->name, USERS_NAME_BYTES - 1);
        return false;
    }
    if (user->hash[0] != '\0' && !users_table_is_hash(user->hash)) {
        errmsg_set(err, "the hash is not one that `mesura user passwd` writes; without a "
                        "password write -");
        return false;
    }
    if (user->priority_low > user->priority_high || user->priority_high > 9) {
        errmsg_set(err, "priority is LOW-HIGH, each 0 to 9, for example 0-5");
        return false;
    }
    return check_lists(user, err);
}

static void insert(struct users *users, size_t place, struct users_user *row)
{
    if (users->count == users->size) {
        size_t size = users->size == 0 ? 16 : users->size * 2;
        struct users_user **larger =
            realloc(users->rows, size * sizeof(struct users_user *));
        if (larger == NULL) {
            abort();
        }
        users->rows = larger;
        users->size = size;
    }
    memmove(users->rows + place + 1, users->rows + place,
            (users->count - place) * sizeof(struct users_user *));
    users->rows[place] = row;
    users->count++;
}

int users_put(struct users *users, const struct users_user *user, struct errmsg *err)
{
    assert(users != NULL);
    assert(user != NULL);
    if (!check_user(user, err)) {
        return -EINVAL;
    }
    bool is_found = false;
    size_t place = place_of(users, user->name, &is_found);
    if (!is_found && users->count == LIMIT_USERS) {
        errmsg_set(err, "there are %d users already, and no more may be", LIMIT_USERS);
        return -EINVAL;
    }
    struct users_user *copy = user_copy(user);
    if (is_found) {
        user_free(users->rows[place]);
        users->rows[place] = copy;
    } else {
        insert(users, place, copy);
    }
    return 0;
}

bool users_remove(struct users *users, const char *name)
{
    assert(users != NULL);
    bool is_found = false;
    size_t place = place_of(users, name, &is_found);
    if (!is_found) {
        return false;
    }
    user_free(users->rows[place]);
    users->count--;
    memmove(users->rows + place, users->rows + place + 1,
            (users->count - place) * sizeof(struct users_user *));
    return true;
}
