#include <stdio.h>

#include "relay/streamtally.h"

#include "tests/support/test.h"

/* A name has one tally for good, and others have others. */
TEST(streamtally, one_for_each_name)
{
    struct stream_tallies tallies = {0};
    struct tally *bulk = stream_tally(&tallies, "bulk");
    bulk->delivered = 7;
    for (int i = 0; i < 50; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "stream%d", i);
        cr_assert_eq(stream_tally(&tallies, name)->delivered, 0);
    }
    cr_assert_eq(stream_tally(&tallies, "bulk"), bulk);
    cr_assert_eq(bulk->delivered, 7);
    cr_assert_eq(tallies.count, 51);
    stream_tallies_done(&tallies);
    cr_assert_eq(tallies.count, 0);
}
