#include <stddef.h>

#include "relay/daywindow.h"

#include "tests/support/test.h"

#define AT(HOUR, MINUTE) \
    (INT64_C(86400) * 20000 + INT64_C(3600) * (HOUR) + INT64_C(60) * (MINUTE))

static const struct units_window office = {.from_minute = 480, .to_minute = 1200};
static const struct units_window night = {.from_minute = 1320, .to_minute = 360};

/* Inside it is open; before and after, the next opening is named. */
TEST(daywindow, office_hours)
{
    cr_assert_eq(daywindow_opens(&office, NULL, AT(8, 0)), 0);
    cr_assert_eq(daywindow_opens(&office, NULL, AT(19, 59)), 0);
    cr_assert_eq(daywindow_opens(&office, NULL, AT(7, 0)), AT(8, 0));
    cr_assert_eq(daywindow_opens(&office, NULL, AT(20, 0)), AT(8, 0) + 86400);
    cr_assert_eq(daywindow_minutes(&office), 720);
}

/* A window may run over midnight. */
TEST(daywindow, over_midnight)
{
    cr_assert_eq(daywindow_opens(&night, NULL, AT(23, 0)), 0);
    cr_assert_eq(daywindow_opens(&night, NULL, AT(5, 59)), 0);
    cr_assert_eq(daywindow_opens(&night, NULL, AT(6, 0)), AT(22, 0));
    cr_assert_eq(daywindow_minutes(&night), 480);
}

/* No window is the whole day. */
TEST(daywindow, whole_day)
{
    struct units_window whole = {0};
    cr_assert_eq(daywindow_opens(&whole, NULL, AT(3, 0)), 0);
    cr_assert_eq(daywindow_minutes(&whole), 1440);
}
