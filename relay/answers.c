#include "relay/answers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/entropy.h"
#include "relay/now.h"

/* How long an answer may be used. The least keeps a TTL of 0 from asking for every
 * message; the most keeps a wrong TTL from lasting for ever. */
#define FOUND_LEAST_S  5
#define FOUND_MOST_S   (24 * 3600)
#define ABSENT_LEAST_S 60
#define ABSENT_MOST_S  3600
#define FAILED_S       5
#define BUCKETS_LEAST  64

struct bucket {
    struct answers_entry *first;
};

struct answers {
    struct dns *dns;        /* borrowed */
    struct bucket *buckets; /* owned */
    uint32_t bucket_count;  /* a power of two */
    uint32_t most;
    uint64_t key;    /* secret, against chosen names */
    struct list age; /* oldest use first */
    struct answers_stats stats;
};

static void *zeroed(size_t size)
{
    void *memory = calloc(1, size == 0 ? 1 : size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
    if (value < least) {
        return least;
    }
    return value > most ? most : value;
}

static struct answers_entry **bucket_of(struct answers *answers, const char *name,
                                        enum dns_type type)
{
    uint64_t hash = answers->key ^ (uint64_t)type;
    for (const char *byte = name; *byte != '\0'; byte++) {
        hash = (hash ^ (uint64_t)(unsigned char)*byte) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return &answers->buckets[hash & (answers->bucket_count - 1)].first;
}

struct answers *answers_new(struct dns *dns, uint32_t most)
{
    struct answers *answers = zeroed(sizeof *answers);
    answers->dns = dns;
    answers->most = most;
    answers->key = entropy_roll();
    answers->bucket_count = BUCKETS_LEAST;
    while (answers->bucket_count < most && answers->bucket_count < (UINT32_C(1) << 20)) {
        answers->bucket_count *= 2;
    }
    answers->buckets = zeroed(answers->bucket_count * sizeof *answers->buckets);
    list_init(&answers->age);
    return answers;
}

static void entry_free(struct answers_entry *entry)
{
    assert(entry->query == NULL);
    free(entry->preferences);
    free(entry->data);
    free(entry->alias);
    free(entry);
}

/* Take an entry out of the cache. It lives on while it is held. */
static void displace(struct answers_entry *entry)
{
    struct answers *answers = entry->answers;
    struct answers_entry **link = bucket_of(answers, entry->name, entry->type);
    while (*link != entry) {
        link = &(*link)->chain;
    }
    *link = entry->chain;
    entry->chain = NULL;
    list_remove(&entry->age);
    entry->answers = NULL;
    answers->stats.count--;
    dns_cancel(entry->query);
    entry->query = NULL;
    if (entry->holders == 0) {
        entry_free(entry);
    }
}

void answers_release(struct answers_entry *entry)
{
    if (entry == NULL) {
        return;
    }
    assert(entry->holders > 0);
    entry->holders--;
    if (entry->holders > 0) {
        return;
    }
    if (entry->answers == NULL) {
        entry_free(entry);
    } else if (!entry->known) {
        displace(entry); /* nobody waits for it any more */
    }
}

void answers_flush(struct answers *answers)
{
    list_each_safe (node, &answers->age) {
        struct answers_entry *entry = LIST_OWNER(node, struct answers_entry, age);
        if (entry->known) {
            displace(entry);
        }
    }
}

void answers_free(struct answers *answers)
{
    if (answers == NULL) {
        return;
    }
    list_each_safe (node, &answers->age) {
        displace(LIST_OWNER(node, struct answers_entry, age));
    }
    free(answers->buckets);
    free(answers);
}

static void store_names(struct answers_entry *entry, const struct dns_answer *answer)
{
    size_t size = 0;
    for (unsigned i = 0; i < answer->count; i++) {
        size += strlen(answer->records[i].name) + 1;
    }
    entry->data = zeroed(size);
    entry->preferences = zeroed(answer->count * sizeof *entry->preferences);
    char *at = entry->data;
    for (unsigned i = 0; i < answer->count; i++) {
        size_t length = strlen(answer->records[i].name) + 1;
        memcpy(at, answer->records[i].name, length);
        at += length;
        entry->preferences[i] = answer->records[i].preference;
    }
}

static void store_addresses(struct answers_entry *entry, const struct dns_answer *answer)
{
    size_t width = answer->type == DNS_A ? 4 : 16;
    entry->data = zeroed(answer->count * width);
    for (unsigned i = 0; i < answer->count; i++) {
        memcpy(entry->data + i * width, answer->records[i].address, width);
    }
}

static void store_tlsa(struct answers_entry *entry, const struct dns_answer *answer)
{
    entry->data = zeroed(answer->count * sizeof(struct dns_tlsa));
    for (unsigned i = 0; i < answer->count; i++) {
        memcpy(entry->data + i * sizeof(struct dns_tlsa), &answer->records[i].tlsa,
               sizeof(struct dns_tlsa));
    }
}

/* The name that has the records, where it is another than was asked for. */
static void store_alias(struct answers_entry *entry, const struct dns_answer *answer)
{
    size_t size = strlen(answer->name) + 1;
    if (size > 1 && strcmp(answer->name, entry->name) != 0) {
        entry->alias = zeroed(size);
        memcpy(entry->alias, answer->name, size);
    }
}

static uint32_t usable_s(const struct dns_answer *answer)
{
    switch (answer->outcome) {
    case DNS_OK: return clamp(answer->ttl_s, FOUND_LEAST_S, FOUND_MOST_S);
    case DNS_NODATA:
    case DNS_NXDOMAIN: return clamp(answer->ttl_s, ABSENT_LEAST_S, ABSENT_MOST_S);
    case DNS_SERVFAIL:
    case DNS_TIMEOUT:
    case DNS_MALFORMED: break;
    }
    return FAILED_S;
}

/* dns's callback: the answer goes into the entry, then everybody who waits is told. */
static void on_answer(const struct dns_answer *answer, void *owner)
{
    struct answers_entry *entry = owner;
    entry->query = NULL;
    entry->known = true;
    entry->outcome = answer->outcome;
    entry->secure = answer->secure;
    entry->cut = answer->cut;
    entry->count = answer->count;
    entry->until_ns = now_ns() + (int64_t)usable_s(answer) * NOW_NS_PER_S;
    if (answer->count > 0 && answer->type == DNS_MX) {
        store_names(entry, answer);
    } else if (answer->count > 0 && answer->type == DNS_TLSA) {
        store_tlsa(entry, answer);
    } else if (answer->count > 0) {
        store_addresses(entry, answer);
        store_alias(entry, answer);
    }
    /* Who is told may give up others, or everything: hold on to the entry. */
    entry->holders++;
    while (!list_is_empty(&entry->wants)) {
        struct list_node *node = list_first(&entry->wants);
        list_remove(node);
        struct answers_want *want = LIST_OWNER(node, struct answers_want, node);
        want->known_cb(want);
    }
    answers_release(entry);
}

/* Make room: the longest unused that nobody holds goes. */
static void evict(struct answers *answers)
{
    list_each_safe (node, &answers->age) {
        if (answers->stats.count < answers->most) {
            return;
        }
        struct answers_entry *entry = LIST_OWNER(node, struct answers_entry, age);
        if (entry->holders == 0) {
            displace(entry);
        }
    }
}

static struct answers_entry *entry_new(const char *name, enum dns_type type)
{
    size_t size = strlen(name) + 1;
    struct answers_entry *entry = zeroed(sizeof *entry + size);
    memcpy(entry->name, name, size);
    entry->type = type;
    entry->holders = 1;
    list_init(&entry->wants);
    return entry;
}

static struct answers_entry *find(struct answers *answers, const char *name,
                                  enum dns_type type)
{
    struct answers_entry *entry = *bucket_of(answers, name, type);
    while (entry != NULL && (entry->type != type || strcmp(entry->name, name) != 0)) {
        entry = entry->chain;
    }
    return entry;
}

struct answers_entry *answers_ask(struct answers *answers, const char *name,
                                  enum dns_type type, struct answers_want *want)
{
    assert(type == DNS_MX || type == DNS_A || type == DNS_AAAA || type == DNS_TLSA);
    struct answers_entry *entry = find(answers, name, type);
    if (entry != NULL && entry->known && entry->until_ns <= now_ns()) {
        displace(entry);
        entry = NULL;
    }
    if (entry != NULL) {
        entry->holders++;
        list_remove(&entry->age);
        list_push_back(&answers->age, &entry->age);
        if (entry->known) {
            answers->stats.hits++;
        } else {
            answers->stats.joined++;
            list_push_back(&entry->wants, &want->node);
        }
        return entry;
    }
    evict(answers);
    entry = entry_new(name, type);
    entry->answers = answers;
    struct answers_entry **bucket = bucket_of(answers, name, type);
    entry->chain = *bucket;
    *bucket = entry;
    list_push_back(&answers->age, &entry->age);
    list_push_back(&entry->wants, &want->node);
    answers->stats.count++;
    answers->stats.asked++;
    entry->query = dns_ask(answers->dns, name, type, on_answer, entry);
    return entry;
}

void answers_count(const struct answers *answers, struct answers_stats *out)
{
    *out = answers->stats;
}

struct answers_entry *answers_list(const char *const *hosts, unsigned count,
                                   uint32_t ttl_s)
{
    struct dns_answer answer = {
        .outcome = DNS_OK, .type = DNS_MX, .count = (uint8_t)count};
    assert(count <= DNS_RECORDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        size_t size = strnlen(hosts[i], DNS_NAME_BYTES - 1);
        memcpy(answer.records[i].name, hosts[i], size);
        answer.records[i].preference = (uint16_t)i;
    }
    struct answers_entry *entry = entry_new("", DNS_MX);
    entry->known = true;
    entry->outcome = DNS_OK;
    entry->count = answer.count;
    entry->until_ns = now_ns() + (int64_t)ttl_s * NOW_NS_PER_S;
    store_names(entry, &answer);
    return entry;
}

const char *answers_name(const struct answers_entry *entry, unsigned i)
{
    assert(i < entry->count);
    const char *name = entry->data;
    while (i > 0) {
        name += strlen(name) + 1;
        i--;
    }
    return name;
}
