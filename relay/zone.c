#include "relay/zone.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/arena.h"
#include "relay/limits.h"
#include "relay/tzrule.h"

#define ZONE_DIR     "/usr/share/zoneinfo"
#define NAME_BYTES   64
#define HEADER_BYTES 44
#define DAY_S        ((int64_t)86400)
#define OFFSET_MAX_S (26 * 3600) /* farther from UTC is no place on Earth */
#define SEARCH_S     (4 * DAY_S) /* no local day is longer */

struct zone {
    int32_t first_s; /* offset before all changes */
    size_t count;
    int64_t *at;     /* owned; instants of changes, ascending */
    int32_t *offset; /* owned; seconds east of UTC from there on */
    bool has_rule;   /* for all time after the last change */
    struct tzrule rule;
};

/* What a TZif header counts, RFC 8536 3.1. */
struct counts {
    size_t utc;
    size_t standard;
    size_t leap;
    size_t time;
    size_t type;
    size_t letters;
};

struct span {
    const uint8_t *at;
    size_t left;
};

static int32_t read_32(const uint8_t *at)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        value = value << 8 | at[i];
    }
    return (int32_t)value;
}

static int64_t read_64(const uint8_t *at)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        value = value << 8 | at[i];
    }
    return (int64_t)value;
}

static const uint8_t *take(struct span *span, size_t size)
{
    if (size > span->left) {
        return NULL;
    }
    const uint8_t *taken = span->at;
    span->at += size;
    span->left -= size;
    return taken;
}

static bool take_header(struct span *span, uint8_t *out_version, struct counts *out)
{
    const uint8_t *header = take(span, HEADER_BYTES);
    if (header == NULL || memcmp(header, "TZif", 4) != 0) {
        return false;
    }
    size_t *const fields[] = {&out->utc,  &out->standard, &out->leap,
                              &out->time, &out->type,     &out->letters};
    for (size_t i = 0; i < 6; i++) {
        int32_t value = read_32(header + 20 + 4 * i);
        if (value < 0 || value > LIMIT_ZONE_CHANGES) {
            return false;
        }
        *fields[i] = (size_t)value;
    }
    *out_version = header[4];
    return out->type > 0 && out->type <= 256;
}

static size_t block_bytes(const struct counts *counts, size_t time_bytes)
{
    return counts->time * (time_bytes + 1) + counts->type * 6 + counts->letters +
           counts->leap * (time_bytes + 4) + counts->standard + counts->utc;
}

static bool read_offset(const uint8_t *types, size_t index, int32_t *out)
{
    int32_t offset = read_32(types + 6 * index);
    if (offset < -OFFSET_MAX_S || offset > OFFSET_MAX_S) {
        return false;
    }
    *out = offset;
    return true;
}

/* The data block: instants, their types, the types. Names and leap seconds are not
 * needed. */
static bool take_block(struct span *span, const struct counts *counts, size_t time_bytes,
                       struct zone *zone)
{
    const uint8_t *block = take(span, block_bytes(counts, time_bytes));
    if (block == NULL) {
        return false;
    }
    const uint8_t *indexes = block + counts->time * time_bytes;
    const uint8_t *types = indexes + counts->time;
    if (!read_offset(types, 0, &zone->first_s)) {
        return false;
    }
    zone->at = arena_must(counts->time, sizeof *zone->at);
    zone->offset = arena_must(counts->time, sizeof *zone->offset);
    zone->count = counts->time;
    for (size_t i = 0; i < counts->time; i++) {
        const uint8_t *at = block + i * time_bytes;
        zone->at[i] = time_bytes == 8 ? read_64(at) : read_32(at);
        bool is_sorted = i == 0 || zone->at[i] > zone->at[i - 1];
        if (!is_sorted || indexes[i] >= counts->type ||
            !read_offset(types, indexes[i], &zone->offset[i])) {
            return false;
        }
    }
    return true;
}

/* "\nRULE\n"; an empty rule is allowed: nothing is known about the time after. */
static bool take_footer(struct span *span, struct zone *zone)
{
    const uint8_t *begin = take(span, 1);
    if (begin == NULL || *begin != '\n') {
        return false;
    }
    const uint8_t *end = memchr(span->at, '\n', span->left);
    if (end == NULL) {
        return false;
    }
    size_t size = (size_t)(end - span->at);
    if (size == 0) {
        return true;
    }
    zone->has_rule = true;
    return tzrule_parse(&zone->rule, (const char *)span->at, size) == 0;
}

static bool parse_all(struct zone *zone, struct span span)
{
    struct counts counts = {0};
    uint8_t version = 0;
    if (!take_header(&span, &version, &counts)) {
        return false;
    }
    if (version < '2') {
        return take_block(&span, &counts, 4, zone);
    }
    if (take(&span, block_bytes(&counts, 4)) == NULL ||
        !take_header(&span, &version, &counts)) {
        return false;
    }
    return take_block(&span, &counts, 8, zone) && take_footer(&span, zone);
}

