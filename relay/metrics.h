/* Counters, gauges and histograms in Prometheus' text format, without locks on the way.
 *
 * Each thread writes only its own slots (relaxed atomics, no contention); reading sums
 * them. Families are declared before threads; a series (one set of label values) is
 * looked up or made with metrics_series, which takes a lock: callers keep the number.
 * Label sets are bounded: beyond LIMIT_METRIC_SERIES of a family, or LIMIT_METRIC_SLOTS
 * in all, the rest is counted on one series whose label values are all "other". */

#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct metrics;

#define METRICS_LABELS 3 /* most labels of a family */

enum metrics_kind {
    METRICS_COUNTER,   /* the name ends in _total */
    METRICS_GAUGE,     /* the sum of what the threads last set */
    METRICS_HISTOGRAM, /* of durations in ms, written in seconds */
};

struct metrics_family {
    const char *name; /* "mesura_delivered_total". Borrowed for good: a constant */
    const char *help; /* one sentence */
    enum metrics_kind kind;
    const char *labels[METRICS_LABELS]; /* names; NULL after the last */
};

/* threads: how many writers there are, numbered from 0. Aborts without memory. */
struct metrics *metrics_new(unsigned threads);
void metrics_free(struct metrics *metrics);

/* Declare a family; returns its number. Before threads. Asserts its name, that it is new,
 * and that there is room (LIMIT_METRIC_FAMILIES). */
unsigned metrics_declare(struct metrics *metrics, const struct metrics_family *family);

/* The series of a family with these label values (as many as it has labels; NULL for a
 * family without). Values are copied, cut at 63 bytes. Any thread; takes a lock. The
 * number stays good for the life of metrics. */
unsigned metrics_series(struct metrics *metrics, unsigned family,
                        const char *const *values);

/* Write to a series. thread is the caller's own number. */
void metrics_add(struct metrics *metrics, unsigned thread, unsigned series, uint64_t add);
void metrics_set(struct metrics *metrics, unsigned thread, unsigned series,
                 int64_t value);
void metrics_observe_ms(struct metrics *metrics, unsigned thread, unsigned series,
                        int64_t value_ms);

/* The sum over threads of a counter or gauge; the number of observations of a histogram.
 * Any thread; takes a lock. */
int64_t metrics_sum(struct metrics *metrics, unsigned series);

/* The whole in text format, terminated; the caller's, for free(). *out_size is without
 * the terminator. NULL without memory. Any thread. */
char *metrics_print(struct metrics *metrics, size_t *out_size);

#endif
