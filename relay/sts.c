/* Good path: sts_ask finds a fresh entry, or asks for the TXT record -> on_record: the
 * version we have, or another -> the policy host's address -> on_address -> fetch ->
 * on_fetched: parsed, kept, whoever waits is told.
 *
 * Failure modes: no record, a record that is none, a host without a usable address, HTTPS
 * that fails, a file that is no policy: what is cached and not expired holds, else there
 * is no policy; a failed fetch is not tried again for a while.
 *
 *   (stale) --> RECORD --> ADDRESS --> FETCH --> (fresh)
 *
 * Suspended in each of the three; the answer to what is in flight resumes. */

#include "relay/sts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/entropy.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/net/dns.h"
#include "relay/net/fetch.h"
#include "relay/now.h"
#include "relay/store.h"
#include "relay/sts_policy.h"

#define BUCKETS        4096
#define RECORD_LEAST_S 60   /* a record is looked at again */
#define RECORD_MOST_S  3600 /* ... at the latest */
#define FAILED_S       300  /* after a fetch that failed (RFC 8461 3.3: back off) */
#define OLD_MS         (INT64_C(24) * 3600 * 1000) /* fetched again, unasked */
#define FILE_MOST      (64 * 1024)                 /* RFC 8461 3.3 */
#define WELL_KNOWN     "/.well-known/mta-sts.txt"

enum step {
    STEP_IDLE,
    STEP_RECORD,
    STEP_ADDRESS,
    STEP_FETCH,
};

struct entry {
    struct list_node age; /* in sts->ages, the longest unasked first */
    struct entry *chain;
    struct sts *sts;
    enum step step;
    struct dns_query *query;      /* in flight in RECORD and ADDRESS */
    bool second_family;           /* ADDRESS: AAAA is asked for */
    struct fetch_ask *ask;        /* owned: in flight in FETCH */
    char id[STS_POLICY_ID_BYTES]; /* of the record, to be fetched */
    struct list wants;
    struct sts_policy *policy; /* owned; NULL: none is known */
    int64_t until_unix_ms;     /* of policy */
    int64_t fetched_unix_ms;
    int64_t fresh_until_ns; /* of the record */
    int64_t fetch_after_ns; /* a fetch has failed */
    char problem[FETCH_PROBLEM_BYTES];
    char domain[]; /* lower case */
};

struct sts {
    struct dns *dns;
    struct fetch *fetch;
    struct mailbox *home;
    struct store *store;
    struct sts_options options;
    char *trust; /* owned: what options.trust points to */
    uint64_t key;
    uint32_t count;
    struct list ages;
    struct entry *buckets[BUCKETS];
};

/* ---- entries ---- */

