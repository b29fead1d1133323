#include "tools/load_tally.h"

#include <sys/resource.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ticks.h"

#define SUB_BITS 6 /* 64 steps in each power of two */
#define ID_BYTES 128

int load_tally_open(struct load_tally *tally, const struct load_plan *plan,
                    struct errmsg *err)
{
    if (plan->ledger[0] == '\0') {
        return 0;
    }
    tally->ledger = fopen(plan->ledger, "ae");
    if (tally->ledger == NULL) {
        int rc = -errno;

        errmsg_errno(err, rc, "open %s", plan->ledger);
        return rc;
    }
    return 0;
}

bool load_tally_close(struct load_tally *tally)
{
    if (tally->ledger != NULL && fclose(tally->ledger) != 0) {
        tally->ledger_failed = true;
    }
    tally->ledger = NULL;
    return !tally->ledger_failed;
}

void load_tally_flush(struct load_tally *tally)
{
    if (tally->ledger != NULL && fflush(tally->ledger) != 0) {
        tally->ledger_failed = true;
    }
}

/* Microseconds in 64 steps a power of two. */
static size_t bucket_of(int64_t time_ns)
{
    uint64_t us = time_ns > 0 ? (uint64_t)time_ns / 1000 : 0;
    size_t shift = 0;
    size_t bucket = 0;

    while ((us >> shift) >= (UINT64_C(2) << SUB_BITS)) {
        shift++;
    }
    bucket = (shift << SUB_BITS) + (size_t)(us >> shift);
    return bucket < LOAD_TALLY_BUCKETS ? bucket : LOAD_TALLY_BUCKETS - 1;
}

/* The longest time of a bucket. */
static int64_t bucket_ns(size_t bucket)
{
    size_t shift = 0;

    while (bucket >= (UINT64_C(2) << SUB_BITS)) {
        bucket -= UINT64_C(1) << SUB_BITS;
        shift++;
    }
    return ((int64_t)(bucket + 1) << shift) * 1000;
}

void load_tally_time(struct load_times *times, int64_t time_ns)
{
    times->buckets[bucket_of(time_ns)]++;
    times->count++;
    if (time_ns > times->max_ns) {
        times->max_ns = time_ns;
    }
}

int64_t load_tally_quantile(const struct load_times *times, double part)
{
    uint64_t wanted = (uint64_t)(part * (double)times->count);
    uint64_t seen = 0;

    if (wanted >= times->count) {
        return times->max_ns;
    }
    for (size_t i = 0; i < LOAD_TALLY_BUCKETS; i++) {
        seen += times->buckets[i];
        if (seen > wanted) {
            int64_t time_ns = bucket_ns(i);

            return time_ns < times->max_ns ? time_ns : times->max_ns;
        }
    }
    return times->max_ns;
}

static void write_line(struct load_tally *tally, const struct load_plan *plan,
                       const char *word, uint64_t id, const char *rest)
{
    char text[ID_BYTES];

    if (tally->ledger == NULL) {
        return;
    }
    load_plan_id(plan, id, text, sizeof text);
    if (fprintf(tally->ledger, "%s %s %s\n", word, text, rest) < 0) {
        tally->ledger_failed = true;
    }
}

void load_tally_ok(struct load_tally *tally, const struct load_plan *plan, uint64_t id,
                   int64_t mail_ns, int64_t dot_ns, int64_t ok_ns)
{
    char rest[64];

    if (tally->first_ns == 0) {
        tally->first_ns = ok_ns;
    } else if (ok_ns - tally->last_ns > tally->longest_gap_ns) {
        tally->longest_gap_ns = ok_ns - tally->last_ns;
    }
    tally->last_ns = ok_ns;
    tally->accepted++;
    load_tally_time(&tally->dot, ok_ns - dot_ns);
    load_tally_time(&tally->whole, ok_ns - mail_ns);
    (void)snprintf(rest, sizeof rest, "%" PRId64 " %" PRId64, dot_ns, ok_ns);
    write_line(tally, plan, "ok", id, rest);
}

void load_tally_uncertain(struct load_tally *tally, const struct load_plan *plan,
                          uint64_t id, int64_t dot_ns)
{
    char rest[32];

    tally->uncertain++;
    (void)snprintf(rest, sizeof rest, "%" PRId64, dot_ns);
    write_line(tally, plan, "uncertain", id, rest);
}

void load_tally_failed(struct load_tally *tally, const struct load_plan *plan,
                       uint64_t id, int code)
{
    char rest[32];

    tally->failed++;
    (void)snprintf(rest, sizeof rest, "%d", code);
    write_line(tally, plan, "failed", id, rest);
}

