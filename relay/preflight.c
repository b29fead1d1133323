/* Good path: tick -> judge what is known -> ask for what is not -> on_answer, and again
 * until nothing is asked -> passed, or failed and asked again in ten minutes.
 *
 * Failure modes: no answer, or too many names: unknown, asked again in a minute; a reload
 * or a stop while a question is out: it is cancelled.
 *
 * Suspended while queries > 0: on_answer resumes. */

#include "relay/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/destination.h"
#include "relay/limits.h"
#include "relay/net/dns.h"
#include "relay/now.h"
#include "relay/preflight_parts.h"
#include "relay/snapshot.h"
#include "relay/watcher.h"

#define FAILED_MS  INT64_C(600000) /* until what was bad is asked again */
#define UNKNOWN_MS INT64_C(60000)
#define LISTS_MS   INT64_C(2000) /* while block lists are being asked */

/* One name of this round. */
struct lookup {
    struct list_node node;
    struct preflight *preflight;
    struct dns_query *query; /* out, or NULL */
    enum dns_type type;
    char name[DNS_NAME_BYTES];
    struct dns_answer answer;
};

static const struct dns_answer no_room = {.outcome = DNS_SERVFAIL};

/* ---- looking names up ---- */

static void judge(struct preflight *preflight);

static void on_answer(const struct dns_answer *answer, void *owner)
{
    struct lookup *lookup = owner;
    struct preflight *preflight = lookup->preflight;
    lookup->query = NULL;
    lookup->answer = *answer;
    preflight->queries--;
    if (preflight->queries == 0) {
        judge(preflight);
    }
}

static const struct dns_answer *look(const char *name, enum dns_type type, void *owner)
{
    struct preflight *preflight = owner;
    list_each (node, &preflight->lookups) {
        const struct lookup *lookup = LIST_OWNER(node, struct lookup, node);
        if (lookup->type == type && strcasecmp(lookup->name, name) == 0) {
            return lookup->query == NULL ? &lookup->answer : NULL;
        }
    }
    if (preflight->lookup_count == LIMIT_PREFLIGHT_LOOKUPS) {
        return &no_room;
    }
    struct lookup *lookup = arena_must(1, sizeof *lookup);
    lookup->preflight = preflight;
    lookup->type = type;
    (void)snprintf(lookup->name, sizeof lookup->name, "%s", name);
    list_push_back(&preflight->lookups, &lookup->node);
    preflight->lookup_count++;
    preflight->queries++;
    lookup->query = dns_ask(preflight->core->dns, name, type, on_answer, lookup);
    return NULL;
}

static void forget_lookups(struct preflight *preflight)
{
    list_each_safe (node, &preflight->lookups) {
        struct lookup *lookup = LIST_OWNER(node, struct lookup, node);
        dns_cancel(lookup->query);
        list_remove(node);
        free(lookup);
    }
    preflight->lookup_count = 0;
    preflight->queries = 0;
}

/* ---- what is asked ---- */

static void add_domain(struct preflight_ask *ask, const char *domain)
{
    for (size_t i = 0; i < ask->domain_count; i++) {
        if (strcasecmp(ask->domains[i], domain) == 0) {
            return;
        }
    }
    if (ask->domain_count < PREFLIGHT_DOMAINS) {
        ask->domains[ask->domain_count++] = domain;
    }
}

static bool carries(const struct config *config, uint32_t stream, uint32_t source)
{
    const struct config_stream *from = &config->streams[stream];
    for (size_t i = 0; i < from->sources.count; i++) {
        if (from->sources.items[i] == source) {
            return true;
        }
    }
    return false;
}

/* The domains that it signs for; without any, the one that its HELO is in. */
static void add_domains(const struct preflight *preflight, const char *org,
                        struct preflight_ask *ask)
{
    const struct config *config = preflight->core->snapshot->config;
    for (size_t i = 0; i < config->dkim_count; i++) {
        const struct config_dkim *dkim = &config->dkim[i];
        if (dkim->stream == CONFIG_NONE ||
            carries(config, dkim->stream, preflight->source->index)) {
            add_domain(ask, dkim->domain);
        }
    }
    if (ask->domain_count == 0 && strchr(org, '.') != NULL) {
        add_domain(ask, org);
    }
}

static void add_addresses(const struct source *source, struct preflight_ask *ask)
{
    if (source->public.family != NETADDR_NONE) {
        ask->addresses[ask->address_count++] = source->public;
    }
    if (source->public6.family != NETADDR_NONE) {
        ask->addresses[ask->address_count++] = source->public6;
    }
}

