#include "policy/listing.h"

#include "tests/support/test.h"

#define NOW    (INT64_C(1700000000000))
#define MINUTE INT64_C(60000)
#define IP(A, B, C, D) \
    ((uint32_t)(A) << 24 | (uint32_t)(B) << 16 | (uint32_t)(C) << 8 | (uint32_t)(D))

static const struct {
    const char *text;
    bool good;
} codes[] = {
    {"127.0.0.2", true},           {"127.0.0.4-7", true},
    {"127.0.1.2", true},           {"127.0.0.10 policy", true},
    {"127.0.0.10-11 grave", true}, {"127.0.0.1", false},
    {"127.255.255.254", false},    {"10.0.0.2", false},
    {"127.0.0.7-4", false},        {"127.0.0", false},
    {"127.0.0.256", false},        {"127.0.0.2 bad", false},
    {"127.0.0.2x", false},         {"", false},
    {"127.0.0.2-", false},         {"127.0.0.0002", false},
};

/* What a code may look like, and what is refused. */
TEST(listing, codes)
{
    struct listing_code code;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        cr_assert_eq(listing_code_parse(codes[i].text, &code), codes[i].good, "%s",
                     codes[i].text);
    }
    cr_assert(listing_code_parse("127.0.0.10-11 policy", &code));
    cr_assert(code.has_kind && code.kind == STOP_LIST_POLICY);
    cr_assert_eq(listing_kind(&code, 1, IP(127, 0, 0, 11), STOP_LIST_GRAVE),
                 STOP_LIST_POLICY);
    cr_assert_eq(listing_kind(&code, 1, IP(127, 0, 0, 2), STOP_LIST_GRAVE),
                 STOP_LIST_GRAVE);
}

/* Only what the zone's codes know is a listing; errors and wildcards cannot tell, also
 * beside a listing. */
TEST(listing, readings)
{
    uint32_t code = 0;
    uint32_t hit[] = {IP(127, 0, 0, 2)};
    uint32_t test[] = {IP(127, 0, 0, 1)};
    uint32_t error[] = {IP(127, 0, 0, 2), IP(127, 255, 255, 254)};
    uint32_t parked[] = {IP(203, 0, 113, 9)};
    struct listing_code only = {.low = IP(127, 0, 0, 4), .high = IP(127, 0, 0, 7)};

    cr_assert_eq(listing_read(NULL, 0, NULL, 0, &code), LISTING_READ_NOTHING);
    cr_assert_eq(listing_read(NULL, 0, hit, 1, &code), LISTING_READ_LISTED);
    cr_assert_eq(code, hit[0]);
    cr_assert_eq(listing_read(NULL, 0, test, 1, &code), LISTING_READ_ERROR);
    cr_assert_eq(listing_read(NULL, 0, error, 2, &code), LISTING_READ_ERROR);
    cr_assert_eq(listing_read(NULL, 0, parked, 1, &code), LISTING_READ_ERROR);
    cr_assert_eq(listing_read(&only, 1, hit, 1, &code), LISTING_READ_ERROR,
                 "an answer that the codes do not know");
}

/* Two hits ten minutes apart list an address, two misses take it off; a reply counts as
 * the first hit; errors change nothing. */
TEST(listing, hysteresis)
{
    struct listing listing = {0};
    uint32_t two = IP(127, 0, 0, 2);

    cr_assert_eq(listing_heard(&listing, LISTING_READ_LISTED, two, false, NOW),
                 LISTING_NEWS_NONE);
    cr_assert_eq(listing_next_ms(&listing, 120 * MINUTE), 10 * MINUTE, "to be confirmed");
    cr_assert_eq(listing_heard(&listing, LISTING_READ_ERROR, 0, false, NOW + MINUTE),
                 LISTING_NEWS_NONE);
    cr_assert_eq(
        listing_heard(&listing, LISTING_READ_LISTED, two, false, NOW + 10 * MINUTE),
        LISTING_NEWS_LISTED);
    cr_assert_eq(listing_next_ms(&listing, 120 * MINUTE), 30 * MINUTE);
    cr_assert_eq(
        listing_heard(&listing, LISTING_READ_NOTHING, 0, false, NOW + 40 * MINUTE),
        LISTING_NEWS_NONE);
    cr_assert(listing.is_listed);
    cr_assert_eq(
        listing_heard(&listing, LISTING_READ_NOTHING, 0, false, NOW + 50 * MINUTE),
        LISTING_NEWS_DELISTED);
    cr_assert_eq(listing_next_ms(&listing, 120 * MINUTE), 120 * MINUTE);
    cr_assert_eq(
        listing_heard(&listing, LISTING_READ_LISTED, two, true, NOW + 60 * MINUTE),
        LISTING_NEWS_LISTED, "a reply has said it already");
}

/* Half of at least four sources in two networks: the zone is at fault. */
TEST(listing, breaker)
{
    cr_assert_not(listing_breaks(3, 3, 3));
    cr_assert_not(listing_breaks(4, 4, 1));
    cr_assert_not(listing_breaks(1, 4, 2));
    cr_assert(listing_breaks(2, 4, 2));
    cr_assert(listing_breaks(10, 10, 5));
}
