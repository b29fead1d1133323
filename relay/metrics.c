#include "relay/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/limits.h"
#include "relay/linebuf.h"

#define VALUE_BYTES 64
#define OTHER       "other"

/* Upper bounds of a histogram's buckets; one more is without bound. */
static const int64_t bounds_ms[] = {5,    10,   25,   50,    100,   250,   500,
                                    1000, 2500, 5000, 10000, 30000, 60000, 300000};
#define BOUNDS          (sizeof bounds_ms / sizeof bounds_ms[0])
#define BUCKETS         (BOUNDS + 1)
#define HISTOGRAM_SLOTS (BUCKETS + 1) /* the last is the sum of all values */

struct series {
    unsigned first; /* slot; also the series' number */
    char values[METRICS_LABELS][VALUE_BYTES];
};

struct family {
    struct metrics_family told; /* borrowed texts */
    size_t labels;
    size_t series_count;
    struct series
        *series; /* owned; series[0] is the one for all others, if there are labels */
    size_t series_size;
};

struct metrics {
    unsigned threads;
    _Atomic int64_t *slots; /* owned; LIMIT_METRIC_SLOTS for each thread */
    pthread_mutex_t lock;   /* guards all below; never taken on the way */
    unsigned slots_used;
    size_t family_count;
    struct family families[LIMIT_METRIC_FAMILIES];
};

struct metrics *metrics_new(unsigned threads)
{
    assert(threads > 0);
    struct metrics *metrics = arena_must(1, sizeof *metrics);
    metrics->threads = threads;
    metrics->slots =
        arena_must((size_t)threads * LIMIT_METRIC_SLOTS, sizeof *metrics->slots);
    (void)pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < metrics->family_count; i++) {
        free(metrics->families[i].series);
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics->slots);
    free(metrics);
}

static unsigned slots_of(const struct family *family)
{
    return family->told.kind == METRICS_HISTOGRAM ? HISTOGRAM_SLOTS : 1;
}

/* Add a series, or return NULL when the family or the whole is full. */
static struct series *add_series(struct metrics *metrics, struct family *family)
{
    unsigned slots = slots_of(family);
    if (family->series_count >= LIMIT_METRIC_SERIES ||
        metrics->slots_used + slots > LIMIT_METRIC_SLOTS) {
        return NULL;
    }
    if (family->series_count == family->series_size) {
        size_t size = family->series_size == 0 ? 4 : family->series_size * 2;
        struct series *larger = realloc(family->series, size * sizeof *larger);
        if (larger == NULL) {
            return NULL;
        }
        family->series = larger;
        family->series_size = size;
    }
    struct series *series = &family->series[family->series_count];
    *series = (struct series){.first = metrics->slots_used};
    metrics->slots_used += slots;
    family->series_count++;
    return series;
}

static bool is_good_name(const char *name, enum metrics_kind kind)
{
    static const char total[] = "_total";
    size_t size = strlen(name);
    bool is_total =
        size > sizeof total && strcmp(name + size - sizeof total + 1, total) == 0;
    return strncmp(name, "mesura_", 7) == 0 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
           is_total == (kind == METRICS_COUNTER);
}

unsigned metrics_declare(struct metrics *metrics, const struct metrics_family *family)
{
    assert(metrics != NULL);
    assert(family != NULL);
    assert(is_good_name(family->name, family->kind));
    assert(metrics->family_count < LIMIT_METRIC_FAMILIES);
    for (size_t i = 0; i < metrics->family_count; i++) {
        assert(strcmp(metrics->families[i].told.name, family->name) != 0);
    }
    struct family *added = &metrics->families[metrics->family_count];
    added->told = *family;
    while (added->labels < METRICS_LABELS && family->labels[added->labels] != NULL) {
        added->labels++;
    }
    struct series *first = add_series(metrics, added);
    assert(first != NULL);
    for (size_t i = 0; i < added->labels; i++) {
        (void)snprintf(first->values[i], VALUE_BYTES, "%s", OTHER);
    }
    metrics->family_count++;
    return (unsigned)(metrics->family_count - 1);
}

