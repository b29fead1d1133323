#include "relay/resolve.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queue/list.h"

#include "relay/answers.h"
#include "relay/entropy.h"
#include "relay/limits.h"
#include "relay/net/timer.h"
#include "relay/now.h"
#include "relay/resolve_build.h"
#include "relay/resolve_guard.h"

/* Good path: MX asked -> on_known -> its hosts' A and AAAA asked -> on_known for the last
 * of them -> (their TLSA, where wanted and secure) -> resolve_build makes the destination
 * -> the owner.
 *
 * What can happen instead: no MX (the domain's own addresses are asked for), a refusal at
 * either stage, cancelled. Answers from the cache take the same way, without the waits.
 *
 *   LIST --> ADDRESSES --> TLSA --> (gone)
 *
 * Suspended in all states while `pending` answers are out: on_known resumes. Owners are
 * only called from on_ready, the timer's callback. */

#define EXPLICIT_TTL_S \
    (24 * 3600) /* of a route's list; its hosts' own TTLs are shorter */

enum stage {
    STAGE_LIST,
    STAGE_ADDRESSES,
    STAGE_TLSA,
};

struct want {
    struct answers_want answers_want;
    struct resolve_lookup *lookup; /* borrowed: the lookup this is part of */
};

struct resolve_lookup {
    struct list_node node; /* in resolve's busy or ready */
    struct resolve *resolve;
    enum stage stage;
    unsigned pending; /* wants whose answers are not known */
    struct resolve_case facts;
    struct want list_want;
    struct want wants_v4[LIMIT_MX_HOSTS];
    struct want wants_v6[LIMIT_MX_HOSTS];
    struct want wants_tlsa[2][LIMIT_MX_HOSTS];
    resolve_cb done_cb;
    void *owner;
};

struct resolve {
    struct answers *answers; /* owned */
    struct timer *ready_timer;
    struct list busy;
    struct list ready; /* to be moved on by on_ready */
    struct resolve_self self;
    struct netaddr *own; /* owned: what self.own points to */
    char hostname[LIMIT_DOMAIN + 1];
    bool running; /* on_ready is on the stack */
    bool closing;
};

static void *zeroed(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void make_ready(struct resolve_lookup *lookup)
{
    struct resolve *resolve = lookup->resolve;
    list_remove(&lookup->node);
    list_push_back(&resolve->ready, &lookup->node);
    if (!timer_is_armed(resolve->ready_timer)) {
        timer_start(resolve->ready_timer, 0);
    }
}

static void on_known(struct answers_want *answers_want)
{
    struct want *want = LIST_OWNER(answers_want, struct want, answers_want);
    struct resolve_lookup *lookup = want->lookup;
    assert(lookup->pending > 0);
    lookup->pending--;
    if (lookup->pending == 0) {
        make_ready(lookup);
    }
}

static struct answers_entry *ask(struct resolve_lookup *lookup, const char *name,
                                 enum dns_type type, struct want *want)
{
    want->lookup = lookup;
    want->answers_want.known_cb = on_known;
    struct answers_entry *entry =
        answers_ask(lookup->resolve->answers, name, type, &want->answers_want);
    if (!entry->known) {
        lookup->pending++;
    }
    return entry;
}

static void drop_want(struct want *want)
{
    if (list_is_linked(&want->answers_want.node)) {
        list_remove(&want->answers_want.node);
    }
}

static void lookup_free(struct resolve_lookup *lookup)
{
    list_remove(&lookup->node);
    drop_want(&lookup->list_want);
    answers_release(lookup->facts.list);
    for (unsigned i = 0; i < LIMIT_MX_HOSTS; i++) {
        drop_want(&lookup->wants_v4[i]);
        drop_want(&lookup->wants_v6[i]);
        drop_want(&lookup->wants_tlsa[0][i]);
        drop_want(&lookup->wants_tlsa[1][i]);
        answers_release(lookup->facts.tlsa[0][i]);
        answers_release(lookup->facts.tlsa[1][i]);
        answers_release(lookup->facts.v4[i]);
        answers_release(lookup->facts.v6[i]);
    }
    free(lookup);
}

/* The list of hosts is known: ask for the addresses of those that count. */
static void ask_addresses(struct resolve_lookup *lookup)
{
    struct resolve_case *facts = &lookup->facts;
    lookup->stage = STAGE_ADDRESSES;
    unsigned count = resolve_build_host_count(facts);
    for (unsigned i = 0; i < count; i++) {
        const char *name = answers_name(facts->list, i);
        struct netaddr literal;
        if (name[0] == '\0' ||
            (facts->explicit_route && netaddr_parse(name, 0, &literal) == 0)) {
            continue;
        }
        facts->v4[i] = ask(lookup, name, DNS_A, &lookup->wants_v4[i]);
        if (lookup->resolve->self.ipv6) {
            facts->v6[i] = ask(lookup, name, DNS_AAAA, &lookup->wants_v6[i]);
        }
    }
}

/* The addresses are known: ask for the TLSA records of the hosts that DNSSEC covers. */
static void ask_tlsa(struct resolve_lookup *lookup)
{
    struct resolve_case *facts = &lookup->facts;
    char name[DNS_NAME_BYTES];
    lookup->stage = STAGE_TLSA;
    if (!facts->wants_tlsa) {
        return;
    }
    unsigned count = resolve_build_host_count(facts);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned which = 0; which < 2; which++) {
            if (resolve_guard_name(facts, &lookup->resolve->self, i, which, name)) {
                facts->tlsa[which][i] =
                    ask(lookup, name, DNS_TLSA, &lookup->wants_tlsa[which][i]);
            }
        }
    }
}

