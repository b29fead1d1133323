/* What puts an entry on the list and what takes it off again: refused mailboxes under the
 * stream's rule, complaints, unsubscribes, a site that refuses everybody. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/classify.h"

#include "relay/alert.h"
#include "relay/answer.h"
#include "relay/core.h"
#include "relay/journal.h"
#include "relay/known.h"
#include "relay/linebuf.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/suppression_parts.h"

#define ACTOR      "suppression"
#define HOUR_MS    INT64_C(3600000)
#define PAGE       64
#define SAVED_ONCE 8 /* parts of what is known, a second */

/* ---- the rules of a configuration ---- */

static struct suppress_terms terms_of(const struct config *config)
{
    const struct config_suppression *from = &config->suppression;
    return (struct suppress_terms){
        .strict_ms = from->strict_for_ns / NOW_NS_PER_MS,
        .strict_apart_ms = from->strict_apart_ns / NOW_NS_PER_MS,
        .lenient_strikes = from->lenient_after,
        .lenient_within_ms = from->lenient_within_ns / NOW_NS_PER_MS,
        .lenient_ms = from->lenient_for_ns / NOW_NS_PER_MS,
        .complaint_ms = from->complaint_for_ns / NOW_NS_PER_MS,
        .breaker_share = from->breaker_share,
        .breaker_times = from->breaker_times};
}

static const struct config_stream *stream_of(const struct core *core, const char *name)
{
    const struct config *config = core->snapshot->config;
    uint32_t index = config_stream_find(config, name);
    return &config->streams[index != CONFIG_NONE ? index : config->default_stream];
}

/* ---- entries ---- */

static void put(struct core *core, const struct suppression_entry *entry)
{
    int rc = suppression_set(&core->suppression, entry, NULL);
    if (rc != 0) {
        log_error("the suppression list is full: %s is still written to", entry->address);
        return;
    }
    if (entry->until_ms == 0) {
        return; /* it only remembers */
    }
    journal_record(core->store, LOG_SUPPRESSED,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = ACTOR,
                                           .kind = "suppress",
                                           .stream = entry->stream,
                                           .site = entry->site,
                                           .subject = entry->address,
                                           .before = "written to",
                                           .after = suppress_cause_name(entry->cause),
                                           .evidence = entry->why,
                                           .until_unix_ms = entry->until_ms == INT64_MAX
                                                                ? 0
                                                                : entry->until_ms},
                   NULL);
}

static void begin_entry(struct core *core, const char *stream, const char *address,
                        struct suppression_entry *out)
{
    *out = (struct suppression_entry){.since_ms = now_unix_ms()};
    if (suppression_find(&core->suppression, stream, address, out)) {
        return;
    }
    (void)snprintf(out->stream, sizeof out->stream, "%s", stream);
    (void)snprintf(out->address, sizeof out->address, "%s", address);
}

/* An operator's entry, a complaint, stays what it is. */
static bool is_stronger(const struct suppression_entry *entry, int64_t now_ms)
{
    return entry->until_ms > now_ms && entry->cause != SUPPRESS_BAD_MAILBOX;
}

static bool is_known(const struct core *core, const char *address)
{
    char folded[SUPPRESSION_ADDRESS];
    return suppression_fold(address, folded) &&
           known_has(core->suppression.known, folded);
}

static struct site *named_site(struct core *core, const char *name)
{
    return name[0] != '\0' ? sites_find(&core->sites, name) : NULL;
}

void suppression_strike(struct core *core, const char *stream, const char *site_name,
                        const char *address, const char *why)
{
    const struct config_stream *stream_config = stream_of(core, stream);
    enum suppress_rule rule = suppression_rule(core->snapshot->config, stream_config);
    struct suppress_terms terms = terms_of(core->snapshot->config);
    const struct site *site = named_site(core, site_name);
    struct suppression_entry entry;
    int64_t now_ms = now_unix_ms();
    if (rule == SUPPRESS_NEVER) {
        return;
    }
    begin_entry(core, stream_config->name, address, &entry);
    if (is_stronger(&entry, now_ms)) {
        return;
    }
    bool is_odd = site != NULL && site->mailboxes.is_open;
    int64_t until_ms = suppress_strike(&entry.history, rule, &terms,
                                       is_odd || is_known(core, address), now_ms);
    entry.cause = SUPPRESS_BAD_MAILBOX;
    entry.since_ms = now_ms;
    entry.until_ms = until_ms > entry.until_ms ? until_ms : entry.until_ms;
    (void)snprintf(entry.site, sizeof entry.site, "%s", site_name);
    settle_clean(why, entry.why, sizeof entry.why);
    put(core, &entry);
}

bool suppression_wish(struct core *core, enum suppress_cause cause, const char *stream,
                      const char *address, const char *why)
{
    const struct config_stream *of = stream_of(core, stream);
    struct suppress_terms terms = terms_of(core->snapshot->config);
    struct suppression_entry entry;
    int64_t now_ms = now_unix_ms();
    int64_t until_ms =
        suppress_wish(suppression_rule(core->snapshot->config, of), &terms, now_ms);
    if (until_ms == 0) {
        return false;
    }
    begin_entry(core, of->name, address, &entry);
    entry.cause = cause;
    entry.since_ms = now_ms;
    entry.until_ms = until_ms > entry.until_ms ? until_ms : entry.until_ms;
    settle_clean(why, entry.why, sizeof entry.why);
    put(core, &entry);
    return true;
}