/* A label's value as we keep it: short, and without anything that breaks a line. */
static void clean_value(const char *value, char out[VALUE_BYTES])
{
    struct linebuf buf;
    linebuf_init(&buf, out, VALUE_BYTES - 1);
    linebuf_line(&buf, value == NULL ? "" : value, VALUE_BYTES - 1, "");
    out[buf.used] = '\0';
}

static bool has_values(const struct series *series, char values[][VALUE_BYTES],
                       size_t labels)
{
    for (size_t i = 0; i < labels; i++) {
        if (strcmp(series->values[i], values[i]) != 0) {
            return false;
        }
    }
    return true;
}

static unsigned find_or_add(struct metrics *metrics, struct family *family,
                            char values[][VALUE_BYTES])
{
    for (size_t i = 0; i < family->series_count; i++) {
        if (has_values(&family->series[i], values, family->labels)) {
            return family->series[i].first;
        }
    }
    struct series *series = add_series(metrics, family);
    if (series == NULL) {
        return family->series[0].first;
    }
    memcpy(series->values, values, sizeof series->values);
    return series->first;
}

unsigned metrics_series(struct metrics *metrics, unsigned family,
                        const char *const *values)
{
    assert(metrics != NULL);
    assert(family < metrics->family_count);
    struct family *found = &metrics->families[family];
    char cleaned[METRICS_LABELS][VALUE_BYTES] = {{0}};
    for (size_t i = 0; i < found->labels; i++) {
        clean_value(values[i], cleaned[i]);
    }
    (void)pthread_mutex_lock(&metrics->lock);
    unsigned series = find_or_add(metrics, found, cleaned);
    (void)pthread_mutex_unlock(&metrics->lock);
    return series;
}

static _Atomic int64_t *slot_at(const struct metrics *metrics, unsigned thread,
                                unsigned slot)
{
    assert(thread < metrics->threads);
    assert(slot < LIMIT_METRIC_SLOTS);
    return &metrics->slots[(size_t)thread * LIMIT_METRIC_SLOTS + slot];
}

/* Only the thread itself writes its slots: a load and a store, no locked instruction. */
static void slot_add(_Atomic int64_t *slot, int64_t add)
{
    int64_t value = atomic_load_explicit(slot, memory_order_relaxed);
    atomic_store_explicit(slot, value + add, memory_order_relaxed);
}

static int64_t slot_sum(const struct metrics *metrics, unsigned slot)
{
    int64_t sum = 0;
    for (unsigned thread = 0; thread < metrics->threads; thread++) {
        sum += atomic_load_explicit(slot_at(metrics, thread, slot), memory_order_relaxed);
    }
    return sum;
}

void metrics_add(struct metrics *metrics, unsigned thread, unsigned series, uint64_t add)
{
    assert(metrics != NULL);
    slot_add(slot_at(metrics, thread, series), (int64_t)add);
}

void metrics_set(struct metrics *metrics, unsigned thread, unsigned series, int64_t value)
{
    assert(metrics != NULL);
    atomic_store_explicit(slot_at(metrics, thread, series), value, memory_order_relaxed);
}

void metrics_observe_ms(struct metrics *metrics, unsigned thread, unsigned series,
                        int64_t value_ms)
{
    assert(metrics != NULL);
    int64_t value = value_ms > 0 ? value_ms : 0;
    unsigned bucket = 0;
    while (bucket < BOUNDS && value > bounds_ms[bucket]) {
        bucket++;
    }
    slot_add(slot_at(metrics, thread, series + bucket), 1);
    slot_add(slot_at(metrics, thread, series + BUCKETS), value);
}

static int64_t observations(const struct metrics *metrics, unsigned series)
{
    int64_t sum = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        sum += slot_sum(metrics, series + bucket);
    }
    return sum;
}

