/* Simulated receivers with hidden limits, on virtual time: the models R1 to R10.
 *
 * Every draw comes from the seed. A receiver answers with the text of a reply; what that
 * means is for the sender's real classifier to find out. */

#ifndef TESTS_SIM_RECEIVER_H
#define TESTS_SIM_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#define RECEIVER_SECOND INT64_C(1000000000)
#define RECEIVER_MINUTE (60 * RECEIVER_SECOND)
#define RECEIVER_HOUR   (60 * RECEIVER_MINUTE)
#define RECEIVER_DAY    (24 * RECEIVER_HOUR)

enum receiver_model {
    RECEIVER_BUCKET,      /* R1: a token bucket, 421 on excess */
    RECEIVER_STRIKES,     /* R2: the same, and a penalty box, and a block behind it */
    RECEIVER_CONNECTIONS, /* R3: connections at once, messages on each */
    RECEIVER_CURVE,       /* R4: a new address: so many a day, more each day */
    RECEIVER_DIURNAL,     /* R5: the bucket's rate follows the day; outages of 10 min */
    RECEIVER_REPUTATION,  /* R7: deferrals lower the capacity */
    RECEIVER_LISTING,     /* R8: a DNSBL hit at some moment */
    RECEIVER_MISLEADING,  /* R9: recipient-level 4xx storms, odd codes */
    RECEIVER_NOISE,       /* R1, and 1 % of everything is deferred at random */
    RECEIVER_QUOTA,       /* so many in a fixed stretch of time, then 421 until its end */
};

/* How it says that it has had enough. */
enum receiver_words {
    RECEIVER_WORDS_RATE,   /* in so many words */
    RECEIVER_WORDS_VAGUE,  /* a 4xx that does not say why */
    RECEIVER_WORDS_GOOGLE, /* 4.7.28 */
};

struct receiver {
    enum receiver_model model;
    uint64_t random;
    double per_minute; /* hidden: capacity */
    double burst;      /* hidden: tokens at most */
    double tokens;
    int64_t at_ns;         /* of the tokens */
    uint32_t strikes_most; /* hidden: K in ten minutes */
    uint32_t strikes;
    int64_t strikes_ns; /* when this window of strikes began */
    int64_t box_until_ns;
    uint32_t box_attempts;
    int64_t block_until_ns;
    uint32_t most_open;     /* hidden: connections; 0 none */
    uint32_t most_messages; /* hidden: on one connection; 0 none */
    bool silent;            /* closes without a word after most_messages */
    double alpha;           /* hidden: of R7 */
    double deferred_share;  /* moving, for R7 */
    int64_t hit_ns;         /* hidden: of R8 */
    int64_t outage_ns;      /* when the next outage begins */
    int64_t step_ns;        /* when capacity changes by step_times; 0 never */
    double step_times;
    double curve_first;  /* hidden: of R4, messages on the first day */
    double curve_growth; /* hidden: and times so much each day */
    int64_t stretch_ns;  /* of RECEIVER_QUOTA */
    int64_t stretch;     /* number of the day or stretch that is counted */
    double stretch_taken;
    double stretch_refused;
    double noise; /* share deferred whatever the rate */
    enum receiver_words words;
    uint32_t open;
    uint32_t wording;
    uint64_t blocks; /* how often it lost patience */
    uint64_t attempts_blocked;
    uint64_t overruns; /* attempts beyond the allowance of R4 */
    double offered;    /* the capacity, integrated */
    int64_t offered_ns;
};

/* Draw the hidden parameters. per_minute 0: drawn too, 6 to 6,000. */
void receiver_init(struct receiver *receiver, enum receiver_model model,
                   double per_minute, uint64_t seed);

/* A connection is attempted. NULL: up (receiver_close ends it); else the reply. */
const char *receiver_connect(struct receiver *receiver, int64_t now_ns);
void receiver_close(struct receiver *receiver);

/* A message to one recipient, the messages-th accepted or not on its connection. NULL:
 * accepted; "": closed without a word; else the reply. */
const char *receiver_message(struct receiver *receiver, uint32_t messages,
                             int64_t now_ns);

/* The integral of the hidden capacity since the last reset, in messages. */
double receiver_offered(struct receiver *receiver, int64_t now_ns);
void receiver_reset_offered(struct receiver *receiver, int64_t now_ns);

/* 0 <= x < 1, from the receiver's own dice. */
double receiver_roll(uint64_t *random);

#endif
