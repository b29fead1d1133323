/* Good path: core_on_permit -> is there room in every period -> is it leased -> counted,
 * answered.
 *
 * Failure modes: over a limit (450 with the time it opens); more recipients than the
 * limit (550); the lease is not there yet (the permit waits, on_leased goes on); the
 * store cannot be written (451 to all who wait; nothing was gained). */

#include "relay/allowance.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/fields.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/store.h"

static const struct {
    const char *name; /* "per_NAME" is the user's limit */
    const char *words;
    int64_t ms;
} periods[ALLOWANCE_PERIODS] = {
    [ALLOWANCE_MINUTE] = {"minute", "this minute", INT64_C(60000)},
    [ALLOWANCE_HOUR] = {"hour", "this hour", INT64_C(3600000)},
    [ALLOWANCE_DAY] = {"day", "today", INT64_C(86400000)},
};

static int32_t number_of(int period)
{
    return (int32_t)(now_unix_ms() / periods[period].ms);
}

static uint64_t cap_of(const struct users_user *user, int period)
{
    switch ((enum allowance_period)period) {
    case ALLOWANCE_MINUTE: return user->per_minute;
    case ALLOWANCE_HOUR: return user->per_hour;
    case ALLOWANCE_DAY: return user->per_day;
    case ALLOWANCE_PERIODS: break;
    }
    return 0;
}

/* ---- the table ---- */

void allowances_init(struct allowances *allowances)
{
    for (size_t i = 0; i < ALLOWANCE_BUCKETS; i++) {
        list_init(&allowances->buckets[i]);
    }
}

void allowances_done(struct allowances *allowances)
{
    for (size_t i = 0; i < ALLOWANCE_BUCKETS; i++) {
        list_each_safe (node, &allowances->buckets[i]) {
            struct allowance *allowance = LIST_OWNER(node, struct allowance, node);
            assert(list_is_empty(&allowance->waiting));
            free(allowance);
        }
        list_init(&allowances->buckets[i]);
    }
}

static struct list *bucket_of(struct allowances *allowances, const char *user)
{
    uint32_t hash = 2166136261U; /* names are the operator's: no stranger aims at these */
    for (const char *at = user; *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;
        if (byte >= 'A' && byte <= 'Z') {
            byte = (uint8_t)(byte - 'A' + 'a');
        }
        hash = (hash ^ byte) * 16777619U;
    }
    return &allowances->buckets[hash % ALLOWANCE_BUCKETS];
}

static struct allowance *find(struct core *core, const char *user)
{
    list_each (node, bucket_of(&core->allowances, user)) {
        struct allowance *allowance = LIST_OWNER(node, struct allowance, node);
        if (strcasecmp(allowance->user, user) == 0) {
            return allowance;
        }
    }
    return NULL;
}

static struct allowance *find_or_make(struct core *core, const char *user)
{
    struct allowance *allowance = find(core, user);
    if (allowance != NULL) {
        return allowance;
    }
    allowance = arena_must(1, sizeof *allowance);
    allowance->core = core;
    (void)snprintf(allowance->user, sizeof allowance->user, "%s", user);
    for (int i = 0; i < ALLOWANCE_PERIODS; i++) {
        ledger_open(&allowance->ledgers[i], NULL, number_of(i));
    }
    list_init(&allowance->waiting);
    list_push_back(bucket_of(&core->allowances, user), &allowance->node);
    return allowance;
}

/* ---- the store ---- */

static void key_of(const struct allowance *allowance, int period,
                   char out[STORE_KEY_BYTES])
{
    (void)snprintf(out, STORE_KEY_BYTES, ALLOWANCE_PREFIX "%s|%s", allowance->user,
                   periods[period].name);
}

void allowances_load(struct core *core, const struct store_row *row)
{
    const char *user = row->key + sizeof ALLOWANCE_PREFIX - 1;
    const char *bar = strrchr(user, '|');
    char name[USERS_NAME_BYTES];
    struct fields fields;
    if (bar == NULL || bar == user || (size_t)(bar - user) >= sizeof name ||
        !fields_load(&fields, row->value, strlen(row->value))) {
        return;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(bar - user), user);
    for (int i = 0; i < ALLOWANCE_PERIODS; i++) {
        int64_t number = fields_int_or(&fields, "period", 0);
        int64_t reserved = fields_int_or(&fields, "reserved", 0);
        if (strcmp(bar + 1, periods[i].name) == 0 && number >= 0 && number <= INT32_MAX &&
            reserved >= 0) {
            struct ledger_record record = {.day = (int32_t)number,
                                           .reserved = (uint64_t)reserved};
            ledger_open(&find_or_make(core, name)->ledgers[i], &record, number_of(i));
        }
    }
}