/* No MX: the domain itself is the one host, for as long as "no MX" holds. */
static void make_implicit(struct resolve_case *facts)
{
    const char *domain = facts->domain;
    struct answers_entry *none = facts->list;
    facts->list = answers_list(&domain, 1, 0);
    facts->list->until_ns = none->until_ns;
    facts->list->secure = none->secure;
    facts->implicit = true;
    answers_release(none);
}

static void finish(struct resolve_lookup *lookup, const struct destination *destination,
                   const struct reply *refusal)
{
    resolve_cb done_cb = lookup->done_cb;
    void *owner = lookup->owner;
    lookup_free(lookup);
    done_cb(destination, refusal, owner);
}

/* Everything that was asked is known: the next stage, or the end. */
static void advance(struct resolve_lookup *lookup)
{
    const struct resolve_self *self = &lookup->resolve->self;
    struct reply refusal;
    if (lookup->stage == STAGE_LIST) {
        switch (resolve_build_judge_list(&lookup->facts, &refusal)) {
        case RESOLVE_BUILD_GO: break;
        case RESOLVE_BUILD_IMPLICIT: make_implicit(&lookup->facts); break;
        case RESOLVE_BUILD_REFUSED: finish(lookup, NULL, &refusal); return;
        }
        ask_addresses(lookup);
        if (lookup->pending > 0) {
            return; /* suspended: on_known resumes */
        }
    }
    if (lookup->stage == STAGE_ADDRESSES) {
        ask_tlsa(lookup);
        if (lookup->pending > 0) {
            return; /* suspended: on_known resumes */
        }
    }
    struct destination destination;
    struct destination_guard guard;
    if (resolve_build(&lookup->facts, self, now_ns(), &destination, &refusal)) {
        if (lookup->facts.wants_tlsa) {
            resolve_guard_build(&lookup->facts, &guard);
            destination.guard = &guard;
        }
        destination_shuffle(&destination, entropy_roll());
        finish(lookup, &destination, NULL);
    } else {
        finish(lookup, NULL, &refusal);
    }
}

static void resolve_free(struct resolve *resolve)
{
    free(resolve->own);
    free(resolve);
}

/* The only caller of owners. What they start is for the next turn. */
static void on_ready(void *owner)
{
    struct resolve *resolve = owner;
    struct list batch;
    list_init(&batch);
    while (!list_is_empty(&resolve->ready)) {
        struct list_node *node = list_first(&resolve->ready);
        list_remove(node);
        list_push_back(&batch, node);
    }
    resolve->running = true;
    while (!list_is_empty(&batch)) {
        struct list_node *node = list_first(&batch);
        list_remove(node);
        list_push_back(&resolve->busy, node);
        advance(LIST_OWNER(node, struct resolve_lookup, node));
        if (resolve->closing) {
            while (!list_is_empty(&batch)) {
                lookup_free(LIST_OWNER(list_first(&batch), struct resolve_lookup, node));
            }
        }
    }
    resolve->running = false;
    if (resolve->closing) {
        answers_free(resolve->answers);
        resolve_free(resolve);
    }
}

struct resolve *resolve_open(struct loop *loop, struct dns *dns,
                             const struct resolve_options *options)
{
    struct resolve *resolve = zeroed(sizeof *resolve);
    uint32_t most = options->cache_max == 0 ? LIMIT_RESOLVE_ANSWERS : options->cache_max;
    resolve->answers = answers_new(dns, most);
    resolve->ready_timer = timer_open(loop, on_ready, resolve);
    list_init(&resolve->busy);
    list_init(&resolve->ready);
    resolve_set_options(resolve, options);
    return resolve;
}

