/* The disk a random history takes, step by step. */

#include "queue/space.h"

#include "tests/queue/history.h"
#include "tests/support/queue_fixture.h"

#define WRITTEN_PAST 4 /* segments: what had been granted; being written; prepared */

static void look_at_space(struct history *history, uint64_t *out_disk)
{
    struct queue_stats stats;
    queue_stats(history->queue, &stats);
    history->most_bound = history->last_bound;
    history->last_bound =
        2 * stats.live_bytes + 2 * (uint64_t)QUEUE_SEGMENT_MIN + stats.stuck_bytes;
    if (history->last_bound > history->most_bound) {
        history->most_bound = history->last_bound;
    }
    *out_disk = fake_disk_bytes(history->fake);
}

/* Writing alone never takes the files further than SPACE_AHEAD segments above the bound,
 * or above the least they were since they were last within it. */
void history_check_space(struct history *history)
{
    uint64_t disk = 0;
    uint64_t before = history->last_disk;
    look_at_space(history, &disk);
    history->last_disk = disk;
    if (disk <= history->last_bound || disk < history->least_disk) {
        history->least_disk = disk;
    }
    uint64_t ceiling = history->most_bound > history->least_disk ? history->most_bound
                                                                 : history->least_disk;
    if (disk > before &&
        disk > ceiling + (SPACE_AHEAD + WRITTEN_PAST) * (uint64_t)QUEUE_SEGMENT_MIN) {
        history_broken(history, 0, "takes more disk than it may");
    }
}

/* Nothing is written any more: the disk used comes down to twice what lives and two
 * segments, and what is stuck. */
void history_check_rest(struct history *history)
{
    uint64_t disk = 0;
    for (int i = 0; i < 2000; i++) {
        history->now_ns += 1000000000;
        queue_tick(history->queue, history->now_ns);
        look_at_space(history, &disk);
        if (disk <= history->last_bound) {
            return;
        }
        queue_fixture_pause();
    }
    history_broken(history, 0, "does not get its disk back");
}
