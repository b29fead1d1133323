/* Good path: vigil_see (a message came in) -> conduct_judge -> nothing, or act():
 * journal, alert, pace or freeze. Failure modes: the store cannot write (the hold acts,
 * and ends with the next restart: freezes say so); a user without history (volume alone
 * counts). */

#include "relay/vigil.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/alert.h"
#include "relay/answer.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/fingerprint.h"
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/store.h"
#include "relay/vigil_store.h"

#define HOUR_MS   INT64_C(3600000)
#define HOUR_NS   (3600 * NOW_NS_PER_S)
#define BURSTS    60 /* a slowed user's hour leaves in so many portions at least */
#define ACTOR     "conduct"
#define TEXT_SIZE 1000

static int32_t hour_now(void)
{
    return (int32_t)(now_unix_ms() / HOUR_MS);
}

/* ---- the table ---- */

static void on_due(struct agenda_item *item)
{
    scheduler_kick_all(LIST_OWNER(item, struct vigil, due)->core);
}

void vigil_init(struct vigil *vigil, struct core *core)
{
    for (size_t i = 0; i < VIGIL_BUCKETS; i++) {
        list_init(&vigil->buckets[i]);
    }
    vigil->storms = storms_new();
    vigil->due.due_cb = on_due;
    vigil->core = core;
    vigil->hour = hour_now();
}

void vigil_done(struct vigil *vigil)
{
    for (size_t i = 0; i < VIGIL_BUCKETS; i++) {
        list_each_safe (node, &vigil->buckets[i]) {
            free(LIST_OWNER(node, struct vigil_user, node));
        }
        list_init(&vigil->buckets[i]);
    }
    storms_free(vigil->storms);
    vigil->storms = NULL;
}

static struct vigil_user *find(struct core *core, const char *name)
{
    struct list *bucket = &core->vigil.buckets[fingerprint_text(name) % VIGIL_BUCKETS];
    list_each (node, bucket) {
        struct vigil_user *user = LIST_OWNER(node, struct vigil_user, node);
        if (strcasecmp(user->name, name) == 0) {
            return user;
        }
    }
    return NULL;
}

const struct vigil_user *vigil_find(struct core *core, const char *user)
{
    return find(core, user);
}

static struct vigil_user *find_or_make(struct core *core, const char *name)
{
    struct vigil_user *user = find(core, name);
    if (user == NULL) {
        user = arena_must(1, sizeof *user);
        (void)snprintf(user->name, sizeof user->name, "%s", name);
        conduct_init(&user->conduct, hour_now());
        user->told_hour = -1;
        user->held_hour = -1;
        list_push_back(&core->vigil.buckets[fingerprint_text(name) % VIGIL_BUCKETS],
                       &user->node);
    }
    return user;
}

/* ---- the store ---- */

static void keep(struct core *core, struct vigil_user *user)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    (void)snprintf(key, sizeof key, VIGIL_PREFIX "%s", user->name);
    vigil_store_write(&user->conduct, &fields);
    store_put(
        core->store,
        &(struct store_row){.kind = STORE_CONDUCT, .key = key, .value = fields.text},
        NULL);
    user->is_changed = false;
}

void vigil_load(struct core *core, const struct store_row *row)
{
    const char *name = row->key + sizeof VIGIL_PREFIX - 1;
    struct fields fields;
    if (name[0] == '\0' || strlen(name) >= USERS_NAME_BYTES ||
        !fields_load(&fields, row->value, strlen(row->value))) {
        return;
    }
    vigil_store_read(&find_or_make(core, name)->conduct, &fields, hour_now(),
                     now_unix_ms() - row->unix_ms, now_ns());
}

void vigil_save_all(struct core *core)
{
    for (size_t i = 0; i < VIGIL_BUCKETS; i++) {
        list_each (node, &core->vigil.buckets[i]) {
            struct vigil_user *user = LIST_OWNER(node, struct vigil_user, node);
            if (user->is_changed) {
                keep(core, user);
            }
        }
    }
}

/* ---- what follows ---- */

static void say(struct core *core, const struct vigil_user *user, const char *before,
                const char *after, const char *text)
{
    char subject[USERS_NAME_BYTES + 8];
    (void)snprintf(subject, sizeof subject, "user %s", user->name);
    log_warn("%s: %s", subject, text);
    journal_record(core->store, LOG_ALERT,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = ACTOR,
                                           .kind = "conduct",
                                           .subject = subject,
                                           .before = before,
                                           .after = after,
                                           .evidence = text},
                   NULL);
    alert_raise(core->alert,
                &(struct alert_notice){.event = ACTOR, .subject = subject, .text = text});
}