int zone_parse(struct zone **out, const uint8_t *data, size_t size, struct errmsg *err)
{
    assert(out != NULL);
    assert(data != NULL);
    struct zone *zone = arena_must(1, sizeof *zone);
    if (size > LIMIT_ZONE_FILE || !parse_all(zone, (struct span){data, size})) {
        errmsg_set(err, "not a time zone file");
        zone_free(zone);
        return -EINVAL;
    }
    *out = zone;
    return 0;
}

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_+-/";
    return strlen(name) < NAME_BYTES && name[0] != '/' &&
           name[strspn(name, allowed)] == '\0';
}

/* Read a whole file of at most size bytes. Returns how many, or a negative errno. */
static ssize_t read_file(const char *path, uint8_t *data, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < size) {
        got = read(fd, data + used, size - used);
        used += got > 0 ? (size_t)got : 0;
    }
    int failed = got < 0 ? -errno : 0;
    (void)close(fd);
    return failed < 0 ? failed : (ssize_t)used;
}

int zone_open(struct zone **out, const char *name, struct errmsg *err)
{
    assert(out != NULL);
    assert(name != NULL);
    if (name[0] == '\0' || strcmp(name, "UTC") == 0) {
        *out = arena_must(1, sizeof **out);
        return 0;
    }
    if (!is_name(name)) {
        errmsg_set(err, "time zone \"%.64s\": not a name such as Europe/Berlin", name);
        return -EINVAL;
    }
    char path[sizeof ZONE_DIR + NAME_BYTES + 1];
    (void)snprintf(path, sizeof path, "%s/%s", ZONE_DIR, name);
    uint8_t *data = arena_must(1, LIMIT_ZONE_FILE);
    ssize_t size = read_file(path, data, LIMIT_ZONE_FILE);
    int failed = size == -EISDIR || size == -ENOTDIR ? -ENOENT : (int)size;
    if (failed < 0) {
        errmsg_errno(err, failed, "%s", path);
    } else {
        failed = zone_parse(out, data, (size_t)size, err);
    }
    free(data);
    if (failed < 0) {
        errmsg_wrap(err, "time zone %s", name);
    }
    return failed;
}

void zone_free(struct zone *zone)
{
    if (zone != NULL) {
        free(zone->at);
        free(zone->offset);
        free(zone);
    }
}

/* How many changes have happened by an instant. */
static size_t changes_by(const struct zone *zone, int64_t unix_s)
{
    size_t low = 0;
    size_t high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->at[middle] <= unix_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t zone_offset_s(const struct zone *zone, int64_t unix_s)
{
    assert(zone != NULL);
    size_t changes = changes_by(zone, unix_s);
    if (changes == zone->count && zone->has_rule) {
        return tzrule_offset_s(&zone->rule, unix_s);
    }
    return changes == 0 ? zone->first_s : zone->offset[changes - 1];
}

/* The last change up to an instant; INT64_MIN when there was none. */
static int64_t changed_unix_s(const struct zone *zone, int64_t unix_s)
{
    size_t changes = changes_by(zone, unix_s);
    int64_t changed = changes == 0 ? INT64_MIN : zone->at[changes - 1];
    if (changes == zone->count && zone->has_rule) {
        int64_t by_rule = tzrule_changed_unix_s(&zone->rule, unix_s);
        changed = by_rule > changed ? by_rule : changed;
    }
    return changed;
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static int64_t number_by_clock(const struct zone *zone, int64_t unix_s,
                               int32_t day_start_s)
{
    return floor_div(unix_s + zone_offset_s(zone, unix_s) - day_start_s, DAY_S);
}

/* As the clock says, but not less than just before the last change: an hour that clocks
 * repeat around the day's start does not belong to yesterday again. */
static int64_t number_at(const struct zone *zone, int64_t unix_s, int32_t day_start_s)
{
    int64_t number = number_by_clock(zone, unix_s, day_start_s);
    int64_t changed = changed_unix_s(zone, unix_s);
    if (changed > unix_s - SEARCH_S) {
        int64_t before = number_by_clock(zone, changed - 1, day_start_s);
        number = before > number ? before : number;
    }
    return number;
}

/* The first instant in (low, high] whose day is at least number; high is one. */
static int64_t first_of(const struct zone *zone, int64_t number, int32_t day_start_s,
                        int64_t low, int64_t high)
{
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (number_at(zone, middle, day_start_s) >= number) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

struct zone_day zone_day_at(const struct zone *zone, int64_t unix_s, int32_t day_start_s)
{
    assert(zone != NULL);
    assert(day_start_s >= 0 && day_start_s < DAY_S);
    struct zone_day day = {.number = number_at(zone, unix_s, day_start_s)};
    day.starts_unix_s =
        first_of(zone, day.number, day_start_s, unix_s - SEARCH_S, unix_s);
    day.ends_unix_s =
        first_of(zone, day.number + 1, day_start_s, unix_s, unix_s + SEARCH_S);
    return day;
}

int32_t zone_second_of_day(const struct zone *zone, int64_t unix_s)
{
    int64_t local_s = unix_s + zone_offset_s(zone, unix_s);
    return (int32_t)(local_s - floor_div(local_s, DAY_S) * DAY_S);
}

int zone_weekday(const struct zone *zone, int64_t unix_s)
{
    int64_t days = floor_div(unix_s + zone_offset_s(zone, unix_s), DAY_S);
    return (int)((days % 7 + 7 + 4) % 7); /* 1970-01-01 was a Thursday */
}
