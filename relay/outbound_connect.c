/* To which host a slot connects, and on what terms of TLS.
 *
 * Good path: the destination's hops are shuffled, those that were down lately go last;
 * each is asked of tlspolicy; the first that answers, and speaks TLS as it must, is used.
 *
 * Failure modes: no hop answers (the job fails with what the last one said, a temporary
 * reason before a final one); an address of one family does not answer and one of the
 * other is left (it is given `fallback` first, and its full time once the others have
 * failed too: two connections at once would break a cap); TLS fails where it is optional
 * (the same hop in clear, and for an hour from the start); a list was named (no further
 * hop); the token of a login cannot be read (the round ends). */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

#include "relay/arena.h"
#include "relay/entropy.h"
#include "relay/hostmemory.h"
#include "relay/job.h"
#include "relay/net/conn.h"
#include "relay/net/tls_sessions.h"
#include "relay/now.h"
#include "relay/outbound_state.h"
#include "relay/secret.h"
#include "relay/smtp/smtp_out_parts.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

/* ---- what went wrong ---- */

/* Why the round has not succeeded so far. What passes with time hides what does not: the
 * message waits as long as one hop may still take it. */
static void keep_failure(struct outbound *outbound, const struct reply *failure)
{
    bool is_final = failure->origin == REPLY_LOCAL && failure->enhanced[0] == 5;
    const struct reply *last = &outbound->last_failure;
    bool was_final = last->origin == REPLY_LOCAL && last->enhanced[0] == 5;
    if (outbound->failures == 0 || was_final || !is_final) {
        outbound->last_failure = *failure;
    }
    outbound->failures++;
}

void outbound_connect_refused(struct outbound *outbound, const struct conn_end *end)
{
    struct reply failure;
    bool is_ours = end->cause == CONN_NO_SOURCE || end->cause == CONN_NO_ROOM;
    conn_end_reply(end, REPLY_STAGE_CONNECT, &failure);
    keep_failure(outbound, &failure);
    if (!is_ours) {
        hostmemory_failed(outbound->worker->hosts, &outbound->remote, now_ns());
    }
    if (end->cause == CONN_TIMED_OUT && outbound->is_hurried) {
        outbound->slow |= 1U << outbound->at;
    }
}

/* May the same hop be tried in clear? */
static bool may_go_in_clear(const struct outbound *outbound, const struct reply *failure)
{
    return failure->stage == REPLY_STAGE_STARTTLS && failure->origin == REPLY_NETWORK &&
           outbound->level == TLSPOLICY_OPPORTUNISTIC && !outbound->in_clear;
}

void outbound_connect_failed(struct outbound *outbound, const struct reply *failure)
{
    struct hostmemory *hosts = outbound->worker->hosts;
    if (failure == NULL) {
        outbound->in_clear = false;
        return;
    }
    bool again = may_go_in_clear(outbound, failure);
    if (again) {
        hostmemory_tls_failed(hosts, &outbound->remote, now_ns());
    } else {
        keep_failure(outbound, failure);
    }
    if (failure->origin == REPLY_NETWORK && failure->stage <= REPLY_STAGE_EHLO) {
        hostmemory_failed(hosts, &outbound->remote, now_ns());
    }
    outbound->in_clear = again;
}

/* Has a hop said that we are listed? Then no other host of theirs is asked. */
static bool was_listed(const struct outbound *outbound)
{
    struct finding finding;
    classify_reply(&outbound->last_failure, outbound->host,
                   &outbound->job->snapshot->classify, &finding);
    return outbound->last_failure.origin == REPLY_REMOTE &&
           finding.class == FINDING_IP_LISTED;
}

/* ---- the session ---- */

void outbound_connect_worked(struct outbound *outbound)
{
    hostmemory_answered(outbound->worker->hosts, &outbound->remote);
}

static enum snapshot_client client_of(enum tlspolicy_level level)
{
    switch (level) {
    case TLSPOLICY_DANE: return SNAPSHOT_CLIENT_DANE;
    case TLSPOLICY_VERIFY: return SNAPSHOT_CLIENT_VERIFY;
    case TLSPOLICY_REQUIRED: return SNAPSHOT_CLIENT_REQUIRED;
    case TLSPOLICY_NONE:
    case TLSPOLICY_OPPORTUNISTIC: break;
    }
    return SNAPSHOT_CLIENT_OPPORTUNISTIC;
}

