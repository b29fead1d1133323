#include "relay/domains.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/site.h"

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/job.h"
#include "relay/now.h"
#include "relay/resolve.h"
#include "relay/scheduler.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/tlspolicy.h"

/* How long a destination that does not answer is left alone: 15 s, doubling to 15 min. */
#define DOWN_FIRST_NS ((int64_t)15 * NOW_NS_PER_S)
#define DOWN_MOST_NS  ((int64_t)15 * 60 * NOW_NS_PER_S)

/* How long "no such domain" is taken for granted. */
#define REFUSED_NS (60 * NOW_NS_PER_S)

const char *dest_state_name(enum dest_state state)
{
    switch (state) {
    case DEST_UNKNOWN: return "unknown";
    case DEST_PENDING: return "asking DNS";
    case DEST_OPEN: return "open";
    case DEST_DOWN: return "down";
    case DEST_HALF: return "trying one message";
    case DEST_REFUSED: return "refused by DNS";
    }
    return "";
}

static void on_retry(struct agenda_item *item);
static void on_sts(struct sts_want *want);

static struct dest *dest_new(struct core *core, struct domain *domain, uint32_t stream)
{
    struct dest *dest = arena_must(1, sizeof *dest);
    dest->domain = domain;
    dest->core = core;
    dest->stream = stream;
    dest->is_archive = route_is_archive(domain->name);
    dest->route = -1;
    dest->retry.due_cb = on_retry;
    dest->sts_want.known_cb = on_sts;
    list_init(&dest->waiting);
    dest->next = domain->owner;
    domain->owner = dest;
    core->domains.dests++;
    return dest;
}

struct dest *domains_dest(struct core *core, struct flow *flow)
{
    uint32_t stream = config_stream_find(core->snapshot->config, flow->stream);
    for (struct dest *dest = flow->domain->owner; dest != NULL; dest = dest->next) {
        if (dest->stream == stream) {
            return dest;
        }
    }
    return dest_new(core, flow->domain, stream);
}

static void set_site(struct dest *dest, struct site *site)
{
    if (dest->site == site) {
        return;
    }
    if (dest->site != NULL) {
        dest->site->domains--;
    }
    if (site != NULL) {
        site->domains++;
    }
    dest->site = site;
}

/* Nothing that was asked for this dest comes back. */
static void cancel(struct dest *dest)
{
    resolve_cancel(dest->lookup);
    dest->lookup = NULL;
    if (list_is_linked(&dest->sts_want.node)) {
        list_remove(&dest->sts_want.node);
    }
}

static void dest_free(struct dest *dest)
{
    assert(list_is_empty(&dest->waiting));
    cancel(dest);
    agenda_drop(&dest->core->agenda, &dest->retry);
    job_destination_unref(dest->destination);
    set_site(dest, NULL);
    dest->core->domains.dests--;
    free(dest->reply);
    free(dest);
}

void domains_gone(struct core *core, struct domain *domain)
{
    (void)core;
    struct dest *dest = domain->owner;
    domain->owner = NULL;
    while (dest != NULL) {
        struct dest *next = dest->next;
        dest_free(dest);
        dest = next;
    }
}

static void keep_reply(struct dest *dest, const struct reply *reply)
{
    if (dest->reply == NULL) {
        dest->reply = arena_must(1, sizeof *dest->reply);
    }
    *dest->reply = *reply;
}

/* Everything that waits here goes where the dest's state now sends it. */
static void release_waiting(struct dest *dest)
{
    struct list moved;
    list_init(&moved);
    while (!list_is_empty(&dest->waiting)) {
        struct list_node *node = list_first(&dest->waiting);
        list_remove(node);
        list_push_back(&moved, node);
    }
    while (!list_is_empty(&moved)) {
        struct list_node *node = list_first(&moved);
        list_remove(node);
        domains_ready(LIST_OWNER(node, struct lading, node));
    }
}

/* ---- closed for a while ---- */

static void close_until(struct dest *dest, int64_t now)
{
    unsigned doublings = dest->failures < 6 ? dest->failures : 6;
    int64_t wait_ns = DOWN_FIRST_NS << doublings;
    wait_ns = wait_ns > DOWN_MOST_NS ? DOWN_MOST_NS : wait_ns;
    if (dest->failures == 0) {
        dest->down_since_ns = now;
    }
    dest->failures++;
    dest->is_probing = false;
    dest->state = DEST_DOWN;
    dest->down_until_ns = now + wait_ns;
    agenda_set(&dest->core->agenda, &dest->retry, (uint64_t)dest->down_until_ns);
}

static void ask_dns(struct dest *dest);

