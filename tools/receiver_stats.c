#include "tools/receiver_stats.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/receiver_gates.h"
#include "tools/receiver_keys.h"
#include "tools/ticks.h"

static void put_count(json_t *object, const char *key, uint64_t count)
{
    (void)json_object_set_new(object, key, json_integer((json_int_t)count));
}

static uint64_t attempts(const struct receiver_tally *tally)
{
    return tally->accepted + tally->deferred + tally->refused + tally->blocked +
           tally->closed;
}

/* Attempts beyond the capacity: what the paced limits and their escalation turned away.
 */
static uint64_t overshoot(const struct receiver_tally *tally)
{
    return tally->by_class[RECEIVER_RATE] + tally->by_class[RECEIVER_HOURLY] +
           tally->by_class[RECEIVER_DAILY] + tally->by_class[RECEIVER_CURVE] +
           tally->by_class[RECEIVER_BOX] + tally->by_class[RECEIVER_BLOCK];
}

static void put_ratio(json_t *object, const char *key, double part, double whole)
{
    (void)json_object_set_new(object, key,
                              whole > 0.0 ? json_real(part / whole) : json_null());
}

static void put_tally(json_t *object, const struct receiver_tally *tally)
{
    json_t *classes = json_object();

    put_count(object, "connections", tally->connections);
    put_count(object, "open", tally->open);
    put_count(object, "max_open", tally->max_open);
    put_count(object, "transactions", tally->transactions);
    put_count(object, "messages", tally->messages);
    put_count(object, "attempts", attempts(tally));
    put_count(object, "accepted", tally->accepted);
    put_count(object, "deferred", tally->deferred);
    put_count(object, "refused", tally->refused);
    put_count(object, "blocked", tally->blocked);
    put_count(object, "closed", tally->closed);
    put_count(object, "duplicates", tally->duplicates);
    put_count(object, "bytes", tally->bytes);
    put_count(object, "overshoot", overshoot(tally));
    put_count(object, "after_listing", tally->after_listing);
    put_ratio(object, "deferral_ratio", (double)tally->deferred, (double)attempts(tally));
    put_count(object, "first_ns", (uint64_t)tally->first_ns);
    put_count(object, "last_ns", (uint64_t)tally->last_ns);
    put_count(object, "first_accepted_ns", (uint64_t)tally->first_accepted_ns);
    put_count(object, "last_accepted_ns", (uint64_t)tally->last_accepted_ns);
    put_count(object, "listing_ns", (uint64_t)tally->listing_ns);
    for (int i = 0; i < RECEIVER_CLASSES; i++) {
        if (tally->by_class[i] > 0) {
            put_count(classes, receiver_keys_classes[i], tally->by_class[i]);
        }
    }
    (void)json_object_set_new(object, "by_class", classes);
}

static void earlier(int64_t *sum, int64_t one)
{
    if (one != 0 && (*sum == 0 || one < *sum)) {
        *sum = one;
    }
}

static void later(int64_t *sum, int64_t one)
{
    if (one > *sum) {
        *sum = one;
    }
}

static void add_tally(struct receiver_tally *sum, const struct receiver_tally *one)
{
    sum->connections += one->connections;
    sum->open += one->open;
    sum->max_open += one->max_open;
    sum->transactions += one->transactions;
    sum->messages += one->messages;
    sum->accepted += one->accepted;
    sum->deferred += one->deferred;
    sum->refused += one->refused;
    sum->blocked += one->blocked;
    sum->closed += one->closed;
    sum->duplicates += one->duplicates;
    sum->bytes += one->bytes;
    sum->after_listing += one->after_listing;
    for (int i = 0; i < RECEIVER_CLASSES; i++) {
        sum->by_class[i] += one->by_class[i];
    }
    earlier(&sum->first_ns, one->first_ns);
    earlier(&sum->first_accepted_ns, one->first_accepted_ns);
    earlier(&sum->listing_ns, one->listing_ns);
    later(&sum->last_ns, one->last_ns);
    later(&sum->last_accepted_ns, one->last_accepted_ns);
}

