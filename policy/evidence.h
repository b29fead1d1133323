/* Counts that decay, and what may be concluded from them.
 *
 * Valid at 20 messages a day and at 20,000 a minute: conclusions use the Wilson bounds of
 * the share, so that 0 of 20 is not "good" (its upper bound is 12 %) and 1 of 3 is not
 * "bad". The same struct holds a lane's 4xx, a ramp's refusals, a domain's SPF failures.
 */

#ifndef POLICY_EVIDENCE_H
#define POLICY_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Storable as it is, but at_ns is monotonic: store an age instead (evidence_age). */
struct evidence {
    double hits;   /* decayed count of what is looked for */
    double total;  /* decayed count of all */
    int64_t at_ns; /* of the last decay; meaningless while total is 0 */
};

struct evidence_bounds {
    double share; /* hits / total; 0 of 0 is 0 */
    double low; /* with 95 % confidence (one-sided 97.5 %) the true share is above this */
    double high; /* and below this; 1 when nothing is known */
};

/* Add observations at now_ns, after decaying the old ones; half_life_ns 0: no decay. */
void evidence_add(struct evidence *evidence, double hits, double total,
                  int64_t half_life_ns, int64_t now_ns);

/* The bounds as of now_ns. Decay widens them. */
struct evidence_bounds evidence_bounds(const struct evidence *evidence,
                                       int64_t half_life_ns, int64_t now_ns);

/* The Wilson bounds of plain counts. hits <= total. */
struct evidence_bounds evidence_of(double hits, double total);

/* Proven bad: the lower bound is above the limit. */
bool evidence_is_bad(struct evidence_bounds bounds, double limit);

/* Bring evidence that was stored at some time and is now age_ns old back into this run.
 */
void evidence_restore(struct evidence *evidence, double hits, double total,
                      int64_t age_ns, int64_t now_ns);

#endif