void resolve_set_options(struct resolve *resolve, const struct resolve_options *options)
{
    size_t size = strnlen(options->hostname, sizeof resolve->hostname - 1);
    for (size_t i = 0; i < size; i++) {
        char byte = options->hostname[i];
        bool upper = byte >= 'A' && byte <= 'Z';
        resolve->hostname[i] = (char)(upper ? byte + ('a' - 'A') : byte);
    }
    resolve->hostname[size] = '\0';
    free(resolve->own);
    resolve->own = zeroed((options->own_count + 1) * sizeof *resolve->own);
    for (unsigned i = 0; i < options->own_count; i++) {
        resolve->own[i] = options->own[i];
    }
    resolve->self.hostname = resolve->hostname;
    resolve->self.own = resolve->own;
    resolve->self.own_count = options->own_count;
    resolve->self.ipv6 = options->ipv6;
    resolve->self.allow_private = options->allow_private;
    resolve->self.trust_ad = options->trust_ad;
}

static struct resolve_lookup *lookup_new(struct resolve *resolve, uint16_t port,
                                         resolve_cb done_cb, void *owner)
{
    assert(!resolve->closing);
    struct resolve_lookup *lookup = zeroed(sizeof *lookup);
    lookup->resolve = resolve;
    lookup->facts.port = port;
    lookup->done_cb = done_cb;
    lookup->owner = owner;
    list_push_back(&resolve->busy, &lookup->node);
    return lookup;
}

struct resolve_lookup *resolve_domain(struct resolve *resolve, const char *domain,
                                      uint16_t port, resolve_cb done_cb, void *owner)
{
    struct resolve_lookup *lookup = lookup_new(resolve, port, done_cb, owner);
    struct resolve_case *facts = &lookup->facts;
    size_t size = strnlen(domain, sizeof facts->domain - 1);
    memcpy(facts->domain, domain, size);
    facts->list = ask(lookup, facts->domain, DNS_MX, &lookup->list_want);
    if (lookup->pending == 0) {
        make_ready(lookup);
    }
    return lookup;
}

struct resolve_lookup *resolve_hosts(struct resolve *resolve, const char *const *hosts,
                                     unsigned count, uint16_t port, resolve_cb done_cb,
                                     void *owner)
{
    assert(count > 0);
    assert(count <= LIMIT_MX_HOSTS);
    struct resolve_lookup *lookup = lookup_new(resolve, port, done_cb, owner);
    struct resolve_case *facts = &lookup->facts;
    char names[LIMIT_MX_HOSTS][LIMIT_DOMAIN + 1];
    const char *list[LIMIT_MX_HOSTS];
    for (unsigned i = 0; i < count; i++) {
        resolve_build_bare_name(hosts[i], names[i]);
        list[i] = names[i];
    }
    memcpy(facts->domain, names[0], sizeof facts->domain);
    facts->explicit_route = true;
    facts->list = answers_list(list, count, EXPLICIT_TTL_S);
    make_ready(lookup);
    return lookup;
}

void resolve_want_tlsa(struct resolve_lookup *lookup)
{
    lookup->facts.wants_tlsa = true;
}

void resolve_set_ports(struct resolve_lookup *lookup, const uint16_t *ports,
                       unsigned count)
{
    assert(count <= LIMIT_MX_HOSTS);
    memcpy(lookup->facts.ports, ports, count * sizeof *ports);
}

void resolve_cancel(struct resolve_lookup *lookup)
{
    if (lookup != NULL) {
        lookup_free(lookup);
    }
}

void resolve_flush(struct resolve *resolve)
{
    answers_flush(resolve->answers);
}

void resolve_stats(const struct resolve *resolve, struct resolve_stats *out)
{
    struct answers_stats stats;
    answers_count(resolve->answers, &stats);
    *out = (struct resolve_stats){.asked = stats.asked,
                                  .hits = stats.hits,
                                  .joined = stats.joined,
                                  .answers = stats.count};
}

static void drop_all(struct list *lookups)
{
    list_each_safe (node, lookups) {
        lookup_free(LIST_OWNER(node, struct resolve_lookup, node));
    }
}

void resolve_close(struct resolve *resolve)
{
    if (resolve == NULL) {
        return;
    }
    assert(!resolve->closing);
    resolve->closing = true;
    drop_all(&resolve->busy);
    drop_all(&resolve->ready);
    timer_close(resolve->ready_timer);
    if (resolve->running) {
        return; /* on_ready frees it on its way out */
    }
    answers_free(resolve->answers);
    resolve_free(resolve);
}
