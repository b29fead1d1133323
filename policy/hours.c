#include "policy/hours.h"

#include <string.h>

#define DAY_S      86400
#define HOUR_S     3600
#define KNOWN_DAYS 3 /* days with mail before anything is concluded */
#define SHARE      4 /* an hour counts that is seen on one day in so many */

void hours_note(struct hours *hours, int64_t unix_s)
{
    int64_t day = unix_s / DAY_S;

    if (unix_s < 0 || day < hours->day) {
        return;
    }
    if (day > hours->day) {
        if (hours->today != 0) {
            memmove(hours->masks + 1, hours->masks,
                    (HOURS_DAYS - 1) * sizeof hours->masks[0]);
            hours->masks[0] = hours->today;
            hours->count += hours->count < HOURS_DAYS ? 1 : 0;
        }
        hours->day = day;
        hours->today = 0;
    }
    hours->today |= UINT32_C(1) << (unix_s % DAY_S / HOUR_S);
}

uint32_t hours_used(const struct hours *hours)
{
    uint32_t count = hours->count < HOURS_DAYS ? hours->count : HOURS_DAYS;
    uint32_t used = 0;

    if (count < KNOWN_DAYS) {
        return 24;
    }
    for (uint32_t hour = 0; hour < 24; hour++) {
        uint32_t seen = 0;
        for (uint32_t i = 0; i < count; i++) {
            seen += hours->masks[i] >> hour & 1;
        }
        used += SHARE * seen >= count ? 1 : 0;
    }
    return used > HOURS_LEAST ? used : HOURS_LEAST;
}
