/* MTA-STS as text (RFC 8461): the TXT record, the policy file, its patterns. Pure; reads
 * bytes of strangers; fuzzed. */

#ifndef RELAY_STS_POLICY_H
#define RELAY_STS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/destination.h"

#define STS_POLICY_ID_BYTES   33
#define STS_POLICY_MX_BYTES   3000 /* of all patterns; a hundred long names */
#define STS_POLICY_AGE_MOST_S UINT32_C(31557600) /* a year: RFC 8461 3.2 */

struct sts_policy {
    enum destination_sts mode;
    uint32_t max_age_s;
    char id[STS_POLICY_ID_BYTES]; /* of the TXT record it was fetched for */
    char mx[STS_POLICY_MX_BYTES]; /* patterns in lower case, each followed by a space */
};

/* Is this TXT record one of MTA-STS? Its id into out then. */
bool sts_policy_record(const char *text, size_t length, char out[STS_POLICY_ID_BYTES]);

/* Read a policy file. False when it is none: out is then untouched and *out_problem says
 * why. The id is the caller's. */
bool sts_policy_parse(const char *text, size_t length, struct sts_policy *out,
                      const char **out_problem);

/* Does the policy name this host (lower case)? "*." stands for exactly one label. */
bool sts_policy_matches(const struct sts_policy *policy, const char *host);

#endif
