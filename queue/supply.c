/* Good path: zero-fill under a temporary name (or take a spare) -> header block ->
 * fdatasync -> rename -> sync_dir -> ready. A dead segment is renamed to a spare or
 * unlinked -> sync_dir -> reported gone.
 * Failures: no room for zeroes removes what was written and is reported as -ENOSPC until
 * somebody kicks; any other failure is handed to the writer, which fails the queue. */

#include "queue/supply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/mem.h"

#define ZERO_CHUNK UINT64_C(1048576)

static void spare_name(uint64_t number, char out_name[SEGMENT_NAME])
{
    (void)snprintf(out_name, SEGMENT_NAME, "spare-%016llx.tmp",
                   (unsigned long long)number);
}

void supply_init(struct supply *supply, const struct supply_options *options,
                 uint64_t next_number)
{
    *supply = (struct supply){
        .options = *options, .next_number = next_number, .wants_next = true};
    (void)pthread_mutex_init(&supply->mutex, NULL);
    (void)pthread_cond_init(&supply->changed, NULL);
    uint64_t count =
        (options->reserve_bytes + options->segment_bytes - 1) / options->segment_bytes;
    supply->reserve_count =
        count > SUPPLY_RESERVE_MAX ? SUPPLY_RESERVE_MAX : (unsigned)count;
}

void supply_done(struct supply *supply)
{
    if (supply->has_next) {
        const struct disk *disk = supply->options.disk;
        char name[SEGMENT_NAME];
        char to[SEGMENT_NAME];
        segment_name(supply->next.header.number, name);
        spare_name(supply->next.header.number, to);
        disk->close(disk, supply->next.handle);
        /* Under its old name the next start would search all of it for records. */
        (void)disk->rename(disk, name, to);
    }
    free(supply->gone);
    (void)pthread_cond_destroy(&supply->changed);
    (void)pthread_mutex_destroy(&supply->mutex);
}

/* ---- making segments; helper thread, mutex not held ---- */