static void put(const struct allowance *allowance, int period,
                const struct ledger_record *record, struct store_ticket *ticket)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    key_of(allowance, period, key);
    fields_init(&fields);
    fields_add_int(&fields, "period", record->day);
    fields_add_int(&fields, "reserved", (int64_t)record->reserved);
    store_put(
        allowance->core->store,
        &(struct store_row){.kind = STORE_CONDUCT, .key = key, .value = fields.text},
        ticket);
}

static void save(const struct allowance *allowance)
{
    for (int period = 0; period < ALLOWANCE_PERIODS; period++) {
        const struct ledger *ledger = &allowance->ledgers[period];
        if (ledger->durable > 0) {
            struct ledger_record record = ledger_close(ledger);
            put(allowance, period, &record, NULL);
        }
    }
}

void allowances_save_all(struct core *core)
{
    for (size_t i = 0; i < ALLOWANCE_BUCKETS; i++) {
        list_each (node, &core->allowances.buckets[i]) {
            save(LIST_OWNER(node, struct allowance, node));
        }
    }
}

/* ---- the answer ---- */

static void answer(struct permit *permit, unsigned code)
{
    permit->code = code;
    mailbox_post(permit->home, &permit->letter, permit->done_cb);
}

/* False, and answered, when a limit says no. */
static bool fits(struct allowance *allowance, const struct users_user *user,
                 struct permit *permit)
{
    for (int i = 0; i < ALLOWANCE_PERIODS; i++) {
        uint64_t cap = cap_of(user, i);
        const struct ledger *ledger = &allowance->ledgers[i];
        if (cap == 0 || ledger->spent + permit->recipients <= cap) {
            continue;
        }
        if (permit->recipients > cap) {
            (void)snprintf(permit->text, sizeof permit->text,
                           "5.7.1 user %s may send to %" PRIu64
                           " recipients a %s, and this message has %" PRIu32 "; split it",
                           user->name, cap, periods[i].name, permit->recipients);
            answer(permit, 550);
            return false;
        }
        int64_t opens_s = ((int64_t)ledger->day + 1) * periods[i].ms / 1000;
        (void)snprintf(permit->text, sizeof permit->text,
                       "4.7.1 user %s has sent to %" PRIu64 " of %" PRIu64
                       " recipients %s; try again after %02d:%02d UTC",
                       user->name, ledger->spent, cap, periods[i].words,
                       (int)(opens_s / 3600 % 24), (int)(opens_s / 60 % 60));
        answer(permit, 450);
        return false;
    }
    return true;
}

struct lease {
    struct store_ticket ticket;
    struct allowance *allowance; /* borrowed: lives as long as core */
    int period;
    struct ledger_record record;
};

static void go_on(struct allowance *allowance);

static void on_leased(struct letter *letter)
{
    struct store_ticket *ticket = LIST_OWNER(letter, struct store_ticket, letter);
    struct lease *lease = LIST_OWNER(ticket, struct lease, ticket);
    struct allowance *allowance = lease->allowance;
    struct ledger *ledger = &allowance->ledgers[lease->period];
    allowance->is_leasing[lease->period] = false;
    if (ticket->status == 0) {
        ledger_durable(ledger, &lease->record);
    } else {
        ledger_failed(ledger);
        log_error("the store cannot be written: user %s cannot be counted and waits",
                  allowance->user);
        list_each_safe (node, &allowance->waiting) {
            struct permit *permit = LIST_OWNER(node, struct permit, node);
            list_remove(node);
            (void)snprintf(permit->text, sizeof permit->text,
                           "4.3.0 what this user has sent cannot be written down; try "
                           "again later");
            answer(permit, 451);
        }
    }
    free(lease);
    go_on(allowance);
}