static struct entry **bucket_of(struct sts *sts, const char *domain)
{
    uint64_t hash = sts->key;
    for (const char *byte = domain; *byte != '\0'; byte++) {
        hash = (hash ^ (unsigned char)*byte) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return &sts->buckets[(hash >> 32) % BUCKETS];
}

static struct entry *find(struct sts *sts, const char *domain)
{
    struct entry *entry = *bucket_of(sts, domain);
    while (entry != NULL && strcmp(entry->domain, domain) != 0) {
        entry = entry->chain;
    }
    return entry;
}

static void entry_free(struct entry *entry)
{
    dns_cancel(entry->query);
    list_each_safe (node, &entry->wants) {
        list_remove(node);
    }
    if (entry->ask != NULL) {
        free(entry->ask->body);
        free(entry->ask);
    }
    free(entry->policy);
    free(entry);
}

static void drop(struct entry *entry)
{
    struct sts *sts = entry->sts;
    struct entry **link = bucket_of(sts, entry->domain);
    while (*link != entry) {
        link = &(*link)->chain;
    }
    *link = entry->chain;
    list_remove(&entry->age);
    sts->count--;
    entry_free(entry);
}

/* The longest unasked that nobody waits for makes room. */
static void make_room(struct sts *sts)
{
    list_each_safe (node, &sts->ages) {
        struct entry *entry = LIST_OWNER(node, struct entry, age);
        if (sts->count < LIMIT_STS_DOMAINS) {
            return;
        }
        if (entry->step == STEP_IDLE) {
            drop(entry);
        }
    }
}

static struct entry *take(struct sts *sts, const char *domain)
{
    struct entry *entry = find(sts, domain);
    if (entry != NULL) {
        list_remove(&entry->age);
        list_push_back(&sts->ages, &entry->age);
        return entry;
    }
    make_room(sts);
    size_t size = strlen(domain) + 1;
    entry = arena_must(1, sizeof *entry + size);
    memcpy(entry->domain, domain, size);
    entry->sts = sts;
    list_init(&entry->wants);
    struct entry **bucket = bucket_of(sts, domain);
    entry->chain = *bucket;
    *bucket = entry;
    list_push_back(&sts->ages, &entry->age);
    sts->count++;
    return entry;
}

/* The policy that holds now; NULL when there is none. */
static const struct sts_policy *policy_of(const struct entry *entry)
{
    bool holds = entry->policy != NULL && entry->until_unix_ms > now_unix_ms();
    return holds ? entry->policy : NULL;
}

/* ---- the store ---- */

static const char *mode_name(enum destination_sts mode)
{
    switch (mode) {
    case DESTINATION_STS_NONE: return "none";
    case DESTINATION_STS_TESTING: return "testing";
    case DESTINATION_STS_ENFORCE: return "enforce";
    }
    return "";
}

static void keep(const struct entry *entry)
{
    struct fields fields;
    if (entry->sts->store == NULL) {
        return;
    }
    fields_init(&fields);
    fields_add_text(&fields, "id", entry->policy->id);
    fields_add_text(&fields, "mode", mode_name(entry->policy->mode));
    fields_add_int(&fields, "until", entry->until_unix_ms);
    fields_add_int(&fields, "fetched", entry->fetched_unix_ms);
    char mx[STS_POLICY_MX_BYTES];
    memcpy(mx, entry->policy->mx, sizeof mx);
    for (char *byte = mx; *byte != '\0'; byte++) {
        *byte = (char)(*byte == ' ' ? ',' : *byte); /* a space costs three */
    }
    fields_add_text(&fields, "mx", mx);
    struct store_row row = {
        .kind = STORE_STS, .key = entry->domain, .value = fields.text};
    if (!fields.is_full) {
        store_put(entry->sts->store, &row, NULL);
    }
}

void sts_load(struct sts *sts, const struct store_row *row)
{
    struct fields fields;
    struct sts_policy policy = {.mode = DESTINATION_STS_NONE};
    char mode[16] = "";
    int64_t until_unix_ms = 0;
    if (row->kind != STORE_STS || !fields_load(&fields, row->value, strlen(row->value)) ||
        !fields_get_text(&fields, "id", policy.id, sizeof policy.id) ||
        !fields_get_text(&fields, "mode", mode, sizeof mode) ||
        !fields_get_int(&fields, "until", &until_unix_ms)) {
        return;
    }
    (void)fields_get_text(&fields, "mx", policy.mx, sizeof policy.mx);
    for (char *byte = policy.mx; *byte != '\0'; byte++) {
        *byte = (char)(*byte == ',' ? ' ' : *byte);
    }
    if (strcmp(mode, "enforce") == 0) {
        policy.mode = DESTINATION_STS_ENFORCE;
    } else if (strcmp(mode, "testing") == 0) {
        policy.mode = DESTINATION_STS_TESTING;
    }
    if (until_unix_ms <= now_unix_ms()) {
        if (sts->store != NULL) {
            store_del(sts->store, STORE_STS, row->key, NULL);
        }
        return;
    }
    struct entry *entry = take(sts, row->key);
    entry->policy = arena_must(1, sizeof *entry->policy);
    *entry->policy = policy;
    entry->until_unix_ms = until_unix_ms;
    entry->fetched_unix_ms = fields_int_or(&fields, "fetched", 0);
}

/* ---- one look at a domain ---- */

/* The look is over: tell who waits. They may ask again from there. */
static void end_look(struct entry *entry)
{
    struct list told;
    struct list_node *node = NULL;
    list_init(&told);
    entry->step = STEP_IDLE;
    while ((node = list_first(&entry->wants)) != NULL) {
        list_remove(node);
        list_push_back(&told, node);
    }
    while ((node = list_first(&told)) != NULL) {
        struct sts_want *want = LIST_OWNER(node, struct sts_want, node);
        list_remove(node);
        want->known_cb(want);
    }
}

static void fail(struct entry *entry, const char *problem)
{
    (void)snprintf(entry->problem, sizeof entry->problem, "%s", problem);
    entry->fetch_after_ns = now_ns() + FAILED_S * NOW_NS_PER_S;
    log_info("MTA-STS policy of %s: %s; %s", entry->domain, problem,
             policy_of(entry) != NULL ? "the cached one holds" : "there is none for now");
    end_look(entry);
}

static void take_file(struct entry *entry, const struct fetch_ask *ask)
{
    struct sts_policy policy;
    const char *problem = NULL;
    if (ask->outcome != FETCH_OK) {
        fail(entry, ask->problem);
        return;
    }
    if (!sts_policy_parse(ask->body, ask->body_bytes, &policy, &problem)) {
        fail(entry, problem);
        return;
    }
    memcpy(policy.id, entry->id, sizeof policy.id);
    if (entry->policy == NULL) {
        entry->policy = arena_must(1, sizeof *entry->policy);
    }
    *entry->policy = policy;
    entry->fetched_unix_ms = now_unix_ms();
    entry->until_unix_ms = entry->fetched_unix_ms + (int64_t)policy.max_age_s * 1000;
    entry->problem[0] = '\0';
    entry->fetch_after_ns = 0;
    keep(entry);
    end_look(entry);
}

static void on_fetched(struct letter *letter)
{
    struct fetch_ask *ask = LIST_OWNER(letter, struct fetch_ask, letter);
    struct entry *entry = ask->owner;
    entry->ask = NULL;
    take_file(entry, ask);
    free(ask->body);
    free(ask);
}

static void begin_fetch(struct entry *entry, const struct netaddr *addr)
{
    struct sts *sts = entry->sts;
    struct fetch_ask *ask = arena_must(1, sizeof *ask);
    ask->home = sts->home;
    ask->done_cb = on_fetched;
    ask->owner = entry;
    (void)snprintf(ask->host, sizeof ask->host, "mta-sts.%.240s", entry->domain);
    (void)snprintf(ask->path, sizeof ask->path, "%s", WELL_KNOWN);
    ask->addr = *addr;
    ask->addr.port = sts->options.port;
    ask->trust = sts->trust;
    ask->timeout_ms = sts->options.timeout_ms;
    ask->most_bytes = FILE_MOST;
    entry->ask = ask;
    entry->step = STEP_FETCH;
    fetch_get(sts->fetch, ask);
}

static bool may_use(const struct sts *sts, const struct netaddr *addr)
{
    enum netaddr_range range = netaddr_range(addr);
    bool never = range == NETADDR_UNSPECIFIED || range == NETADDR_MULTICAST;
    return !never && (range == NETADDR_PUBLIC || sts->options.allow_private);
}

static void ask_address(struct entry *entry, bool second_family);

/* The first address that mail's own rules would let us use. */
static void on_address(const struct dns_answer *answer, void *owner)
{
    struct entry *entry = owner;
    entry->query = NULL;
    for (unsigned i = 0; answer->outcome == DNS_OK && i < answer->count; i++) {
        struct netaddr addr = {.family = entry->second_family ? NETADDR_V6 : NETADDR_V4};
        memcpy(addr.bytes, answer->records[i].address, entry->second_family ? 16 : 4);
        if (may_use(entry->sts, &addr)) {
            begin_fetch(entry, &addr);
            return;
        }
    }
    if (!entry->second_family) {
        ask_address(entry, true);
        return;
    }
    fail(entry, "the policy host has no usable address");
}

static void ask_address(struct entry *entry, bool second_family)
{
    char name[DNS_NAME_BYTES + 16];
    (void)snprintf(name, sizeof name, "mta-sts.%s", entry->domain);
    entry->step = STEP_ADDRESS;
    entry->second_family = second_family;
    entry->query = dns_ask(entry->sts->dns, name, second_family ? DNS_AAAA : DNS_A,
                           on_address, entry);
}

/* Exactly one record of MTA-STS, or it counts as none (3.1). */
static bool read_records(const struct dns_answer *answer, char id[STS_POLICY_ID_BYTES])
{
    unsigned found = 0;
    for (unsigned i = 0; answer->outcome == DNS_OK && i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];
        found += sts_policy_record(record->text, record->size, id);
    }
    return found == 1;
}

