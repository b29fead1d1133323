#include "relay/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/snapshot.h"

#define BUCKET_NS (INT64_C(10) * 1000000000)
#define BUCKETS   4096

/* ---- meters ---- */

static void meter_advance(struct meter *meter, int64_t bucket)
{
    if (bucket - meter->bucket >= METER_BUCKETS) {
        memset(meter->counts, 0, sizeof meter->counts);
    } else {
        for (int64_t b = meter->bucket + 1; b <= bucket; b++) {
            meter->counts[b % METER_BUCKETS] = 0;
        }
    }
    meter->bucket = bucket;
}

void meter_add(struct meter *meter, uint32_t count, int64_t now_ns)
{
    int64_t bucket = now_ns / BUCKET_NS;
    if (bucket != meter->bucket) {
        meter_advance(meter, bucket);
    }
    meter->counts[bucket % METER_BUCKETS] += count;
}

double meter_per_second(const struct meter *meter, int64_t now_ns)
{
    struct meter copy = *meter;
    meter_add(&copy, 0, now_ns);
    uint64_t sum = 0;
    for (unsigned i = 0; i < METER_BUCKETS; i++) {
        sum += copy.counts[i];
    }
    int64_t span_ns = (METER_BUCKETS - 1) * BUCKET_NS + now_ns % BUCKET_NS;
    return (double)sum * 1e9 / (double)span_ns;
}

/* ---- sites ---- */

static size_t bucket_of(const struct sites *sites, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *at = name; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    }
    return (size_t)(hash % sites->bucket_count);
}

void sites_init(struct sites *sites, struct core *core)
{
    sites->bucket_count = BUCKETS;
    sites->buckets = arena_must(BUCKETS, sizeof(struct site *));
    sites->count = 0;
    sites->core = core;
}

static void bays_free(struct site *site)
{
    for (uint32_t i = 0; i < site->bay_count; i++) {
        for (uint32_t n = 0; n < site->bays[i].ready_room; n++) {
            round_done(&site->bays[i].ready[n]);
        }
        free(site->bays[i].ready);
    }
    free(site->bays);
    site->bays = NULL;
    site->bay_count = 0;
}

static void site_free(struct site *site)
{
    list_each_safe (node, &site->lanes) {
        free(LIST_OWNER(node, struct lane, by_site));
    }
    bays_free(site);
    free(site);
}

void sites_done(struct sites *sites)
{
    for (size_t i = 0; sites->buckets != NULL && i < sites->bucket_count; i++) {
        struct site *site = sites->buckets[i];
        while (site != NULL) {
            struct site *next = site->next_in_bucket;
            site_free(site);
            site = next;
        }
    }
    free(sites->buckets);
    sites->buckets = NULL;
}

struct site *sites_find(const struct sites *sites, const char *name)
{
    struct site *site = sites->buckets[bucket_of(sites, name)];
    while (site != NULL && strcmp(site->name, name) != 0) {
        site = site->next_in_bucket;
    }
    return site;
}

static void make_bays(struct site *site, const struct snapshot *snapshot)
{
    site->bay_count = (uint32_t)snapshot->config->stream_count;
    site->bays = arena_must(site->bay_count, sizeof *site->bays);
}

struct site *sites_get(struct sites *sites, const char *name, uint32_t config)
{
    struct site *site = sites_find(sites, name);
    if (site != NULL) {
        return site;
    }
    site = arena_must(1, sizeof *site);
    (void)snprintf(site->name, sizeof site->name, "%s", name);
    site->core = sites->core;
    site->config = config;
    site->wake.due_cb = scheduler_on_wake;
    list_init(&site->lanes);
    make_bays(site, sites->core->snapshot);
    pace_init(&site->total_pace, &sites->core->snapshot->sites[config].total_rate,
              sites->core->started_ns);
    size_t bucket = bucket_of(sites, name);
    site->next_in_bucket = sites->buckets[bucket];
    sites->buckets[bucket] = site;
    sites->count++;
    return site;
}

struct site *sites_next(const struct sites *sites, const struct site *site)
{
    size_t bucket = 0;
    if (site != NULL) {
        if (site->next_in_bucket != NULL) {
            return site->next_in_bucket;
        }
        bucket = bucket_of(sites, site->name) + 1;
    }
    while (bucket < sites->bucket_count && sites->buckets[bucket] == NULL) {
        bucket++;
    }
    return bucket < sites->bucket_count ? sites->buckets[bucket] : NULL;
}

void sites_take(struct sites *sites, const struct snapshot *snapshot)
{
    for (struct site *site = sites_next(sites, NULL); site != NULL;
         site = sites_next(sites, site)) {
        uint32_t config = config_site_find(snapshot->config, site->name);
        site->config = config != CONFIG_NONE ? config : snapshot->config->default_site;
        bays_free(site);
        make_bays(site, snapshot);
    }
}

const struct control_limits *sites_limits(const struct site *site)
{
    return &site->core->snapshot->sites[site->config].limits;
}

/* ---- lanes ---- */

struct lane *sites_lane_find(struct site *site, const struct source *source)
{
    list_each (node, &site->lanes) {
        struct lane *lane = LIST_OWNER(node, struct lane, by_site);
        if (lane->source == source) {
            return lane;
        }
    }
    return NULL;
}

struct lane *sites_lane(struct site *site, struct source *source, int64_t now_ns)
{
    struct lane *lane = sites_lane_find(site, source);
    if (lane != NULL) {
        return lane;
    }
    lane = arena_must(1, sizeof *lane);
    lane->source = source;
    lane->site = site;
    atomic_init(&lane->stop_flag, false);
    list_init(&lane->idle);
    list_init(&lane->busy);
    list_push_back(&site->lanes, &lane->by_site);
    list_push_back(&source->lanes, &lane->by_source);
    const struct control_limits *limits = sites_limits(site);
    control_init(&lane->control, limits, now_ns);
    struct pace_limit rate = control_rate(&lane->control, limits, now_ns);
    pace_init(&lane->pace, &rate, site->core->started_ns);
    return lane;
}