/* The TLSA records of the host being tried. */
static void fill_tlsa(const struct outbound *outbound, struct conn_tls_peer *peer)
{
    const struct destination *hops = &outbound->hops;
    const struct destination_host *host = &hops->hosts[hops->hops[outbound->at].host];
    assert(hops->guard != NULL);
    const struct destination_guard_host *guard = &hops->guard->hosts[host->guard];
    peer->server_name = guard->base;
    peer->domain = hops->explicit_route ? host->name : hops->domain;
    peer->tlsa = hops->guard->tlsa + guard->tlsa_first;
    peer->tlsa_count = guard->tlsa_count;
}

int outbound_connect_start_tls(struct outbound *outbound)
{
    char key[TLS_SESSIONS_KEY];
    char text[NETADDR_TEXT_BYTES];
    (void)snprintf(key, sizeof key, "%s %s %s", tlspolicy_level_name(outbound->level),
                   outbound->host, netaddr_format_port(&outbound->remote, text));
    /* An address is compared too: with those that the certificate has. */
    struct conn_tls_peer peer = {.server_name = outbound->host,
                                 .domain = "",
                                 .sessions = outbound->worker->tls_sessions,
                                 .session_key = key};
    if (outbound->level == TLSPOLICY_DANE) {
        fill_tlsa(outbound, &peer);
    }
    struct tls_context *context =
        outbound->snapshot->client_tls[client_of(outbound->level)];
    return conn_start_tls_to(outbound->conn, context, &peer);
}

void outbound_connect_secured(struct outbound *outbound, const struct conn *conn)
{
    struct job_tls *out = &outbound->tls_facts;
    struct conn_tls_facts facts;
    conn_tls_facts(conn, &facts);
    (void)snprintf(out->text, sizeof out->text, "%s %s%s%s%s", facts.version,
                   facts.cipher, facts.verified ? " verified" : "",
                   facts.by_dane ? " dane" : "", facts.resumed ? " resumed" : "");
    (void)snprintf(out->subject, sizeof out->subject, "%.*s",
                   (int)sizeof out->subject - 1, facts.peer_name);
    (void)snprintf(out->issuer, sizeof out->issuer, "%.*s", (int)sizeof out->issuer - 1,
                   facts.issuer);
    hostmemory_tls_worked(outbound->worker->hosts, &outbound->remote);
}

void outbound_connect_forget(struct outbound *outbound)
{
    if (outbound->token != NULL) {
        explicit_bzero(outbound->token, SMTP_OUT_TOKEN_BYTES);
        free(outbound->token);
        outbound->token = NULL;
    }
}

/* ---- connecting ---- */

static enum smtp_out_auth auth_of(enum config_route_auth auth)
{
    switch (auth) {
    case CONFIG_ROUTE_AUTH_PASSWORD: break;
    case CONFIG_ROUTE_AUTH_PLAIN: return SMTP_OUT_AUTH_PLAIN;
    case CONFIG_ROUTE_AUTH_LOGIN: return SMTP_OUT_AUTH_LOGIN;
    case CONFIG_ROUTE_AUTH_XOAUTH2: return SMTP_OUT_AUTH_XOAUTH2;
    }
    return SMTP_OUT_AUTH_PASSWORD;
}

/* Who logs in. A token is read anew for each connection: others renew it, every hour as a
 * rule. False when it cannot be read, and last_failure says so. */
static bool take_login(struct outbound *outbound)
{
    const struct job *job = outbound->job;
    struct smtp_out_options *options = &outbound->options;
    if (job->route < 0) {
        return true;
    }
    const struct config_route *route = &job->snapshot->config->routes[job->route];
    options->user = route->user;
    options->auth = auth_of(route->auth);
    options->password = job->snapshot->passwords[job->route];
    if (route->auth != CONFIG_ROUTE_AUTH_XOAUTH2) {
        return true;
    }
    struct errmsg err;
    outbound_connect_forget(outbound);
    outbound->token = arena_must(1, SMTP_OUT_TOKEN_BYTES);
    options->password = outbound->token;
    if (secret_read(route->token_file, outbound->token, SMTP_OUT_TOKEN_BYTES, &err) !=
        0) {
        struct reply failure = {
            .stage = REPLY_STAGE_AUTH, .origin = REPLY_LOCAL, .enhanced = {4, 7, 0}};
        (void)snprintf(failure.text, sizeof failure.text, "token_file: %s", err.text);
        keep_failure(outbound, &failure);
        return false;
    }
    return true;
}