static void on_retry(struct agenda_item *item)
{
    struct dest *dest = LIST_OWNER(item, struct dest, retry);
    if (dest->state == DEST_PENDING) {
        ask_dns(dest);
    } else if (dest->state == DEST_DOWN) {
        dest->state = dest->destination != NULL ? DEST_HALF : DEST_UNKNOWN;
        release_waiting(dest);
    } else if (dest->state == DEST_REFUSED) {
        release_waiting(dest);
    }
}

void domains_failed(struct dest *dest, const struct reply *reply)
{
    keep_reply(dest, reply);
    if (dest->state == DEST_OPEN || dest->state == DEST_HALF) {
        close_until(dest, now_ns());
    }
}

void domains_answered(struct dest *dest)
{
    if (dest->state == DEST_HALF || dest->state == DEST_DOWN) {
        agenda_drop(&dest->core->agenda, &dest->retry);
        dest->state = DEST_OPEN;
    }
    dest->failures = 0;
    if (dest->is_probing || !list_is_empty(&dest->waiting)) {
        dest->is_probing = false;
        release_waiting(dest);
    }
}

void domains_untried(struct dest *dest)
{
    if (dest->is_probing) {
        dest->is_probing = false;
        release_waiting(dest);
    }
}

/* ---- resolving ---- */

/* Which site: a configured group by domain or MX, else the organisational domain of the
 * best MX, else the route. */
static void name_site(struct dest *dest, const struct destination *destination)
{
    const struct snapshot *snapshot = dest->core->snapshot;
    const char *mx[LIMIT_MX_HOSTS];
    char organisational[LIMIT_DOMAIN + 32];
    char domain[LIMIT_DOMAIN + 1];
    (void)route_unlabel(dest->domain->name, domain);
    struct site_ask ask = {.domain = domain, .mx = mx};
    if (dest->route >= 0) {
        route_key(&snapshot->routes[dest->route], snapshot->config->delivery.port,
                  organisational);
    } else {
        const char *best = destination->implicit || destination->host_count == 0
                               ? domain
                               : destination->hosts[0].name;
        destination_org_domain(best, organisational);
    }
    for (unsigned i = 0; i < destination->host_count; i++) {
        if (destination->hosts[i].preference == destination->hosts[0].preference) {
            mx[ask.mx_count++] = destination->hosts[i].name;
        }
    }
    ask.organisational = organisational;
    struct site_answer answer =
        site_of(snapshot->site_rules, snapshot->site_rule_count, &ask);
    uint32_t config = answer.rule >= 0 ? snapshot->site_rule_sites[answer.rule]
                                       : snapshot->config->default_site;
    set_site(dest, sites_get(&dest->core->sites, answer.name, config));
}

/* The operator's policy for TLS: the route's, the site's, or everybody's. */
static enum config_delivery_tls tls_of(const struct dest *dest)
{
    const struct snapshot *snapshot = dest->core->snapshot;
    return dest->route >= 0 ? snapshot->config->routes[dest->route].tls
                            : snapshot_tls(snapshot, dest->site->config);
}

/* DANE wins over MTA-STS, but only for the hosts that have it: both are looked at. */
static bool wants_sts(const struct dest *dest)
{
    return dest->core->sts != NULL &&
           tlspolicy_wants_sts((enum config_delivery_tls)dest->tls);
}

/* Whose policy: the recipient domain's; behind a smart host that host's (RFC 8461 3.4).
 */
static const char *sts_domain(const struct dest *dest, char out[LIMIT_DOMAIN + 1])
{
    const struct destination *destination = &dest->destination->value;
    if (dest->route >= 0) {
        (void)snprintf(out, LIMIT_DOMAIN + 1, "%s", destination->hosts[0].name);
    } else {
        (void)route_unlabel(dest->domain->name, out);
    }
    return out;
}

/* All is known that has to be before a connection. */
static void use_destination(struct dest *dest)
{
    if (wants_sts(dest)) {
        char domain[LIMIT_DOMAIN + 1];
        struct job_destination *to = dest->destination; /* no job has it yet */
        if (to->guard == NULL) {
            to->guard = arena_must(1, sizeof *to->guard);
            to->value.guard = to->guard;
        }
        sts_fill(dest->core->sts, sts_domain(dest, domain), &to->value, to->guard);
    }
    dest->state = dest->failures > 0 ? DEST_HALF : DEST_OPEN;
    release_waiting(dest);
}

static void on_sts(struct sts_want *want)
{
    use_destination(LIST_OWNER(want, struct dest, sts_want));
}

