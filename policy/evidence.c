#include "policy/evidence.h"

#include <math.h>

/* Two-sided 95 %. */
#define Z 1.959964

static double decay_of(const struct evidence *evidence, int64_t half_life_ns,
                       int64_t now_ns)
{
    if (half_life_ns <= 0 || now_ns <= evidence->at_ns) {
        return 1.0;
    }
    return exp2(-(double)(now_ns - evidence->at_ns) / (double)half_life_ns);
}

void evidence_add(struct evidence *evidence, double hits, double total,
                  int64_t half_life_ns, int64_t now_ns)
{
    double keep = evidence->total > 0 ? decay_of(evidence, half_life_ns, now_ns) : 0.0;

    evidence->hits = evidence->hits * keep + hits;
    evidence->total = evidence->total * keep + total;
    if (evidence->hits > evidence->total) {
        evidence->hits = evidence->total;
    }
    if (keep == 0.0 || now_ns > evidence->at_ns) {
        evidence->at_ns = now_ns;
    }
}

struct evidence_bounds evidence_bounds(const struct evidence *evidence,
                                       int64_t half_life_ns, int64_t now_ns)
{
    double keep = decay_of(evidence, half_life_ns, now_ns);
    return evidence_of(evidence->hits * keep, evidence->total * keep);
}

struct evidence_bounds evidence_of(double hits, double total)
{
    if (!(total > 0) || hits < 0) {
        return (struct evidence_bounds){.share = 0, .low = 0, .high = 1};
    }
    double share = hits < total ? hits / total : 1.0;
    double z2 = Z * Z;
    double scale = 1.0 + z2 / total;
    double middle = (share + z2 / (2.0 * total)) / scale;
    double half =
        Z / scale * sqrt(share * (1.0 - share) / total + z2 / (4.0 * total * total));
    double low = middle - half;
    double high = middle + half;

    return (struct evidence_bounds){
        .share = share,
        .low = low > 0 ? low : 0,
        .high = high < 1 ? high : 1,
    };
}

bool evidence_is_bad(struct evidence_bounds bounds, double limit)
{
    return bounds.low > limit;
}

void evidence_restore(struct evidence *evidence, double hits, double total,
                      int64_t age_ns, int64_t now_ns)
{
    bool good = isfinite(hits) && isfinite(total) && hits >= 0 && total >= hits;

    *evidence = (struct evidence){
        .hits = good ? hits : 0,
        .total = good ? total : 0,
        .at_ns = now_ns - (age_ns > 0 ? age_ns : 0),
    };
}