/* The account against which this source counts; shared ones appear with each source. */
static void put_account(json_t *object, const struct receiver_provider *provider,
                        struct receiver_account *account, int64_t model_ns)
{
    bool limited = receiver_gates_capacity(provider, account, model_ns);

    (void)json_object_set_new(object, "capacity",
                              limited ? json_real(account->capacity) : json_null());
    (void)json_object_set_new(object, "capacity_at_last_attempt",
                              limited ? json_real(account->capacity_last) : json_null());
    put_count(object, "account_accepted", account->accepted);
    put_ratio(object, "goodput_ratio", (double)account->accepted,
              limited ? account->capacity_last : 0.0);
    put_count(object, "boxes", account->boxes);
    put_count(object, "blocks", account->blocks);
    (void)json_object_set_new(object, "boxed",
                              json_boolean(model_ns < account->box_until_ns));
    (void)json_object_set_new(object, "block_now",
                              json_boolean(model_ns < account->block_until_ns));
}

static json_t *provider_json(const struct receiver_provider *provider, int64_t model_ns,
                             struct receiver_tally *total)
{
    json_t *object = json_object();
    json_t *sources = json_object();
    struct receiver_tally sum = {0};

    (void)json_object_set_new(object, "name", json_string(provider->spec.name));
    (void)json_object_set_new(object, "listen", json_string(provider->address));
    for (size_t i = 0; i < provider->sources.capacity; i++) {
        const struct receiver_source *source = provider->sources.slots[i];
        json_t *one = NULL;

        if (source == NULL) {
            continue;
        }
        one = json_object();
        put_tally(one, &source->tally);
        put_account(one, provider, source->account, model_ns);
        (void)json_object_set_new(one, "listed",
                                  json_boolean(source->listing == RECEIVER_LISTING_ON));
        (void)json_object_set_new(sources, source->text, one);
        add_tally(&sum, &source->tally);
    }
    put_tally(object, &sum);
    put_count(object, "turned_away", provider->turned_away);
    (void)json_object_set_new(object, "sources", sources);
    add_tally(total, &sum);
    return object;
}

static json_t *all_json(struct receiver_desk *desk,
                        struct receiver_provider *const *providers, size_t count)
{
    json_t *root = json_object();
    json_t *list = json_array();
    json_t *total = json_object();
    struct receiver_tally sum = {0};
    int64_t model_ns = receiver_session_model_ns(desk);

    put_count(root, "now_ns", (uint64_t)desk->reactor.now_ns);
    put_count(root, "started_ns", (uint64_t)desk->start_ns);
    put_count(root, "unix_ms", (uint64_t)ticks_unix_ms());
    (void)json_object_set_new(root, "speed", json_real(desk->speed));
    (void)json_object_set_new(root, "model_s", json_real((double)model_ns / 1e9));
    put_count(root, "duplicates_unknown", desk->seen.unknown);
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, provider_json(providers[i], model_ns, &sum));
    }
    put_tally(total, &sum);
    (void)json_object_set_new(root, "total", total);
    (void)json_object_set_new(root, "providers", list);
    return root;
}

void receiver_stats_print(FILE *out, struct receiver_desk *desk,
                          struct receiver_provider *const *providers, size_t count)
{
    json_t *root = all_json(desk, providers, count);

    (void)json_dumpf(root, out, JSON_COMPACT);
    (void)fputc('\n', out);
    (void)fflush(out);
    json_decref(root);
}

int receiver_stats_save(const char *path, struct receiver_desk *desk,
                        struct receiver_provider *const *providers, size_t count)
{
    char next[PATH_MAX];
    json_t *root = NULL;
    int rc = 0;

    if (snprintf(next, sizeof next, "%s.next", path) >= (int)sizeof next) {
        return -ENAMETOOLONG;
    }
    root = all_json(desk, providers, count);
    errno = EIO;
    if (json_dump_file(root, next, JSON_INDENT(1)) != 0 || rename(next, path) != 0) {
        rc = -errno;
    }
    json_decref(root);
    return rc;
}
