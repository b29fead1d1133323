#include "policy/share.h"

#include <assert.h>
#include <math.h>

#define RESERVE_MOST 0.9

static uint32_t weight_of(uint32_t weight)
{
    return weight > 0 ? weight : 1;
}

static double wants(const struct share_party *party)
{
    double want = party->demand < party->most ? party->demand : party->most;
    return want > party->granted ? want - party->granted : 0;
}

/* Pour `limit` into those at least as heavy as `least`, by weight, until it is gone or
 * all are full. Each round fills one party or is the last: at most count rounds. Returns
 * what is left. */
static double pour(struct share_party *parties, size_t count, double limit,
                   uint32_t least)
{
    for (size_t round = 0; round <= count && limit > 0; round++) {
        double weights = 0;
        double level = HUGE_VAL; /* units per weight that fill the first of them */
        for (size_t i = 0; i < count; i++) {
            double want = wants(&parties[i]);
            uint32_t weight = weight_of(parties[i].weight);
            if (want > 0 && weight >= least) {
                weights += weight;
                level = fmin(level, want / weight);
            }
        }
        if (weights <= 0) {
            break;
        }
        level = fmin(level, limit / weights);
        double given = 0;
        for (size_t i = 0; i < count; i++) {
            double want = wants(&parties[i]);
            uint32_t weight = weight_of(parties[i].weight);
            if (want > 0 && weight >= least) {
                double part = fmin(want, level * weight);
                parties[i].granted += part;
                given += part;
            }
        }
        limit = limit > given ? limit - given : 0;
    }
    return limit;
}

void share_divide(struct share_party *parties, size_t count, double limit, double reserve)
{
    assert(count >= 1);

    uint32_t heaviest = 0;
    double kept = reserve > 0 ? fmin(reserve, RESERVE_MOST) : 0;
    for (size_t i = 0; i < count; i++) {
        parties[i].granted = 0;
        uint32_t weight = weight_of(parties[i].weight);
        heaviest = weight > heaviest ? weight : heaviest;
    }
    (void)pour(parties, count, limit * kept, heaviest);
    (void)pour(parties, count, limit * (1.0 - kept), 0);
}

/* The party that has lost most by rounding down, or, while one has nothing, the heaviest
 * of those; -1 when nobody wants more. */
static int32_t most_owed(const struct share_party *parties, size_t count,
                         const double *exact)
{
    int32_t best = -1;
    double best_owed = -1;

    for (size_t i = 0; i < count; i++) {
        if (wants(&parties[i]) < 1.0) {
            continue;
        }
        double owed = exact[i] - parties[i].granted;
        if (parties[i].granted < 1.0) {
            owed = 1e9 + weight_of(parties[i].weight); /* nobody starves */
        }
        if (owed > best_owed) {
            best_owed = owed;
            best = (int32_t)i;
        }
    }
    return best;
}

void share_divide_whole(struct share_party *parties, size_t count, uint32_t limit,
                        double reserve)
{
    double exact[SHARE_PARTIES];
    double used = 0;
    assert(count <= SHARE_PARTIES);

    share_divide(parties, count, (double)limit, reserve);
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        exact[i] = parties[i].granted;
        total += exact[i];
        parties[i].granted = floor(exact[i] + 1e-9);
        used += parties[i].granted;
    }
    /* Units that rounding down left over; and one for whoever would have nothing, taken
     * from whoever has most. */
    double most = fmin((double)limit, ceil(total - 1e-9));
    int32_t next = -1;
    while (used + 1.0 <= most && (next = most_owed(parties, count, exact)) >= 0) {
        parties[next].granted += 1.0;
        used += 1.0;
    }
    for (size_t i = 0; i < count; i++) {
        if (parties[i].granted >= 1.0 || wants(&parties[i]) < 1.0) {
            continue;
        }
        size_t rich = i;
        for (size_t k = 0; k < count; k++) {
            rich = parties[k].granted > parties[rich].granted ? k : rich;
        }
        if (parties[rich].granted >= 2.0) {
            parties[rich].granted -= 1.0;
            parties[i].granted += 1.0;
        }
    }
}

static int64_t quantum_of(const struct share_turn *turn, uint32_t quantum)
{
    return (int64_t)weight_of(turn->weight) * (quantum > 0 ? quantum : 1);
}

/* Give every ready one so many rounds that at least one of them may send. */
static bool refill(struct share_turn *const *turns, const bool *ready, size_t count,
                   uint32_t quantum)
{
    int64_t rounds = INT64_MAX;

    for (size_t i = 0; i < count; i++) {
        if (ready[i]) {
            int64_t gain = quantum_of(turns[i], quantum);
            int64_t needs = (gain - turns[i]->deficit) / gain;
            rounds = needs < rounds ? needs : rounds;
        }
    }
    if (rounds == INT64_MAX) {
        return false;
    }
    rounds = rounds > 1 ? rounds : 1;
    for (size_t i = 0; i < count; i++) {
        if (ready[i]) {
            turns[i]->deficit += rounds * quantum_of(turns[i], quantum);
        }
    }
    return true;
}

int32_t share_next(struct share_turn *const *turns, const bool *ready, size_t count,
                   size_t *cursor, uint32_t quantum)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t step = 0; step < count; step++) {
            size_t i = (*cursor + step) % count;
            if (ready[i] && turns[i]->deficit > 0) {
                *cursor = i;
                return (int32_t)i;
            }
        }
        if (pass == 1 || !refill(turns, ready, count, quantum)) {
            break;
        }
        /* A new round begins with the one after the last that sent. */
        *cursor = count > 0 ? (*cursor + 1) % count : 0;
    }
    return -1;
}

void share_charge(struct share_turn *turn, uint32_t units)
{
    turn->deficit -= units;
}

void share_idle(struct share_turn *turn)
{
    if (turn->deficit > 0) {
        turn->deficit = 0;
    }
}