/* ---- a site that refuses everybody ---- */

struct burst {
    const char *site;
    int64_t since_ms;
};

static bool is_of_burst(const struct suppression_entry *entry, const void *owner)
{
    const struct burst *burst = owner;
    return entry->until_ms != 0 && entry->cause == SUPPRESS_BAD_MAILBOX &&
           entry->since_ms >= burst->since_ms && strcmp(entry->site, burst->site) == 0;
}

/* What the last hour has put there is taken back; its strikes are remembered. */
static void take_back(struct core *core, const struct site *site)
{
    struct burst burst = {.site = site->name, .since_ms = now_unix_ms() - HOUR_MS};
    struct suppression_entry page[PAGE];
    uint64_t cursor = 0;
    size_t back = 0;
    do {
        size_t count = suppression_walk(&core->suppression, &cursor, is_of_burst, &burst,
                                        page, PAGE);
        for (size_t i = 0; i < count; i++) {
            page[i].until_ms = 0;
            put(core, &page[i]);
        }
        back += count;
    } while (cursor != 0);
    char after[96];
    char evidence[160];
    (void)snprintf(after, sizeof after, "%zu entries of the last hour taken back", back);
    (void)snprintf(
        evidence, sizeof evidence,
        "%.0f of %.0f recipients of this hour refused as unknown; usual %.1f %%",
        site->mailboxes.hour_hits, site->mailboxes.hour_total,
        100 * (site->mailboxes.usual_hits + 1) / (site->mailboxes.usual_total + 50));
    journal_record(core->store, LOG_LIMIT,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = ACTOR,
                                           .kind = "suppression-breaker",
                                           .site = site->name,
                                           .before = "refused mailboxes are suppressed",
                                           .after = after,
                                           .evidence = evidence},
                   NULL);
    log_warn("site %s refuses too many mailboxes to be true (%s): nothing it says now "
             "suppresses a recipient at once",
             site->name, evidence);
}

static void note_site(struct core *core, struct site *site, bool is_strike)
{
    struct suppress_terms terms = terms_of(core->snapshot->config);
    if (suppress_breaker_add(&site->mailboxes, &terms, is_strike ? 1 : 0, 1, now_ns(),
                             now_unix_ms())) {
        take_back(core, site);
    }
}

/* ---- answers ---- */

/* The receiver's own word, for good, and about the mailbox alone. */
static bool is_strike(const struct answer *answer, const struct change *change)
{
    return change->state == CHANGE_FAILED && answer->reply->origin == REPLY_REMOTE &&
           answer->finding->class == FINDING_BAD_MAILBOX &&
           answer->finding->scope == FINDING_SCOPE_RECIPIENT &&
           classify_is_permanent(answer->reply, answer->finding);
}

/* It takes mail: what was held against it is forgotten. */
static void forgive(struct core *core, const char *stream, const char *address)
{
    struct suppression_entry entry;
    char folded[SUPPRESSION_ADDRESS];
    if (!suppression_fold(address, folded)) {
        return;
    }
    known_add(core->suppression.known, folded, now_unix_ms());
    if (core->suppression.count > 0 &&
        suppression_find(&core->suppression, stream, address, &entry) &&
        entry.cause == SUPPRESS_BAD_MAILBOX) {
        (void)suppression_remove(&core->suppression, stream, address, NULL);
    }
}

void suppression_answer(struct core *core, const struct answer *answer,
                        const struct change *change)
{
    const struct envelope *envelope = answer->envelope;
    if (envelope == NULL || answer->job == NULL || answer->finding == NULL ||
        answer->reply->origin != REPLY_REMOTE ||
        (envelope->flags & ENVELOPE_IS_DSN) != 0) {
        return;
    }
    const char *address = envelope->recipients[answer->recipient.number].address;
    if (change->state == CHANGE_DELIVERED) {
        note_site(core, answer->lane->site, false);
        forgive(core, answer->message.stream, address);
    } else if (is_strike(answer, change)) {
        char why[REPLY_TEXT_BYTES + 32];
        note_site(core, answer->lane->site, true);
        suppression_strike(core, answer->message.stream, answer->lane->site->name,
                           address, settle_reply_text(answer->reply, why, sizeof why));
    }
}

/* ---- time ---- */

/* Over, and with no strike left that could matter. */
struct sweep {
    struct suppress_terms terms;
    int64_t now_ms;
};

static bool is_over(const struct suppression_entry *entry, const void *owner)
{
    const struct sweep *sweep = owner;
    return entry->until_ms <= sweep->now_ms &&
           suppress_is_stale(&entry->history, &sweep->terms, sweep->now_ms);
}

void suppression_tick(struct core *core)
{
    struct suppression *suppression = &core->suppression;
    struct sweep sweep = {.terms = terms_of(core->snapshot->config),
                          .now_ms = now_unix_ms()};
    struct suppression_entry page[PAGE];
    uint64_t cursor = 0;
    if (suppression->swept_ms > sweep.now_ms - HOUR_MS) {
        return;
    }
    if (known_save(suppression->known, core->store, SAVED_ONCE) > 0) {
        return; /* some parts a second, until all are down */
    }
    suppression->swept_ms = sweep.now_ms;
    do {
        size_t count =
            suppression_walk(suppression, &cursor, is_over, &sweep, page, PAGE);
        for (size_t i = 0; i < count; i++) {
            (void)suppression_remove(suppression, page[i].stream, page[i].address, NULL);
        }
    } while (cursor != 0);
}