static void run_checks(struct preflight *preflight)
{
    const struct core *core = preflight->core;
    struct source *source = preflight->source;
    const char *helo = core->snapshot->config->sources[source->index].helo;
    char org[LIMIT_DOMAIN + 1];
    struct watcher_said said;
    watcher_said(core->watcher, source, &said);
    destination_org_domain(helo, org);
    struct preflight_ask ask = {.helo = helo,
                                .listed = said.listed,
                                .lists = said.lists,
                                .unheard = said.unheard,
                                .uncertain = said.uncertain,
                                .look_cb = look,
                                .owner = preflight};
    if (source->stop.cause == STOP_CAUSE_LISTED && source->stop.state != STOP_CLEAR &&
        ask.listed[0] == '\0') {
        ask.listed = source->stop.list[0] != '\0' ? source->stop.list : "a block list";
    }
    add_addresses(source, &ask);
    add_domains(preflight, org, &ask);
    preflight_judge(&ask, &preflight->report);
}

/* ---- what follows ---- */

/* The first of the worst. */
static const struct preflight_finding *worst_of(const struct preflight_report *report)
{
    const struct preflight_finding *worst = &report->findings[0];
    for (size_t i = 1; i < report->count; i++) {
        if (report->findings[i].grade > worst->grade) {
            worst = &report->findings[i];
        }
    }
    return worst;
}

void preflight_move(struct preflight *preflight, enum preflight_state state,
                    const char *why, const char *by)
{
    enum preflight_state before = preflight->state;
    bool held = preflight_holds(preflight->source);
    bool is_news = before != state || preflight->since_unix_ms == 0 ||
                   (state == PREFLIGHT_FAILED && strcmp(preflight->why, why) != 0);
    (void)snprintf(preflight->why, sizeof preflight->why, "%s", why);
    preflight->state = state;
    if (!is_news) {
        return;
    }
    preflight->since_unix_ms = now_unix_ms();
    preflight_keep(preflight);
    preflight_tell(preflight, by, before);
    if (held && !preflight_holds(preflight->source)) {
        scheduler_kick_all(preflight->core);
    }
}

static void judge(struct preflight *preflight)
{
    if (preflight->source->index == CONFIG_NONE || !preflight_holds(preflight->source)) {
        forget_lookups(preflight);
        return;
    }
    run_checks(preflight);
    if (preflight->report.asks && preflight->queries > 0) {
        return; /* suspended: on_answer resumes */
    }
    forget_lookups(preflight);
    const struct preflight_finding *finding = worst_of(&preflight->report);
    int64_t now = now_unix_ms();
    if (finding->grade == PREFLIGHT_BAD) {
        preflight->next_unix_ms = now + FAILED_MS;
        preflight_move(preflight, PREFLIGHT_FAILED, finding->text, "ramp");
    } else if (finding->grade == PREFLIGHT_UNKNOWN) {
        bool is_lists = strcmp(finding->check, "lists") == 0;
        preflight->next_unix_ms = now + (is_lists ? LISTS_MS : UNKNOWN_MS);
        preflight_move(preflight, PREFLIGHT_WAITING, finding->text, "ramp");
    } else {
        preflight_move(preflight, PREFLIGHT_PASSED, "", "ramp");
    }
}

void preflights_tick(struct core *core)
{
    int64_t now = now_unix_ms();
    list_each (node, &core->preflights.list) {
        struct preflight *preflight = LIST_OWNER(node, struct preflight, node);
        if (preflight_holds(preflight->source) && preflight->queries == 0 &&
            preflight->next_unix_ms <= now) {
            judge(preflight);
        }
    }
}

bool preflights_are_asking(const struct core *core)
{
    list_each (node, &core->preflights.list) {
        if (LIST_OWNER(node, struct preflight, node)->queries > 0) {
            return true;
        }
    }
    return false;
}

bool preflight_holds(const struct source *source)
{
    return source->preflight != NULL && (source->preflight->state == PREFLIGHT_WAITING ||
                                         source->preflight->state == PREFLIGHT_FAILED);
}

void preflights_init(struct preflights *preflights)
{
    list_init(&preflights->list);
}

void preflights_done(struct preflights *preflights)
{
    list_each_safe (node, &preflights->list) {
        struct preflight *preflight = LIST_OWNER(node, struct preflight, node);
        forget_lookups(preflight);
        list_remove(node);
        preflight->source->preflight = NULL;
        free(preflight);
    }
}