static void on_resolved(const struct destination *destination,
                        const struct reply *refusal, void *owner)
{
    struct dest *dest = owner;
    int64_t now = now_ns();
    char domain[LIMIT_DOMAIN + 1];
    dest->lookup = NULL;
    if (destination != NULL) {
        job_destination_unref(dest->destination);
        dest->destination = job_destination_new(destination);
        dest->fresh_until_ns = now + destination->ttl_s * NOW_NS_PER_S;
        name_site(dest, destination);
        dest->tls = (int)tls_of(dest);
        if (wants_sts(dest) &&
            !sts_ask(dest->core->sts, sts_domain(dest, domain), &dest->sts_want)) {
            return; /* suspended: on_sts resumes */
        }
        use_destination(dest);
        return;
    }
    if (refusal->enhanced[0] == 5) {
        keep_reply(dest, refusal);
        dest->fresh_until_ns = now + REFUSED_NS;
        dest->state = DEST_REFUSED;
    } else {
        keep_reply(dest, refusal);
        close_until(dest, now);
        return;
    }
    release_waiting(dest);
}

/* In its turn: after a start a hundred thousand domains are due at once, and the first
 * mail must not wait until all of them were asked for. */
static void ask_soon(struct dest *dest)
{
    dest->state = DEST_PENDING;
    agenda_set(&dest->core->agenda, &dest->retry, 0);
}

static void ask_dns(struct dest *dest)
{
    struct core *core = dest->core;
    const struct snapshot *snapshot = core->snapshot;
    const struct config *config = snapshot->config;
    char domain[LIMIT_DOMAIN + 1];
    const char *sender = route_unlabel(dest->domain->name, domain);
    struct route_ask ask = {.domain = domain,
                            .sender = sender,
                            .stream =
                                dest->stream == CONFIG_NONE ? -1 : (int)dest->stream};
    const struct route_rule *rule =
        route_choose(snapshot->routes, (unsigned)config->route_count, &ask);
    if (rule == NULL) {
        dest->route = -1;
        dest->lookup = resolve_domain(core->resolve, domain, config->delivery.port,
                                      on_resolved, dest);
        if (snapshot->wants_tlsa) {
            resolve_want_tlsa(dest->lookup);
        }
        return;
    }
    dest->route = (int)(rule - snapshot->routes);
    uint16_t port = rule->port != 0 ? rule->port : config->delivery.port;
    dest->lookup = resolve_hosts(core->resolve, rule->hosts, rule->host_count, port,
                                 on_resolved, dest);
    resolve_set_ports(dest->lookup, rule->ports, rule->host_count);
    if (tlspolicy_wants_tlsa(config->routes[dest->route].tls)) {
        resolve_want_tlsa(dest->lookup);
    }
}

void domains_ask(struct dest *dest)
{
    if (dest->state == DEST_UNKNOWN) {
        ask_soon(dest);
    }
}

void domains_forget(struct domain *domain)
{
    for (struct dest *dest = domain->owner; dest != NULL; dest = dest->next) {
        cancel(dest);
        agenda_drop(&dest->core->agenda, &dest->retry);
        dest->state = DEST_UNKNOWN;
        dest->is_probing = false;
        assert(list_is_empty(&dest->waiting));
    }
}

/* No such domain: its recipients fail, some at a time; with delivery off they wait. */
static void refuse_some(struct lading *lading)
{
    struct dest *dest = lading->dest;
    list_push_back(&dest->waiting, &lading->node);
    if (!dest->core->snapshot->config->delivery.enabled) {
        return; /* mail is kept: a reload that turns delivery on asks again */
    }
    if (settle_refused(dest->core, lading, dest->reply)) {
        agenda_set(&dest->core->agenda, &dest->retry, 0); /* more are left: next turn */
        return;
    }
    if (list_is_linked(&lading->node)) {
        list_remove(&lading->node);
    }
    scheduler_touch(dest->core, lading->flow);
}

void domains_ready(struct lading *lading)
{
    struct dest *dest = lading->dest;
    assert(!list_is_linked(&lading->node));
    if ((dest->state == DEST_OPEN || dest->state == DEST_REFUSED) &&
        dest->fresh_until_ns <= now_ns()) {
        dest->state = DEST_UNKNOWN;
    }
    switch (dest->state) {
    case DEST_UNKNOWN:
        list_push_back(&dest->waiting, &lading->node);
        ask_soon(dest);
        return;
    case DEST_PENDING:
    case DEST_DOWN: list_push_back(&dest->waiting, &lading->node); return;
    case DEST_HALF:
        if (dest->is_probing) {
            list_push_back(&dest->waiting, &lading->node);
            return;
        }
        scheduler_enter_bay(dest->core, lading);
        return;
    case DEST_OPEN: scheduler_enter_bay(dest->core, lading); return;
    case DEST_REFUSED: refuse_some(lading); return;
    }
}
