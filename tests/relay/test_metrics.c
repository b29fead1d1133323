#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/limits.h"
#include "relay/metrics.h"

#include "tests/support/test.h"

static struct metrics *metrics;

static bool prints(const char *line)
{
    size_t size = 0;
    char *text = metrics_print(metrics, &size);
    cr_assert_not_null(text);
    cr_assert_eq(strlen(text), size);
    bool is_found = strstr(text, line) != NULL;
    free(text);
    return is_found;
}

TEST(metrics, add_up_what_threads_counted)
{
    /* A counter is the sum of what each thread added, a gauge of what each set last. */
    metrics = metrics_new(3);
    struct metrics_family delivered = {.name = "mesura_delivered_total",
                                       .help = "Delivered.",
                                       .kind = METRICS_COUNTER,
                                       .labels = {"stream", "site"}};
    struct metrics_family open = {
        .name = "mesura_connections", .help = "Open now.", .kind = METRICS_GAUGE};
    unsigned family = metrics_declare(metrics, &delivered);
    unsigned gauge = metrics_series(metrics, metrics_declare(metrics, &open), NULL);
    const char *const values[] = {"bulk", "google"};
    unsigned series = metrics_series(metrics, family, values);
    cr_assert_eq(metrics_series(metrics, family, values), series, "found again");
    metrics_add(metrics, 0, series, 2);
    metrics_add(metrics, 2, series, 3);
    metrics_set(metrics, 0, gauge, 9);
    metrics_set(metrics, 0, gauge, 4);
    metrics_set(metrics, 1, gauge, -1);
    cr_assert_eq(metrics_sum(metrics, series), 5);
    cr_assert_eq(metrics_sum(metrics, gauge), 3);
    cr_assert(prints("# TYPE mesura_delivered_total counter\n"
                     "mesura_delivered_total{stream=\"bulk\",site=\"google\"} 5\n"));
    cr_assert(
        prints("# HELP mesura_connections Open now.\n# TYPE mesura_connections gauge\n"
               "mesura_connections 3\n"));
    metrics_free(metrics);
    metrics_free(NULL);
}

TEST(metrics, make_histograms_of_durations)
{
    /* Buckets are cumulative, in seconds; sum and count agree; a negative duration is 0.
     */
    metrics = metrics_new(2);
    struct metrics_family family = {.name = "mesura_delivery_seconds",
                                    .help = "Time.",
                                    .kind = METRICS_HISTOGRAM,
                                    .labels = {"stream"}};
    const char *const values[] = {"tx"};
    unsigned series = metrics_series(metrics, metrics_declare(metrics, &family), values);
    metrics_observe_ms(metrics, 0, series, 5);
    metrics_observe_ms(metrics, 1, series, 6);
    metrics_observe_ms(metrics, 1, series, 999999999);
    metrics_observe_ms(metrics, 1, series, -4);
    cr_assert_eq(metrics_sum(metrics, series), 4);
    cr_assert(prints("mesura_delivery_seconds_bucket{stream=\"tx\",le=\"0.005\"} 2\n"
                     "mesura_delivery_seconds_bucket{stream=\"tx\",le=\"0.01\"} 3\n"));
    cr_assert(prints("mesura_delivery_seconds_bucket{stream=\"tx\",le=\"+Inf\"} 4\n"
                     "mesura_delivery_seconds_sum{stream=\"tx\"} 1000000.010\n"
                     "mesura_delivery_seconds_count{stream=\"tx\"} 4\n"));
    metrics_free(metrics);
}

TEST(metrics, bound_their_label_sets)
{
    /* More label values than allowed are counted together as "other"; nothing is lost. */
    metrics = metrics_new(1);
    struct metrics_family family = {.name = "mesura_seen_total",
                                    .help = "Seen.",
                                    .kind = METRICS_COUNTER,
                                    .labels = {"site"}};
    unsigned number = metrics_declare(metrics, &family);
    cr_assert_not(prints("other"));
    for (int i = 0; i < LIMIT_METRIC_SERIES + 100; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "site%d", i);
        const char *const values[] = {name};
        metrics_add(metrics, 0, metrics_series(metrics, number, values), 1);
    }
    cr_assert(prints("mesura_seen_total{site=\"other\"} 101\n"));
    cr_assert(prints("mesura_seen_total{site=\"site0\"} 1\n"));
    metrics_free(metrics);
}

TEST(metrics, escape_what_names_them)
{
    /* A label's value from outside cannot break a line or its quotes. */
    metrics = metrics_new(1);
    struct metrics_family family = {.name = "mesura_seen_total",
                                    .help = "Seen.",
                                    .kind = METRICS_COUNTER,
                                    .labels = {"site"}};
    unsigned number = metrics_declare(metrics, &family);
    const char *const values[] = {"a\"b\\c\nd\xff"};
    metrics_add(metrics, 0, metrics_series(metrics, number, values), 1);
    cr_assert(prints("mesura_seen_total{site=\"a\\\"b\\\\c?d?\"} 1\n"));
    metrics_free(metrics);
}

#define ADDS 100000

static unsigned shared;

static void *add_many(void *argument)
{
    unsigned thread = *(unsigned *)argument;
    for (unsigned i = 0; i < ADDS; i++) {
        metrics_add(metrics, thread, shared, 1);
    }
    return NULL;
}

TEST(metrics, lose_nothing_to_threads)
{
    /* Threads that count the same series at once lose no count. */
    metrics = metrics_new(4);
    struct metrics_family family = {
        .name = "mesura_seen_total", .help = "Seen.", .kind = METRICS_COUNTER};
    shared = metrics_series(metrics, metrics_declare(metrics, &family), NULL);
    pthread_t threads[4];
    unsigned numbers[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, add_many, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(metrics_sum(metrics, shared), INT64_C(4) * ADDS);
    metrics_free(metrics);
}