static enum smtp_out_tls session_tls(const struct outbound *outbound)
{
    switch (outbound->level) {
    case TLSPOLICY_NONE: return SMTP_OUT_TLS_NONE;
    case TLSPOLICY_OPPORTUNISTIC:
        return outbound->in_clear ? SMTP_OUT_TLS_NONE : SMTP_OUT_TLS_OPPORTUNISTIC;
    case TLSPOLICY_REQUIRED:
    case TLSPOLICY_VERIFY:
    case TLSPOLICY_DANE: break;
    }
    return SMTP_OUT_TLS_REQUIRED;
}

static bool make_options(struct outbound *outbound)
{
    const struct job *job = outbound->job;
    struct snapshot *before = outbound->snapshot;
    outbound->snapshot = snapshot_ref(job->snapshot);
    snapshot_unref(before);
    outbound->tls = job->tls;
    outbound->route = job->route;
    outbound->options = (struct smtp_out_options){.helo = job->helo,
                                                  .user = "",
                                                  .password = "",
                                                  .tls = session_tls(outbound),
                                                  .requiretls = outbound->requiretls};
    return take_login(outbound);
}

/* What the message asks of TLS; known once the record was read. A report to whoever asked
 * for REQUIRETLS is not lost for lack of it (RFC 8689 5). */
static bool wants_requiretls(const struct job *job)
{
    const struct envelope *envelope = &job->content.envelope;
    return (envelope->flags & ENVELOPE_REQUIRETLS) != 0 && envelope->sender[0] != '\0';
}

static bool is_lenient(const struct job *job)
{
    return (job->content.envelope.flags & ENVELOPE_TLS_OPTIONAL) != 0;
}

static void ask_policy(const struct job *job, const struct destination *destination,
                       unsigned host, struct tlspolicy_answer *out)
{
    struct tlspolicy_ask ask = {.policy = (enum config_delivery_tls)job->tls,
                                .destination = destination,
                                .host = host,
                                .requiretls = wants_requiretls(job),
                                .is_lenient = is_lenient(job)};
    tlspolicy_ask(&ask, out);
}

/* Our address for a hop; NULL when this source has none of that family. */
static const struct netaddr *local_for(const struct job *job,
                                       const struct destination_hop *hop)
{
    const struct netaddr *local =
        hop->addr.family == NETADDR_V6 ? &job->local6 : &job->local;
    bool has_any =
        job->local.family != NETADDR_NONE || job->local6.family != NETADDR_NONE;
    return local->family == NETADDR_NONE && has_any ? NULL : local;
}