void load_tally_reply(struct load_tally *tally, int code, const char *text)
{
    if (code < 0 || code >= LOAD_TALLY_CODES) {
        code = 0;
    }
    if (tally->codes[code]++ == 0) {
        (void)snprintf(tally->samples[code], sizeof tally->samples[code], "%s", text);
    }
}

static double seconds_of(const struct load_tally *tally)
{
    return tally->accepted > 0 ? (double)(tally->last_ns - tally->start_ns) / 1e9 : 0.0;
}

static double rate_of(const struct load_tally *tally)
{
    double seconds = seconds_of(tally);

    return seconds > 0.0 ? (double)tally->accepted / seconds : 0.0;
}

static double cpu_seconds(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double quantile_ms(const struct load_times *times, double part)
{
    return (double)load_tally_quantile(times, part) / 1e6;
}

static json_t *times_json(const struct load_times *times)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "p50", quantile_ms(times, 0.5), "p90",
                     quantile_ms(times, 0.9), "p99", quantile_ms(times, 0.99), "p999",
                     quantile_ms(times, 0.999), "max", (double)times->max_ns / 1e6);
}

/* Bytes of a remote, as ASCII. */
static json_t *ascii(const char *text)
{
    char clean[128];
    size_t i = 0;

    for (; text[i] != '\0' && i + 1 < sizeof clean; i++) {
        clean[i] = '?';
        if (text[i] >= ' ' && text[i] <= '~') {
            clean[i] = text[i];
        }
    }
    clean[i] = '\0';
    return json_string(clean);
}

static void report_json(const struct load_tally *tally, bool done, FILE *out)
{
    json_t *root = json_object();
    json_t *codes = json_object();
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"accepted", tally->accepted},
        {"recipients", tally->recipients},
        {"failed", tally->failed},
        {"uncertain", tally->uncertain},
        {"lost", tally->lost},
        {"connections", tally->connections},
        {"connect_failures", tally->connect_failures},
        {"bytes", tally->bytes},
        {"start_ns", (uint64_t)tally->start_ns},
        {"first_ns", (uint64_t)tally->first_ns},
        {"last_ns", (uint64_t)tally->last_ns},
    };

    (void)json_object_set_new(root, "done", json_boolean(done));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        (void)json_object_set_new(root, counts[i].key,
                                  json_integer((json_int_t)counts[i].value));
    }
    (void)json_object_set_new(root, "seconds", json_real(seconds_of(tally)));
    (void)json_object_set_new(root, "rate", json_real(rate_of(tally)));
    (void)json_object_set_new(root, "longest_gap_ms",
                              json_real((double)tally->longest_gap_ns / 1e6));
    (void)json_object_set_new(root, "cpu_s", json_real(cpu_seconds()));
    (void)json_object_set_new(root, "dot_ms", times_json(&tally->dot));
    (void)json_object_set_new(root, "transaction_ms", times_json(&tally->whole));
    for (int i = 0; i < LOAD_TALLY_CODES; i++) {
        if (tally->codes[i] > 0) {
            char key[16];
            json_t *one = json_object();

            (void)snprintf(key, sizeof key, "%d", i);
            (void)json_object_set_new(one, "count",
                                      json_integer((json_int_t)tally->codes[i]));
            (void)json_object_set_new(one, "first", ascii(tally->samples[i]));
            (void)json_object_set_new(codes, key, one);
        }
    }
    (void)json_object_set_new(root, "errors", codes);
    (void)json_dumpf(root, out, JSON_COMPACT);
    (void)fputc('\n', out);
    json_decref(root);
}

void load_tally_report(const struct load_tally *tally, const struct load_plan *plan,
                       bool done, FILE *out)
{
    if (plan->json) {
        report_json(tally, done, out);
        return;
    }
    (void)fprintf(out,
                  "%" PRIu64 " messages in %.2f s: %.0f/s, %" PRIu64 " connections%s\n",
                  tally->accepted, seconds_of(tally), rate_of(tally), tally->connections,
                  done ? "" : ", not all");
    (void)fprintf(out, "final dot to 250: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
                  quantile_ms(&tally->dot, 0.5), quantile_ms(&tally->dot, 0.99),
                  (double)tally->dot.max_ns / 1e6);
    if (tally->failed + tally->uncertain + tally->lost + tally->connect_failures > 0) {
        (void)fprintf(out,
                      "failed %" PRIu64 ", uncertain %" PRIu64
                      ", connections lost %" PRIu64 ", not connected %" PRIu64 "\n",
                      tally->failed, tally->uncertain, tally->lost,
                      tally->connect_failures);
    }
    for (int i = 0; i < LOAD_TALLY_CODES; i++) {
        if (tally->codes[i] > 0) {
            (void)fprintf(out, "%8" PRIu64 " x %s\n", tally->codes[i], tally->samples[i]);
        }
    }
}