static void print_evidence(const struct vigil_user *user,
                           const struct conduct_verdict *verdict, char *out, size_t size)
{
    const struct conduct *conduct = &user->conduct;
    struct evidence_bounds unknown = evidence_of(
        conduct->unknown.hits < conduct->unknown.total ? conduct->unknown.hits
                                                       : conduct->unknown.total,
        conduct->unknown.total);
    (void)snprintf(out, size,
                   "%" PRIu32 " recipients this hour; usual now %" PRIu32
                   ", the biggest hour of 90 days %" PRIu32
                   "; recipients that do not exist %.1f %%%s%s",
                   conduct->sent, verdict->usual, verdict->peak, unknown.share * 100,
                   (verdict->signs & CONDUCT_SIGN_NETWORK) != 0
                       ? "; from a network it never came from"
                       : "",
                   (verdict->signs & CONDUCT_SIGN_PRINT) != 0
                       ? "; with content of a kind it never sent"
                       : "");
}

static void slow(struct core *core, struct vigil_user *user,
                 const struct conduct_verdict *verdict)
{
    char evidence[TEXT_SIZE / 2];
    char text[TEXT_SIZE];
    char after[64];
    user->limit = (struct pace_limit){.count = verdict->allowed,
                                      .burst = verdict->allowed / BURSTS + 1,
                                      .period_ns = HOUR_NS};
    if (user->told_hour == user->conduct.hour) {
        return;
    }
    user->told_hour = user->conduct.hour;
    print_evidence(user, verdict, evidence, sizeof evidence);
    (void)snprintf(
        text, sizeof text,
        "%s. Its mail is accepted and leaves at %" PRIu32
        " an hour. If this is meant: mesura user expect %s --volume N --until T",
        evidence, verdict->allowed, user->name);
    (void)snprintf(after, sizeof after, "slowed to %" PRIu32 " an hour",
                   verdict->allowed);
    say(core, user, "running", after, text);
}

static void hold(struct core *core, struct vigil_user *user,
                 const struct conduct_verdict *verdict)
{
    char text[TEXT_SIZE];
    struct freeze freeze = {
        .kind = FREEZE_USER, .by = ACTOR, .since_unix_ms = now_unix_ms()};
    if (user->held_hour == user->conduct.hour ||
        freezes_find(&core->freezes, FREEZE_USER, user->name) != NULL) {
        return; /* held, or thawed by somebody who has seen this */
    }
    user->held_hour = user->conduct.hour;
    (void)snprintf(freeze.name, sizeof freeze.name, "%s", user->name);
    print_evidence(user, verdict, freeze.why, sizeof freeze.why);
    (void)snprintf(
        text, sizeof text,
        "%s. Its mail is accepted and held. Release: mesura thaw user %s; give it "
        "back: mesura queue bounce --user %s; shut the door: mesura user disable "
        "%s",
        freeze.why, user->name, user->name, user->name);
    if (freezes_set(&core->freezes, &freeze, NULL) != 0) {
        log_error("user %s cannot be held", user->name);
        return;
    }
    say(core, user, "running", "held", text);
    keep(core, user);
    scheduler_kick_all(core);
}

static void act(struct core *core, struct vigil_user *user)
{
    struct conduct_verdict verdict =
        conduct_judge(&user->conduct, &conduct_defaults, false, now_ns());
    switch (verdict.judgement) {
    case CONDUCT_CALM: return;
    case CONDUCT_SLOW: slow(core, user, &verdict); return;
    case CONDUCT_HOLD: hold(core, user, &verdict); return;
    }
}

/* ---- what is seen ---- */

/* An IPv4 customer may have a /24, an IPv6 one a /48. */
static uint64_t network_of(const char *client)
{
    char text[NETADDR_TEXT_BYTES];
    struct netaddr addr;
    if (netaddr_parse(client, 0, &addr) != 0) {
        return 0;
    }
    size_t kept = addr.family == NETADDR_V4 ? 3 : 6;
    memset(addr.bytes + kept, 0, sizeof addr.bytes - kept);
    return fingerprint_text(netaddr_format(&addr, text));
}

bool vigil_allows(struct core *core, const struct permit *permit, char *text,
                  unsigned size)
{
    /* Before it is in: its refusal may be here before the word that it was accepted. */
    storms_message(core->vigil.storms, permit->id, permit->user, permit->body);
    for (unsigned i = 0; i < permit->hash_count; i++) {
        const char *reply = storms_reply(core->vigil.storms, permit->user,
                                         permit->hashes[i], permit->body, now_unix_ms());
        if (reply != NULL) {
            (void)snprintf(text, size,
                           "5.7.1 the same message to the same recipient was refused "
                           "before, and is not tried again today: %.300s",
                           reply);
            return false;
        }
    }
    return true;
}

void vigil_see(struct core *core, const struct permit *permit)
{
    struct vigil_user *user = find_or_make(core, permit->user);
    (void)conduct_hour(&user->conduct, hour_now());
    conduct_see(&user->conduct, permit->recipients, network_of(permit->client),
                permit->kind);
    user->is_changed = true;
    act(core, user);
}