static int fill_zero(const struct disk *disk, int handle, uint64_t from, uint64_t size)
{
    static const uint8_t zeros[ZERO_CHUNK];
    for (uint64_t at = from; at < size; at += ZERO_CHUNK) {
        size_t length = size - at < ZERO_CHUNK ? (size_t)(size - at) : ZERO_CHUNK;
        int rc = segment_write(disk, handle, zeros, length, at);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int supply_stamp(const struct disk *disk, int handle, const struct segment_header *header)
{
    uint8_t block[SEGMENT_DATA];
    segment_header_encode(header, block);
    int rc = segment_write(disk, handle, block, sizeof block, 0);
    return rc == 0 ? disk->fdatasync(disk, handle) : rc;
}

/* Have a spare file of full size, all its bytes allocated. */
static int make_spare(struct supply *supply, uint64_t number)
{
    const struct disk *disk = supply->options.disk;
    char name[SEGMENT_NAME];
    spare_name(number, name);
    int handle = disk->open(disk, name, true);
    if (handle < 0) {
        return handle;
    }
    int rc = fill_zero(disk, handle, 0, supply->options.segment_bytes);
    if (rc == 0) {
        rc = disk->fdatasync(disk, handle);
    }
    disk->close(disk, handle);
    if (rc != 0) {
        (void)disk->unlink(disk, name);
    }
    return rc;
}

static uint64_t mix_salt(uint64_t salt, uint64_t number)
{
    uint64_t mixed = salt + number * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* Bring a recycled file to its size: it may be longer by its old footer, or shorter. */
static int fit(const struct disk *disk, int handle, uint64_t bytes)
{
    int64_t size = disk->size(disk, handle);
    if (size < 0) {
        return (int)size;
    }
    if ((uint64_t)size > bytes) {
        return disk->resize(disk, handle, bytes);
    }
    return fill_zero(disk, handle, (uint64_t)size, bytes);
}

static int make_next(struct supply *supply, uint64_t spare, uint64_t number,
                     struct supply_segment *out_segment)
{
    const struct disk *disk = supply->options.disk;
    char old_name[SEGMENT_NAME];
    char new_name[SEGMENT_NAME];
    spare_name(spare, old_name);
    segment_name(number, new_name);
    struct supply_segment segment = {
        .header = {.number = number,
                   .salt = mix_salt(supply->options.salt, number),
                   .key_id = supply->options.key_id,
                   .created_unix_ms = supply->options.now_unix_ms,
                   .bytes = supply->options.segment_bytes}};
    segment.handle = disk->open(disk, old_name, false);
    if (segment.handle < 0) {
        return segment.handle;
    }
    int rc = fit(disk, segment.handle, supply->options.segment_bytes);
    if (rc == 0) {
        rc = supply_stamp(disk, segment.handle, &segment.header);
    }
    if (rc == 0) {
        rc = disk->rename(disk, old_name, new_name);
    }
    if (rc == 0) {
        rc = disk->sync_dir(disk);
    }
    if (rc != 0) {
        disk->close(disk, segment.handle);
        return rc;
    }
    *out_segment = segment;
    return 0;
}

/* ---- freeing ---- */

static int set_free(struct supply *supply, uint64_t number, bool recycle, uint64_t spare)
{
    const struct disk *disk = supply->options.disk;
    char name[SEGMENT_NAME];
    char to[SEGMENT_NAME];
    segment_name(number, name);
    spare_name(spare, to);
    int rc = recycle ? disk->rename(disk, name, to) : disk->unlink(disk, name);
    if (rc != 0 && rc != -ENOENT) {
        return rc;
    }
    /* Its tombstones in later segments may only go when this name is gone for good. */
    return disk->sync_dir(disk);
}

/* One dead segment. Called and returns with the mutex held. */
static void free_one(struct supply *supply)
{
    uint64_t number = supply->gone[--supply->gone_count];
    bool recycle =
        supply->spare_count < supply->reserve_count + (supply->has_next ? 0 : 1);
    uint64_t spare = supply->next_number++;
    (void)pthread_mutex_unlock(&supply->mutex);
    int rc = set_free(supply, number, recycle, spare);
    if (rc == 0) {
        supply->options.gone_cb(supply->options.owner, number);
    }
    (void)pthread_mutex_lock(&supply->mutex);
    if (rc != 0) {
        supply->error = rc;
    } else if (recycle) {
        supply->spares[supply->spare_count++] = spare;
    }
}

/* ---- the helper's job ---- */

/* Make one spare more. Mutex held, given up meanwhile. */
static int add_spare(struct supply *supply)
{
    uint64_t number = supply->next_number++;
    (void)pthread_mutex_unlock(&supply->mutex);
    int rc = make_spare(supply, number);
    (void)pthread_mutex_lock(&supply->mutex);
    if (rc == 0) {
        supply->spares[supply->spare_count++] = number;
    }
    return rc;
}

/* Turn a spare into the next segment. Mutex held, given up meanwhile. */
static int use_spare(struct supply *supply, bool reserve)
{
    uint64_t spare = supply->spares[--supply->spare_count];
    uint64_t number = supply->next_number++;
    struct supply_segment segment = {.handle = -1};
    (void)pthread_mutex_unlock(&supply->mutex);
    int rc = make_next(supply, spare, number, &segment);
    (void)pthread_mutex_lock(&supply->mutex);
    if (rc == 0) {
        segment.reserve = reserve;
        supply->next = segment;
        supply->has_next = true;
        supply->wants_next = false;
        supply->wants_reserve = false;
    }
    return rc;
}

static bool is_full(int rc)
{
    return rc == -ENOSPC || rc == -EDQUOT;
}

/* One step; false when nothing is left to do. Mutex held. */
static bool step(struct supply *supply)
{
    if (supply->gone_count > 0) {
        free_one(supply);
        return true;
    }
    if (!supply->has_next && supply->wants_next) {
        int rc = 0;
        bool reserve = false;
        if (supply->spare_count <= supply->reserve_count) {
            rc = supply->error != 0 ? supply->error : add_spare(supply);
        }
        if (is_full(rc) && supply->wants_reserve && supply->spare_count > 0) {
            reserve = true;
            rc = 0;
        }
        if (rc == 0) {
            rc = use_spare(supply, reserve);
        }
        supply->error = rc;
        (void)pthread_cond_broadcast(&supply->changed);
        return rc == 0;
    }
    if (supply->spare_count < supply->reserve_count && supply->error == 0) {
        supply->error = add_spare(supply);
        return supply->error == 0;
    }
    return false;
}

static void run(struct helper_job *job)
{
    struct supply *supply =
        (struct supply *)(void *)((char *)job - offsetof(struct supply, job));
    (void)pthread_mutex_lock(&supply->mutex);
    while (!supply->stopping && step(supply)) {
        (void)pthread_cond_broadcast(&supply->changed);
    }
    (void)pthread_cond_broadcast(&supply->changed);
    (void)pthread_mutex_unlock(&supply->mutex);
}

/* ---- from outside ---- */

void supply_adopt(struct supply *supply, const char *name)
{
    const struct disk *disk = supply->options.disk;
    char to[SEGMENT_NAME];
    if (supply->spare_count <= supply->reserve_count) {
        spare_name(supply->next_number, to);
        if (disk->rename(disk, name, to) == 0) {
            supply->spares[supply->spare_count++] = supply->next_number++;
            return;
        }
    }
    (void)disk->unlink(disk, name);
}

void supply_kick(struct supply *supply)
{
    (void)pthread_mutex_lock(&supply->mutex);
    if (is_full(supply->error)) {
        supply->error = 0;
    }
    (void)pthread_mutex_unlock(&supply->mutex);
    helper_add(supply->options.helper, &supply->job, run, true);
}

void supply_stop(struct supply *supply)
{
    (void)pthread_mutex_lock(&supply->mutex);
    supply->stopping = true;
    (void)pthread_cond_broadcast(&supply->changed);
    (void)pthread_mutex_unlock(&supply->mutex);
}

int supply_take(struct supply *supply, bool for_states,
                struct supply_segment *out_segment)
{
    int rc = 0;
    bool waited = false;
    (void)pthread_mutex_lock(&supply->mutex);
    for (;;) {
        if (supply->has_next) {
            rc = supply->next.reserve && !for_states ? -ENOSPC : 0;
            break;
        }
        if (supply->stopping) {
            rc = -EIO;
            break;
        }
        bool may_help = is_full(supply->error) && for_states && supply->spare_count > 0 &&
                        !supply->wants_reserve;
        if (supply->error != 0 && !may_help) {
            rc = is_full(supply->error) ? -ENOSPC : supply->error;
            break;
        }
        supply->wants_reserve |= may_help;
        supply->wants_next = true;
        helper_add(supply->options.helper, &supply->job, run, true);
        waited = true;
        (void)pthread_cond_wait(&supply->changed, &supply->mutex);
    }
    supply->stalls += waited;
    if (rc == 0) {
        *out_segment = supply->next;
        supply->has_next = false;
        supply->wants_next |= out_segment->reserve; /* mail waits for another one */
        helper_add(supply->options.helper, &supply->job, run, true);
    }
    (void)pthread_mutex_unlock(&supply->mutex);
    return rc;
}

void supply_want(struct supply *supply)
{
    (void)pthread_mutex_lock(&supply->mutex);
    supply->wants_next = true;
    (void)pthread_mutex_unlock(&supply->mutex);
    helper_add(supply->options.helper, &supply->job, run, true);
}

bool supply_is_ready(struct supply *supply)
{
    (void)pthread_mutex_lock(&supply->mutex);
    bool ready = supply->has_next && !supply->next.reserve;
    (void)pthread_mutex_unlock(&supply->mutex);
    return ready;
}

void supply_free(struct supply *supply, uint64_t number)
{
    (void)pthread_mutex_lock(&supply->mutex);
    if (supply->gone_count == supply->gone_room) {
        supply->gone_room = supply->gone_room == 0 ? 16 : supply->gone_room * 2;
        supply->gone = mem_resize(supply->gone, supply->gone_room * sizeof *supply->gone);
    }
    supply->gone[supply->gone_count++] = number;
    if (is_full(supply->error)) {
        supply->error = 0; /* room will be there */
    }
    (void)pthread_mutex_unlock(&supply->mutex);
    helper_add(supply->options.helper, &supply->job, run, true);
}

uint64_t supply_spare_bytes(struct supply *supply)
{
    uint64_t reserve = (uint64_t)supply->reserve_count * supply->options.segment_bytes;
    uint64_t bytes = supply_bytes(supply);
    return bytes > reserve ? bytes - reserve : 0;
}

uint64_t supply_bytes(struct supply *supply)
{
    (void)pthread_mutex_lock(&supply->mutex);
    uint64_t files = supply->spare_count + (supply->has_next ? 1 : 0);
    (void)pthread_mutex_unlock(&supply->mutex);
    return files * supply->options.segment_bytes;
}