static void on_record(const struct dns_answer *answer, void *owner)
{
    struct entry *entry = owner;
    char id[STS_POLICY_ID_BYTES] = "";
    uint32_t ttl_s = answer->ttl_s < RECORD_LEAST_S ? RECORD_LEAST_S : answer->ttl_s;
    ttl_s = ttl_s > RECORD_MOST_S ? RECORD_MOST_S : ttl_s;
    entry->query = NULL;
    entry->fresh_until_ns = now_ns() + (int64_t)ttl_s * NOW_NS_PER_S;
    const struct sts_policy *policy = policy_of(entry);
    bool has_record = read_records(answer, id);
    bool is_known = policy != NULL && strcmp(policy->id, id) == 0;
    if (!has_record || is_known || entry->fetch_after_ns > now_ns()) {
        end_look(entry);
        return;
    }
    memcpy(entry->id, id, sizeof entry->id);
    ask_address(entry, false);
}

static void ask_record(struct entry *entry)
{
    char name[DNS_NAME_BYTES + 16];
    (void)snprintf(name, sizeof name, "_mta-sts.%s", entry->domain);
    entry->step = STEP_RECORD;
    entry->query = dns_ask(entry->sts->dns, name, DNS_TXT, on_record, entry);
}

/* ---- the face ---- */

