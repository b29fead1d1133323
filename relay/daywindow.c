#include "relay/daywindow.h"

#include <stddef.h>

#include "relay/zone.h"

unsigned daywindow_minutes(const struct units_window *window)
{
    if (window->from_minute == window->to_minute) {
        return UNITS_MINUTES_PER_DAY;
    }
    unsigned minutes =
        UNITS_MINUTES_PER_DAY + window->to_minute - (unsigned)window->from_minute;
    return minutes % UNITS_MINUTES_PER_DAY;
}

static int64_t second_of_day(const struct zone *zone, int64_t unix_s)
{
    return zone == NULL ? unix_s % 86400 : zone_second_of_day(zone, unix_s);
}

int64_t daywindow_opens(const struct units_window *window, const struct zone *zone,
                        int64_t unix_s)
{
    if (window->from_minute == window->to_minute) {
        return 0;
    }
    int64_t from_s = (int64_t)window->from_minute * 60;
    int64_t second = second_of_day(zone, unix_s);
    int64_t since_open = (second - from_s + 86400) % 86400;
    if (since_open < (int64_t)daywindow_minutes(window) * 60) {
        return 0;
    }
    /* The guess is off by an hour on a day on which clocks change: look once more. */
    int64_t opens = unix_s + 86400 - since_open;
    int64_t off = second_of_day(zone, opens) - from_s;
    if (off != 0 && off > -7200 && off < 7200) {
        opens -= off;
    }
    return opens;
}
