/* What mesura-load has measured, the ledger it writes and the report at the end. */

#ifndef TOOLS_LOAD_TALLY_H
#define TOOLS_LOAD_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/load_plan.h"

#define LOAD_TALLY_BUCKETS 4096 /* times in steps of about 1.6 % up to an hour */
#define LOAD_TALLY_CODES   600

/* Times, in steps that grow with them. */
struct load_times {
    uint64_t buckets[LOAD_TALLY_BUCKETS];
    uint64_t count;
    int64_t max_ns;
};

struct load_tally {
    int64_t start_ns;
    int64_t first_ns; /* of the first and last 250 to a final dot; 0: none */
    int64_t last_ns;
    int64_t longest_gap_ns; /* between one 250 and the next */
    uint64_t accepted;
    uint64_t recipients; /* accepted */
    uint64_t failed;     /* messages given up: 5xx, or 4xx with --once */
    uint64_t uncertain;  /* final dots without an answer */
    uint64_t lost;       /* connections lost in the middle of a message before that */
    uint64_t connections;
    uint64_t connect_failures;
    uint64_t bytes;
    uint64_t codes[LOAD_TALLY_CODES];    /* replies of 400 and more, by code */
    char samples[LOAD_TALLY_CODES][128]; /* the first reply of each code */
    struct load_times dot;               /* from the final dot to its 250 */
    struct load_times whole;             /* from MAIL to the 250 */
    FILE *ledger;                        /* owned; NULL: none */
    bool ledger_failed;
};

/* Open the ledger, if the plan has one. Returns 0 or a negative errno. */
int load_tally_open(struct load_tally *tally, const struct load_plan *plan,
                    struct errmsg *err) ATTR_MUST_CHECK;

/* Close it; false when some of it could not be written. */
bool load_tally_close(struct load_tally *tally);

/* A message's end. */
void load_tally_ok(struct load_tally *tally, const struct load_plan *plan, uint64_t id,
                   int64_t mail_ns, int64_t dot_ns, int64_t ok_ns);
void load_tally_uncertain(struct load_tally *tally, const struct load_plan *plan,
                          uint64_t id, int64_t dot_ns);
void load_tally_failed(struct load_tally *tally, const struct load_plan *plan,
                       uint64_t id, int code);

/* A reply of 400 or more; text is the whole line. */
void load_tally_reply(struct load_tally *tally, int code, const char *text);

/* Put the ledger's lines of this turn into the file. */
void load_tally_flush(struct load_tally *tally);

/* Print the result, as JSON or for people. done: every message has a 250. */
void load_tally_report(const struct load_tally *tally, const struct load_plan *plan,
                       bool done, FILE *out);

/* The time that part (0 to 1) of all do not exceed, in nanoseconds; 0 when empty. */
int64_t load_tally_quantile(const struct load_times *times, double part);
void load_tally_time(struct load_times *times, int64_t time_ns);

#endif