/* A policy of yesterday is fetched again while it still holds. */
static void renew(struct entry *entry)
{
    const struct sts_policy *policy = policy_of(entry);
    if (policy != NULL && now_unix_ms() - entry->fetched_unix_ms > OLD_MS &&
        entry->fetch_after_ns <= now_ns()) {
        memcpy(entry->id, policy->id, sizeof entry->id);
        ask_address(entry, false);
    }
}

bool sts_ask(struct sts *sts, const char *domain, struct sts_want *want)
{
    struct entry *entry = take(sts, domain);
    bool is_fresh = entry->fresh_until_ns > now_ns();
    if (is_fresh && entry->step == STEP_IDLE) {
        renew(entry);
        return true;
    }
    if (is_fresh && policy_of(entry) != NULL) {
        return true; /* being renewed: the one there is holds */
    }
    list_push_back(&entry->wants, &want->node);
    if (entry->step == STEP_IDLE) {
        ask_record(entry);
    }
    return false;
}

void sts_fill(struct sts *sts, const char *domain, const struct destination *destination,
              struct destination_guard *guard)
{
    const struct entry *entry = find(sts, domain);
    const struct sts_policy *policy = entry != NULL ? policy_of(entry) : NULL;
    guard->sts = DESTINATION_STS_NONE;
    if (policy == NULL) {
        return;
    }
    guard->sts = policy->mode;
    memcpy(guard->sts_id, policy->id, sizeof guard->sts_id);
    for (unsigned i = 0; i < destination->host_count; i++) {
        const struct destination_host *host = &destination->hosts[i];
        guard->hosts[host->guard].sts_match = sts_policy_matches(policy, host->name);
    }
}

const char *sts_problem(struct sts *sts, const char *domain)
{
    const struct entry *entry = find(sts, domain);
    return entry != NULL ? entry->problem : "";
}

void sts_set_options(struct sts *sts, const struct sts_options *options)
{
    free(sts->trust);
    sts->options = *options;
    sts->trust = strdup(options->trust);
    if (sts->trust == NULL) {
        abort();
    }
}

struct sts *sts_open(struct dns *dns, struct fetch *fetch, struct mailbox *home,
                     struct store *store, const struct sts_options *options)
{
    struct sts *sts = arena_must(1, sizeof *sts);
    sts->dns = dns;
    sts->fetch = fetch;
    sts->home = home;
    sts->store = store;
    sts->key = entropy_roll();
    list_init(&sts->ages);
    sts_set_options(sts, options);
    return sts;
}

void sts_close(struct sts *sts)
{
    if (sts == NULL) {
        return;
    }
    list_each_safe (node, &sts->ages) {
        list_remove(node);
        entry_free(LIST_OWNER(node, struct entry, age));
    }
    free(sts->trust);
    free(sts);
}