/* Is there a hop of the other family behind this one? */
static bool has_other_family(const struct outbound *outbound, unsigned at)
{
    const struct destination *hops = &outbound->hops;
    for (unsigned i = at + 1; i < hops->hop_count; i++) {
        if (hops->hops[i].addr.family != hops->hops[at].addr.family &&
            local_for(outbound->job, &hops->hops[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static uint64_t connect_ms(const struct outbound *outbound)
{
    const struct config_timeouts *timeouts =
        &outbound->snapshot->config->delivery.timeouts;
    int64_t wait_ns = timeouts->connect_ns;
    if (outbound->is_hurried && timeouts->fallback_ns < wait_ns) {
        wait_ns = timeouts->fallback_ns;
    }
    return (uint64_t)(wait_ns / NOW_NS_PER_MS);
}

/* Begin with the hop `at`. False: it is out of the question, and why was kept. */
static bool connect_to(struct outbound *outbound, unsigned at, bool is_hurried)
{
    const struct destination_hop *hop = &outbound->hops.hops[at];
    const struct netaddr *local = local_for(outbound->job, hop);
    struct tlspolicy_answer policy;
    if (local == NULL) {
        return false;
    }
    outbound->at = at;
    outbound->remote = hop->addr;
    memcpy(outbound->host, outbound->hops.hosts[hop->host].name, sizeof outbound->host);
    ask_policy(outbound->job, &outbound->hops, hop->host, &policy);
    memset(&outbound->tls_facts, 0, sizeof outbound->tls_facts);
    (void)snprintf(outbound->tls_facts.policy, sizeof outbound->tls_facts.policy, "%s",
                   tlspolicy_level_name(policy.level));
    if (!policy.usable) {
        keep_failure(outbound, &policy.refusal);
        return false;
    }
    outbound->level = policy.level;
    outbound->requiretls = wants_requiretls(outbound->job);
    outbound->in_clear =
        outbound->in_clear ||
        (policy.level == TLSPOLICY_OPPORTUNISTIC &&
         hostmemory_is_tls_broken(outbound->worker->hosts, &hop->addr, now_ns()));
    if (!make_options(outbound)) {
        return false;
    }
    outbound->is_hurried = is_hurried;
    outbound->connect_started_ns = now_ns();
    struct conn_options options = {.connect_ms = connect_ms(outbound)};
    outbound->conn = conn_connect(outbound->worker->loop, &hop->addr, local, &options,
                                  &outbound_ops, outbound);
    (void)__atomic_add_fetch(&outbound->worker->counts.outbound, 1, __ATOMIC_RELAXED);
    return true;
}

bool outbound_connect_next(struct outbound *outbound)
{
    if (was_listed(outbound)) {
        return false;
    }
    if (outbound->in_clear && connect_to(outbound, outbound->at, false)) {
        return true;
    }
    while (outbound->hop < outbound->hops.hop_count) {
        unsigned at = outbound->hop++;
        outbound->in_clear = false;
        if (connect_to(outbound, at, has_other_family(outbound, at))) {
            return true;
        }
    }
    while (outbound->slow != 0) {
        unsigned at = (unsigned)__builtin_ctz(outbound->slow);
        outbound->slow &= ~(1U << at);
        outbound->in_clear = false;
        if (connect_to(outbound, at, false)) {
            return true;
        }
    }
    return false;
}

static bool is_down(const struct netaddr *addr, void *owner)
{
    const struct outbound *outbound = owner;
    return hostmemory_is_down(outbound->worker->hosts, addr, now_ns());
}

void outbound_connect_start(struct outbound *outbound)
{
    job_destination_copy(outbound->job->destination, &outbound->hops);
    destination_shuffle(&outbound->hops, entropy_roll());
    destination_postpone(&outbound->hops, is_down, outbound);
    outbound->hop = 0;
    outbound->at = 0;
    outbound->slow = 0;
    outbound->failures = 0;
    outbound->in_clear = false;
    outbound->is_fresh = true;
    outbound->is_connecting = true;
    outbound->last_failure =
        (struct reply){.stage = REPLY_STAGE_CONNECT,
                       .origin = REPLY_LOCAL,
                       .enhanced = {4, 4, 1},
                       .text = "no address of the destination can be "
                               "reached from this source"};
}

/* ---- using one again ---- */

/* May the open connection, which leads to this hop's address, carry the job in hand? */
static bool is_same_way(const struct outbound *outbound,
                        const struct destination_hop *hop)
{
    const struct destination *destination = &outbound->job->destination->value;
    const char *name = destination->hosts[hop->host].name;
    struct tlspolicy_answer policy;
    ask_policy(outbound->job, destination, hop->host, &policy);
    bool is_named = policy.level < TLSPOLICY_VERIFY || strcmp(name, outbound->host) == 0;
    return policy.usable && policy.level == outbound->level && is_named;
}

bool outbound_connect_fits(const struct outbound *outbound)
{
    const struct job *job = outbound->job;
    bool is_same_login = outbound->route == job->route &&
                         (job->route < 0 || outbound->snapshot == job->snapshot);
    if (outbound->tls != job->tls || outbound->requiretls != wants_requiretls(job) ||
        !is_same_login ||
        (job->per_connection != 0 &&
         smtp_out_mail_count(outbound->engine) >= job->per_connection)) {
        return false;
    }
    const struct destination *destination = &job->destination->value;
    for (unsigned i = 0; i < destination->hop_count; i++) {
        const struct destination_hop *hop = &destination->hops[i];
        if (netaddr_equal(&hop->addr, &outbound->remote)) {
            return is_same_way(outbound, hop);
        }
    }
    return false;
}
