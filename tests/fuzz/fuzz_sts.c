/* What strangers publish as MTA-STS: the TXT record and the policy file. Whatever it is,
 * a policy that is taken has at least one pattern, an id that fits, an age within a year,
 * and matches only names that are names. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/sts_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    char id[STS_POLICY_ID_BYTES] = "";
    struct sts_policy policy;
    const char *problem = NULL;
    if (sts_policy_record(text, size, id)) {
        assert(id[0] != '\0');
        assert(strlen(id) < sizeof id);
    }
    memset(&policy, 0x5a, sizeof policy);
    if (!sts_policy_parse(text, size, &policy, &problem)) {
        assert(problem != NULL);
        assert(policy.mx[0] == 0x5a);
        return 0;
    }
    assert(policy.max_age_s <= STS_POLICY_AGE_MOST_S);
    assert(strlen(policy.mx) < sizeof policy.mx);
    assert(policy.mode == DESTINATION_STS_NONE || policy.mx[0] != '\0');
    assert(!sts_policy_matches(&policy, ""));
    char first[256];
    size_t length = strcspn(policy.mx, " ");
    if (length > 0 && length < sizeof first && policy.mx[0] != '*') {
        memcpy(first, policy.mx, length);
        first[length] = '\0';
        assert(sts_policy_matches(&policy, first));
    }
    return 0;
}
