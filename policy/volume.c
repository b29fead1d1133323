#include "policy/volume.h"

#include <string.h>

/* How many days lie between the newest count and that day. */
static int64_t shift_of(const struct volume *volume, int32_t day)
{
    return (int64_t)day - volume->day;
}

static uint32_t count_at(const struct volume *volume, int32_t day, int64_t ago)
{
    int64_t place = ago - shift_of(volume, day);

    return volume->day != 0 && place >= 0 && place < VOLUME_DAYS ? volume->counts[place]
                                                                 : 0;
}

void volume_add(struct volume *volume, uint32_t count, int32_t day)
{
    int64_t shift = volume->day == 0 ? VOLUME_DAYS : shift_of(volume, day);

    if (shift > 0) {
        size_t kept = shift < VOLUME_DAYS ? (size_t)(VOLUME_DAYS - shift) : 0;
        memmove(&volume->counts[VOLUME_DAYS - kept], volume->counts,
                kept * sizeof(volume->counts[0]));
        memset(volume->counts, 0, (VOLUME_DAYS - kept) * sizeof(volume->counts[0]));
        volume->day = day;
        shift = 0;
    }
    if (-shift >= VOLUME_DAYS) {
        return; /* a clock that stepped back by a month */
    }
    uint32_t *slot = &volume->counts[-shift];
    *slot = count > UINT32_MAX - *slot ? UINT32_MAX : *slot + count;
}

uint32_t volume_normal(const struct volume *volume, int32_t day)
{
    uint32_t sorted[VOLUME_NORMAL];
    uint32_t used = 0;

    for (int64_t ago = 1; ago <= VOLUME_NORMAL; ago++) {
        uint32_t count = count_at(volume, day, ago);
        uint32_t at = used;
        if (count == 0) {
            continue;
        }
        while (at > 0 && sorted[at - 1] > count) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = count;
        used++;
    }
    return used == 0 ? 0 : sorted[used / 2];
}

uint64_t volume_month(const struct volume *volume, int32_t day)
{
    uint64_t sum = 0;

    for (int64_t ago = 0; ago < VOLUME_DAYS; ago++) {
        sum += count_at(volume, day, ago);
    }
    return sum;
}