static bool is_histogram(const struct metrics *metrics, unsigned series)
{
    for (size_t i = 0; i < metrics->family_count; i++) {
        const struct family *family = &metrics->families[i];
        for (size_t j = 0; j < family->series_count; j++) {
            if (family->series[j].first == series) {
                return family->told.kind == METRICS_HISTOGRAM;
            }
        }
    }
    return false;
}

int64_t metrics_sum(struct metrics *metrics, unsigned series)
{
    assert(metrics != NULL);
    (void)pthread_mutex_lock(&metrics->lock);
    int64_t sum = is_histogram(metrics, series) ? observations(metrics, series)
                                                : slot_sum(metrics, series);
    (void)pthread_mutex_unlock(&metrics->lock);
    return sum;
}

/* name{a="x",b="y",le="0.5"}; le is "" for none. */
static void print_name(FILE *out, const struct family *family,
                       const struct series *series, const char *suffix, const char *le)
{
    (void)fprintf(out, "%s%s", family->told.name, suffix);
    const char *before = "{";
    for (size_t i = 0; i < family->labels; i++) {
        (void)fprintf(out, "%s%s=\"", before, family->told.labels[i]);
        for (const char *at = series->values[i]; *at != '\0'; at++) {
            if (*at == '"' || *at == '\\') {
                (void)fputc('\\', out);
            }
            (void)fputc(*at, out);
        }
        (void)fputc('"', out);
        before = ",";
    }
    if (le[0] != '\0') {
        (void)fprintf(out, "%sle=\"%s\"", before, le);
        before = ",";
    }
    (void)fputs(before[0] == ',' ? "} " : " ", out);
}

static void print_histogram(const struct metrics *metrics, FILE *out,
                            const struct family *family, const struct series *series)
{
    int64_t count = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        char le[32] = "+Inf";
        if (bucket < BOUNDS) {
            (void)snprintf(le, sizeof le, "%g", (double)bounds_ms[bucket] / 1000.0);
        }
        count += slot_sum(metrics, series->first + bucket);
        print_name(out, family, series, "_bucket", le);
        (void)fprintf(out, "%" PRId64 "\n", count);
    }
    int64_t sum_ms = slot_sum(metrics, series->first + BUCKETS);
    print_name(out, family, series, "_sum", "");
    (void)fprintf(out, "%" PRId64 ".%03" PRId64 "\n", sum_ms / 1000, sum_ms % 1000);
    print_name(out, family, series, "_count", "");
    (void)fprintf(out, "%" PRId64 "\n", count);
}

static void print_family(const struct metrics *metrics, FILE *out,
                         const struct family *family)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family->told.name,
                  family->told.help, family->told.name, kinds[family->told.kind]);
    for (size_t i = 0; i < family->series_count; i++) {
        const struct series *series = &family->series[i];
        bool has_buckets = family->told.kind == METRICS_HISTOGRAM;
        int64_t value = has_buckets ? observations(metrics, series->first)
                                    : slot_sum(metrics, series->first);
        if (i == 0 && family->labels > 0 && value == 0) {
            continue; /* nothing had to be counted as other */
        }
        if (has_buckets) {
            print_histogram(metrics, out, family, series);
        } else {
            print_name(out, family, series, "", "");
            (void)fprintf(out, "%" PRId64 "\n", value);
        }
    }
}

char *metrics_print(struct metrics *metrics, size_t *out_size)
{
    assert(metrics != NULL);
    assert(out_size != NULL);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < metrics->family_count; i++) {
        print_family(metrics, out, &metrics->families[i]);
    }
    (void)pthread_mutex_unlock(&metrics->lock);
    bool is_whole = ferror(out) == 0;
    if (fclose(out) != 0 || !is_whole) {
        free(text);
        return NULL;
    }
    *out_size = size;
    return text;
}