/* Twice what is needed, at least a tenth of the cap: after a crash what was leased and
 * not spent is lost. */
static void ask_lease(struct allowance *allowance, int period, uint64_t cap,
                      uint64_t recipients)
{
    struct ledger_record record;
    uint64_t size = 2 * (recipients > cap / 10 ? recipients : cap / 10);
    if (allowance->is_leasing[period] ||
        !ledger_want(&allowance->ledgers[period], cap, size, &record)) {
        return;
    }
    struct lease *lease = arena_must(1, sizeof *lease);
    lease->allowance = allowance;
    lease->period = period;
    lease->record = record;
    lease->ticket.home = &allowance->core->mailbox;
    lease->ticket.done_cb = on_leased;
    allowance->is_leasing[period] = true;
    put(allowance, period, &record, &lease->ticket);
}

static bool is_leased(struct allowance *allowance, const struct users_user *user,
                      const struct permit *permit)
{
    bool is_ready = true;
    for (int i = 0; i < ALLOWANCE_PERIODS; i++) {
        uint64_t cap = cap_of(user, i);
        if (cap != 0 && ledger_room(&allowance->ledgers[i], cap) < permit->recipients) {
            ask_lease(allowance, i, cap, permit->recipients);
            is_ready = false;
        }
    }
    return is_ready;
}

/* True when the permit has been answered. */
static bool try_answer(struct allowance *allowance, const struct users_user *user,
                       struct permit *permit)
{
    for (int i = 0; i < ALLOWANCE_PERIODS; i++) {
        /* Not under a lease that is being written: it would land in another period. */
        if (!allowance->is_leasing[i]) {
            (void)ledger_day(&allowance->ledgers[i], number_of(i), NULL);
        } else if (number_of(i) > allowance->ledgers[i].day) {
            return false;
        }
    }
    if (!fits(allowance, user, permit)) {
        return true;
    }
    if (!is_leased(allowance, user, permit)) {
        return false;
    }
    for (int i = 0; i < ALLOWANCE_PERIODS; i++) {
        if (cap_of(user, i) != 0) {
            ledger_spend(&allowance->ledgers[i], permit->recipients);
        }
        permit->periods[i] = allowance->ledgers[i].day;
    }
    permit->is_counted = true;
    answer(permit, 0);
    return true;
}

/* Those who waited, in order; the rights are looked up anew. */
static void go_on(struct allowance *allowance)
{
    list_each_safe (node, &allowance->waiting) {
        struct permit *permit = LIST_OWNER(node, struct permit, node);
        const struct users_user *user =
            users_find(allowance->core->users, allowance->user);
        if (user == NULL || user->is_disabled) {
            list_remove(node);
            (void)snprintf(permit->text, sizeof permit->text,
                           "5.7.1 this user may not send any more");
            answer(permit, 550);
            continue;
        }
        list_remove(node);
        if (!try_answer(allowance, user, permit)) {
            list_push_front(&allowance->waiting, node);
            return; /* suspended: on_leased goes on */
        }
    }
}

void allowances_ask(struct core *core, const struct users_user *user,
                    struct permit *permit)
{
    if (user->per_minute == 0 && user->per_hour == 0 && user->per_day == 0) {
        answer(permit, 0);
        return;
    }
    struct allowance *allowance = find_or_make(core, user->name);
    if (!list_is_empty(&allowance->waiting) || !try_answer(allowance, user, permit)) {
        list_push_back(&allowance->waiting, &permit->node);
    }
}

void allowances_settle(struct core *core, const struct permit *permit)
{
    struct allowance *allowance = find(core, permit->user);
    assert(allowance != NULL); /* it was counted, and entries stay */
    for (int i = 0; i < ALLOWANCE_PERIODS; i++) {
        ledger_settle(&allowance->ledgers[i], permit->periods[i],
                      permit->is_accepted ? permit->recipients : 0,
                      permit->is_accepted ? 0 : permit->recipients);
    }
}

uint64_t allowances_used(struct core *core, const char *user,
                         enum allowance_period period)
{
    const struct allowance *allowance = find(core, user);
    if (allowance == NULL || allowance->ledgers[period].day != number_of((int)period)) {
        return 0;
    }
    return allowance->ledgers[period].spent;
}
