#include "tests/support/test.h"
#include "tools/receiver_capacity.h"
#include "tools/ticks.h"

#define S TICKS_SECOND

static struct receiver_spec spec_of(const char *text)
{
    struct receiver_spec spec;
    struct errmsg err = {""};

    receiver_spec_init(&spec);
    cr_assert_eq(receiver_spec_parse(&spec, text, &err), 0, "%s", err.text);
    cr_assert_eq(receiver_spec_check(&spec, &err), 0, "%s", err.text);
    return spec;
}

/* A constant rate brings rate times time. */
TEST(receiver_capacity, constant)
{
    struct receiver_spec spec = spec_of("rate=60/m");

    cr_assert_float_eq(receiver_capacity_refill(&spec, 5 * S, 65 * S), 60.0, 1e-9);
    cr_assert_float_eq(receiver_capacity_between(&spec, 0, 5 * S, 65 * S), 60.0, 1e-9);
    cr_assert_float_eq(receiver_capacity_refill(&spec, 5 * S, 5 * S), 0.0, 1e-9);
}

/* Changes and outages cut the integral where they begin and end. */
TEST(receiver_capacity, pieces)
{
    struct receiver_spec spec =
        spec_of("rate=1/s,change=100s*0.5,change=200s*2,outage_at=50s,outage_for=10s,"
                "outage_every=100s");

    /* 0-50 1/s, 50-60 none, 60-100 1/s, 100-150 and 160-200 half, then 2 but 250-260. */
    cr_assert_float_eq(receiver_capacity_refill(&spec, 0, 100 * S), 90.0, 1e-9);
    cr_assert_float_eq(receiver_capacity_refill(&spec, 100 * S, 200 * S), 45.0, 1e-9);
    cr_assert_float_eq(receiver_capacity_refill(&spec, 200 * S, 300 * S), 180.0, 1e-9);
    cr_assert(!receiver_capacity_outage(&spec, 49 * S));
    cr_assert(receiver_capacity_outage(&spec, 50 * S));
    cr_assert(!receiver_capacity_outage(&spec, 60 * S));
    cr_assert(receiver_capacity_outage(&spec, 155 * S));
}

/* However the time is cut, the sum is the same. */
TEST(receiver_capacity, adds_up)
{
    struct receiver_spec spec =
        spec_of("rate=7/s,diurnal=0.3,day=1000s,change=333s*0.7,"
                "outage_at=400s,outage_for=50s,curve=900,hourly=60");
    double whole = receiver_capacity_between(&spec, 17 * S, 20 * S, 3000 * S);
    double parts = 0.0;
    int64_t at_ns = 20 * S;

    for (int64_t step = 1; at_ns < 3000 * S; step = step * 7 % 1013) {
        int64_t to_ns = at_ns + step * S / 3;

        if (to_ns > 3000 * S) {
            to_ns = 3000 * S;
        }
        parts += receiver_capacity_between(&spec, 17 * S, at_ns, to_ns);
        at_ns = to_ns;
    }
    cr_assert_gt(whole, 0.0);
    cr_assert_float_eq(parts, whole, 1e-6 * whole);
}

/* The least of all limits counts; without any the capacity is unknown. */
TEST(receiver_capacity, least)
{
    struct receiver_spec daily = spec_of("rate=1000/s,daily=240,hourly=20");
    struct receiver_spec none = spec_of("connections=3");

    cr_assert_float_eq(receiver_capacity_between(&daily, 0, 0, 86400 * S), 240.0, 1e-6);
    cr_assert_lt(receiver_capacity_between(&none, 0, 0, S), 0.0);
}

/* The curve grows by the day of the account, not of the calendar. */
TEST(receiver_capacity, curve)
{
    struct receiver_spec spec = spec_of("curve=100,curve_growth=2,day=10s");

    cr_assert_float_eq(receiver_capacity_curve(&spec, 0), 100.0, 1e-9);
    cr_assert_float_eq(receiver_capacity_curve(&spec, 3), 800.0, 1e-9);
    cr_assert_float_eq(receiver_capacity_between(&spec, 3 * S, 3 * S, 33 * S), 700.0,
                       1e-6);
}
