#include <string.h>

#include "policy/match.h"
#include "policy/stop.h"

/* What is known of lists, by a glob on their zone or name. The first that fits counts. A
 * zone of "" cannot be asked by DNS; NULL is the name itself. */
static const struct known {
    const char *glob;
    enum stop_list kind;
    const char *zone;
} known[] = {
    {"*dbl*spamhaus*", STOP_LIST_UNKNOWN, ""}, /* of domains: never about an address */
    {"*spamhaus*dbl", STOP_LIST_UNKNOWN, ""},
    {"*pbl*spamhaus*", STOP_LIST_POLICY, "pbl.spamhaus.org"},
    {"*spamhaus*pbl", STOP_LIST_POLICY, "pbl.spamhaus.org"},
    {"*sbl*spamhaus*", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*xbl*spamhaus*", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*css*spamhaus*", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*spamhaus*sbl*", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*spamhaus*xbl", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*spamhaus*css", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*spamhaus*drop", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*spamhaus*bcl", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*spamhaus*", STOP_LIST_MIXED, "zen.spamhaus.org"},
    {"*abuseat*", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"cbl", STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"*spamcop*", STOP_LIST_COMPLAINT, "bl.spamcop.net"},
    {"*barracuda*", STOP_LIST_COMPLAINT, "b.barracudacentral.org"},
    {"*abusix*", STOP_LIST_COMPLAINT, ""}, /* queries need a key */
    {"*psbl*", STOP_LIST_COMPLAINT, "psbl.surriel.com"},
    {"*mailspike*", STOP_LIST_COMPLAINT, "bl.mailspike.net"},
    {"*spamrats*", STOP_LIST_COMPLAINT, "all.spamrats.com"},
    {"*invaluement*", STOP_LIST_COMPLAINT, ""},
    {"*cloudmark*", STOP_LIST_COMPLAINT, ""},
    {"*trend micro*", STOP_LIST_COMPLAINT, ""},
    {"*mail-abuse*", STOP_LIST_COMPLAINT, ""},
    {"*senderscore*", STOP_LIST_COMPLAINT, ""},
    {"*hostkarma*", STOP_LIST_COMPLAINT, "hostkarma.junkemailfilter.com"},
    {"*dnsbl-1.uceprotect*", STOP_LIST_UNKNOWN, "dnsbl-1.uceprotect.net"},
    {"*uceprotect*", STOP_LIST_WIDE, ""},
    {"*ivmsip/24*", STOP_LIST_WIDE, ""},
    {"*sorbs*", STOP_LIST_DEAD, ""},
    {"*ordb*", STOP_LIST_DEAD, ""},
    {"*njabl*", STOP_LIST_DEAD, ""},
    {"*dsbl.org*", STOP_LIST_DEAD, ""},
    {"*ahbl*", STOP_LIST_DEAD, ""},
};

static const struct known *find(const char *list)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (match_glob(known[i].glob, list)) {
            return &known[i];
        }
    }
    return NULL;
}

/* ZEN's answers, 127.0.0.x. */
static enum stop_list zen_kind(uint32_t answer)
{
    switch (answer) {
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 9:
    case 30: return STOP_LIST_GRAVE;
    case 10:
    case 11: return STOP_LIST_POLICY;
    default: return STOP_LIST_MIXED;
    }
}

enum stop_list stop_list_kind(const char *list, uint32_t answer)
{
    const struct known *row = find(list);

    if (row == NULL) {
        return STOP_LIST_UNKNOWN;
    }
    bool zen = row->zone != NULL && strcmp(row->zone, "zen.spamhaus.org") == 0;
    if (zen && answer != 0) {
        enum stop_list kind = zen_kind(answer);
        return kind == STOP_LIST_MIXED ? row->kind : kind;
    }
    return row->kind;
}

const char *stop_list_zone(const char *list)
{
    const struct known *row = find(list);

    if (row != NULL && row->zone != NULL) {
        return row->zone;
    }
    /* A zone nobody knows: it can be asked, whatever the answer is worth. */
    return strchr(list, '.') != NULL && strchr(list, ' ') == NULL ? list : "";
}

const char *stop_list_name(enum stop_list kind)
{
    switch (kind) {
    case STOP_LIST_UNKNOWN: return "unknown";
    case STOP_LIST_GRAVE: return "grave";
    case STOP_LIST_COMPLAINT: return "complaint";
    case STOP_LIST_POLICY: return "policy";
    case STOP_LIST_WIDE: return "network";
    case STOP_LIST_DEAD: return "closed";
    case STOP_LIST_MIXED: return "mixed";
    }
    return "unknown";
}
