#include <stdio.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/daywindow.h"
#include "relay/fields.h"
#include "relay/now.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"
#include "relay/store.h"

#define HOUR_NS (3600 * NOW_NS_PER_S)

static struct ramp_hours *find(const struct core *core, const char *stream)
{
    list_each (node, &core->ramps.hours) {
        struct ramp_hours *hours = LIST_OWNER(node, struct ramp_hours, node);
        if (strcmp(hours->stream, stream) == 0) {
            return hours;
        }
    }
    return NULL;
}

static struct ramp_hours *hours_of(struct core *core, const char *stream)
{
    struct ramp_hours *hours = find(core, stream);
    if (hours == NULL) {
        hours = arena_must(1, sizeof *hours);
        (void)snprintf(hours->stream, sizeof hours->stream, "%s", stream);
        list_push_back(&core->ramps.hours, &hours->node);
    }
    return hours;
}

static void keep(struct core *core, const struct ramp_hours *hours)
{
    char key[STORE_KEY_BYTES];
    char name[16];
    struct fields fields;
    (void)snprintf(key, sizeof key, "|%s", hours->stream); /* no source has no name */
    fields_init(&fields);
    fields_add_int(&fields, "day", hours->hours.day);
    fields_add_int(&fields, "today", hours->hours.today);
    for (uint32_t i = 0; i < hours->hours.count; i++) {
        (void)snprintf(name, sizeof name, "mask%u", i);
        fields_add_int(&fields, name, hours->hours.masks[i]);
    }
    store_put(core->store,
              &(struct store_row){.kind = STORE_RAMP, .key = key, .value = fields.text},
              NULL);
}

void ramps_hours_note(struct core *core, uint32_t stream)
{
    struct ramp_hours *hours =
        hours_of(core, core->snapshot->config->streams[stream].name);
    uint32_t before = hours->hours.today;
    int64_t day = hours->hours.day;
    hours_note(&hours->hours, now_unix_ms() / 1000);
    if (hours->hours.today != before || hours->hours.day != day) {
        keep(core, hours); /* once an hour */
    }
}

void ramps_hours_load(struct core *core, const char *stream, const struct fields *fields)
{
    struct ramp_hours *hours = hours_of(core, stream);
    struct hours *at = &hours->hours;
    char name[16];
    int64_t mask = 0;
    at->day = fields_int_or(fields, "day", 0);
    at->today = (uint32_t)fields_int_or(fields, "today", 0);
    at->count = 0;
    (void)snprintf(name, sizeof name, "mask0");
    while (at->count < HOURS_DAYS && fields_get_int(fields, name, &mask)) {
        at->masks[at->count++] = (uint32_t)mask;
        (void)snprintf(name, sizeof name, "mask%u", at->count);
    }
}

static int64_t window_of(const struct core *core, const struct config_stream *stream)
{
    if (stream->window.from_minute != stream->window.to_minute) {
        return (int64_t)daywindow_minutes(&stream->window) * 60 * NOW_NS_PER_S;
    }
    const struct ramp_hours *hours = find(core, stream->name);
    return (hours != NULL ? (int64_t)hours_used(&hours->hours) : 24) * HOUR_NS;
}

int64_t ramps_hours_window_ns(struct core *core, const struct source *source)
{
    const struct config *config = core->snapshot->config;
    int64_t longest_ns = 0;
    for (size_t i = 0; i < config->stream_count; i++) {
        const struct config_stream *stream = &config->streams[i];
        for (size_t k = 0; k < stream->sources.count; k++) {
            int64_t window_ns =
                stream->sources.items[k] == source->index ? window_of(core, stream) : 0;
            longest_ns = window_ns > longest_ns ? window_ns : longest_ns;
        }
    }
    return longest_ns > 0 ? longest_ns : 24 * HOUR_NS;
}