/* Refused for what the mail or its sender is, not for what the recipient is. */
static bool is_policy(const struct answer *answer)
{
    if (answer->finding == NULL || answer->reply == NULL || answer->reply->code < 500) {
        return false;
    }
    enum finding_class class = answer->finding->class;
    return class == FINDING_CONTENT || class == FINDING_AUTH_POLICY ||
           class == FINDING_IP_LISTED || class == FINDING_IP_REPUTATION ||
           class == FINDING_DOMAIN_REPUTATION;
}

void vigil_answer(struct core *core, const struct answer *answer,
                  const struct change *change)
{
    const char *name = answer->message.user;
    /* A refused one has ended on the disk only when its notification is there. */
    bool has_ended = change->ended || change->state == CHANGE_FAILED ||
                     change->state == CHANGE_EXPIRED;
    if (name == NULL || name[0] == '\0' || !has_ended) {
        return;
    }
    struct vigil_user *user = find_or_make(core, name);
    bool refused = change->state == CHANGE_FAILED;
    bool unknown = refused && answer->finding != NULL &&
                   answer->finding->class == FINDING_BAD_MAILBOX;
    conduct_ended(&user->conduct, refused, unknown, now_ns());
    user->is_changed = true;
    if (refused && is_policy(answer) && answer->envelope != NULL) {
        char reply[STORMS_REPLY];
        storms_refused(core->vigil.storms, answer->message.id,
                       answer->envelope->recipients[answer->recipient.number].address,
                       settle_reply_text(answer->reply, reply, sizeof reply),
                       now_unix_ms());
    }
    if (unknown) {
        (void)conduct_hour(&user->conduct, hour_now());
        act(core, user);
    }
}

/* ---- slower ---- */

bool vigil_slows(struct core *core, const char *name, int64_t now, int64_t *out_earliest)
{
    const struct vigil_user *user = find(core, name);
    if (user == NULL || user->limit.period_ns == 0) {
        return false;
    }
    struct pace_answer answer = pace_ask(&user->pace, &user->limit, now);
    *out_earliest = answer.earliest_ns;
    return !answer.go;
}

void vigil_spend(struct core *core, const char *name, uint32_t units, int64_t now_ns)
{
    struct vigil_user *user = find(core, name);
    if (user != NULL && user->limit.period_ns != 0) {
        pace_spend(&user->pace, &user->limit, units, now_ns);
    }
}

void vigil_wait(struct core *core, int64_t earliest_ns)
{
    agenda_set(&core->agenda, &core->vigil.due, (uint64_t)earliest_ns);
}

bool vigil_expect(struct core *core, const char *name, uint64_t volume,
                  int64_t until_unix_ms, const char *by)
{
    char subject[USERS_NAME_BYTES + 8];
    char after[80];
    const struct users_user *known = users_find(core->users, name);
    if (known == NULL) {
        return false;
    }
    struct vigil_user *user = find_or_make(core, known->name);
    (void)conduct_hour(&user->conduct, hour_now());
    conduct_expect(&user->conduct, volume,
                   (int32_t)((until_unix_ms + HOUR_MS - 1) / HOUR_MS));
    user->limit = (struct pace_limit){0};
    (void)snprintf(subject, sizeof subject, "user %s", user->name);
    (void)snprintf(after, sizeof after, "%" PRIu64 " recipients expected", volume);
    journal_record(core->store, LOG_ADMIN,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = by,
                                           .kind = "conduct",
                                           .subject = subject,
                                           .after = after,
                                           .until_unix_ms = until_unix_ms},
                   NULL);
    keep(core, user);
    scheduler_kick_all(core);
    return true;
}

/* ---- time ---- */

/* Does mail of the user wait? */
static bool has_mail(struct core *core, const char *name)
{
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        if (strcmp(flow->user, name) == 0 && flow->ready > 0) {
            return true;
        }
    }
    return false;
}

/* The hour is over: what it was is history. Who came as usual is slowed no more, once
 * what it had sent before has left at the slower pace. */
static void end_hour(struct core *core, struct vigil_user *user, int32_t hour)
{
    uint32_t sent = user->conduct.sent;
    (void)conduct_hour(&user->conduct, hour);
    if (user->limit.period_ns != 0 && sent <= user->limit.count &&
        !has_mail(core, user->name)) {
        user->limit = (struct pace_limit){0};
        say(core, user, "slowed", "running", "the volume is as usual again");
    }
    if (user->is_changed) {
        keep(core, user);
    }
}

void vigil_tick(struct core *core)
{
    int32_t hour = hour_now();
    if (hour == core->vigil.hour) {
        return;
    }
    core->vigil.hour = hour;
    for (size_t i = 0; i < VIGIL_BUCKETS; i++) {
        list_each (node, &core->vigil.buckets[i]) {
            end_hour(core, LIST_OWNER(node, struct vigil_user, node), hour);
        }
    }
}
