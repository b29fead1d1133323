#include "queue/space.h"

uint64_t space_bound(const struct space_now *now)
{
    return 2 * (now->live_bytes + now->segment_bytes) + now->stuck_bytes;
}

uint64_t space_begin(const struct space_now *now)
{
    return now->live_bytes / 4 * 7 + 2 * now->segment_bytes + now->stuck_bytes;
}

bool space_presses(const struct space_now *now)
{
    return now->disk_bytes > space_bound(now);
}

uint64_t space_room(struct space *space, const struct space_now *now)
{
    uint64_t ceiling = space_bound(now);
    if (!space_presses(now) || space->level == 0 || now->disk_bytes < space->level) {
        space->level = now->disk_bytes;
    }
    if (space->level > ceiling) {
        ceiling = space->level;
    }
    ceiling += SPACE_AHEAD * now->segment_bytes;
    return ceiling > now->disk_bytes ? ceiling - now->disk_bytes : 0;
}
