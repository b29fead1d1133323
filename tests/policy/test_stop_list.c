#include "policy/stop.h"

#include "tests/support/test.h"

static const struct {
    const char *list;
    uint32_t answer;
    enum stop_list kind;
    const char *zone;
} cases[] = {
    {"zen.spamhaus.org", 0, STOP_LIST_MIXED, "zen.spamhaus.org"},
    {"zen.spamhaus.org", 4, STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"zen.spamhaus.org", 10, STOP_LIST_POLICY, "zen.spamhaus.org"},
    {"Spamhaus", 0, STOP_LIST_MIXED, "zen.spamhaus.org"},
    {"Spamhaus SBL-XBL", 0, STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"SPAMHAUS-XBL", 0, STOP_LIST_GRAVE, "zen.spamhaus.org"},
    {"Spamhaus PBL", 0, STOP_LIST_POLICY, "pbl.spamhaus.org"},
    {"SpamCop", 0, STOP_LIST_COMPLAINT, "bl.spamcop.net"},
    {"b.barracudacentral.org", 2, STOP_LIST_COMPLAINT, "b.barracudacentral.org"},
    {"dnsbl-2.uceprotect.net", 2, STOP_LIST_WIDE, ""},
    {"dnsbl.sorbs.net", 0, STOP_LIST_DEAD, ""},
    {"relays.ordb.org", 0, STOP_LIST_DEAD, ""},
    {"Cloudmark CSI", 0, STOP_LIST_COMPLAINT, ""},
    {"rbl.example.org", 0, STOP_LIST_UNKNOWN, "rbl.example.org"},
    {"some list", 0, STOP_LIST_UNKNOWN, ""},
    {"dbl.spamhaus.org", 0, STOP_LIST_UNKNOWN, ""},
};

/* What kind a list is decides how far a stop reaches; a closed one must reach nobody. */
TEST(stop_list, kinds_and_zones)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum stop_list kind = stop_list_kind(cases[i].list, cases[i].answer);
        cr_assert_eq(kind, cases[i].kind, "%s: %s", cases[i].list, stop_list_name(kind));
        cr_assert_str_eq(stop_list_zone(cases[i].list), cases[i].zone);
    }
}
