/* Where the checks of each source stand, across restarts and in words.
 *
 * No test of its own: tests/relay/test_preflight.c restarts and reads the journal. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/alert.h"
#include "relay/core.h"
#include "relay/fields.h"
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/preflight_parts.h"
#include "relay/ramps_parts.h"
#include "relay/snapshot.h"
#include "relay/store.h"

static const char *const names[] = {[PREFLIGHT_OFF] = "off",
                                    [PREFLIGHT_WAITING] = "waiting",
                                    [PREFLIGHT_FAILED] = "failed",
                                    [PREFLIGHT_PASSED] = "passed",
                                    [PREFLIGHT_FORCED] = "forced"};

const char *preflight_state_name(enum preflight_state state)
{
    return names[state];
}

void preflight_addresses(const struct source *source, char out[PREFLIGHT_IP_BYTES])
{
    char v4[NETADDR_TEXT_BYTES];
    char v6[NETADDR_TEXT_BYTES];
    (void)netaddr_format(&source->public, v4);
    (void)netaddr_format(&source->public6, v6);
    (void)snprintf(out, PREFLIGHT_IP_BYTES, "%s%s%s", v4,
                   v4[0] != '\0' && v6[0] != '\0' ? " " : "", v6);
}

/* ---- the store ---- */

void preflight_keep(const struct preflight *preflight)
{
    struct fields fields;
    fields_init(&fields);
    fields_add_text(&fields, "state", names[preflight->state]);
    fields_add_text(&fields, "addresses", preflight->addresses);
    fields_add_text(&fields, "why", preflight->why);
    fields_add_int(&fields, "since", preflight->since_unix_ms);
    store_put(preflight->core->store,
              &(struct store_row){.kind = STORE_PREFLIGHT,
                                  .key = preflight->source->name,
                                  .value = fields.text},
              NULL);
}

static struct preflight *get(struct core *core, struct source *source)
{
    if (source->preflight == NULL) {
        struct preflight *preflight = arena_must(1, sizeof *preflight);
        preflight->core = core;
        preflight->source = source;
        list_init(&preflight->lookups);
        list_push_back(&core->preflights.list, &preflight->node);
        source->preflight = preflight;
    }
    return source->preflight;
}

void preflights_load(struct core *core, const struct store_row *row)
{
    struct source *source = sources_find(&core->sources, row->key);
    struct fields fields;
    char state[16] = "";
    if (source == NULL || !fields_load(&fields, row->value, strlen(row->value)) ||
        !fields_get_text(&fields, "state", state, sizeof state)) {
        return;
    }
    struct preflight *preflight = get(core, source);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], state) == 0) {
            preflight->state = (enum preflight_state)i;
        }
    }
    (void)fields_get_text(&fields, "addresses", preflight->addresses,
                          sizeof preflight->addresses);
    (void)fields_get_text(&fields, "why", preflight->why, sizeof preflight->why);
    preflight->since_unix_ms = fields_int_or(&fields, "since", 0);
}

/* ---- a configuration ---- */

/* Is anything to be asked? What strangers can see, or what the operator wants asked. */
static bool is_wanted(const struct core *core, const struct source *source)
{
    const struct config *config = core->snapshot->config;
    if (source->index == CONFIG_NONE) {
        return false;
    }
    const struct config_source *from = &config->sources[source->index];
    if (from->warmup == CONFIG_NONE) {
        return false;
    }
    enum config_preflight wish = config->warmups[from->warmup].preflight;
    bool is_named =
        memcmp(from->public.bytes, from->address.bytes, sizeof from->public.bytes) != 0;
    return wish == CONFIG_PREFLIGHT_ON ||
           (wish == CONFIG_PREFLIGHT_AUTO &&
            (is_named || netaddr_range(&source->public) == NETADDR_PUBLIC ||
             netaddr_range(&source->public6) == NETADDR_PUBLIC));
}

/* A ramp of the source has done something already. */
static bool has_begun(const struct core *core, const struct source *source)
{
    list_each (node, &core->ramps.entries) {
        const struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        if (entry->source == source &&
            (entry->ramp.step > 0 || entry->ramp.done || entry->ramp.past.count > 0 ||
             entry->day.accepted > 0)) {
            return true;
        }
    }
    return false;
}

static void take_one(struct core *core, struct source *source)
{
    char addresses[PREFLIGHT_IP_BYTES];
    bool is_new = source->preflight == NULL || source->preflight->since_unix_ms == 0;
    if (!is_wanted(core, source)) {
        if (source->preflight != NULL && source->preflight->state != PREFLIGHT_FORCED) {
            source->preflight->state = PREFLIGHT_OFF;
        }
        return;
    }
    struct preflight *preflight = get(core, source);
    preflight_addresses(source, addresses);
    bool has_moved = strcmp(addresses, preflight->addresses) != 0;
    (void)snprintf(preflight->addresses, sizeof preflight->addresses, "%s", addresses);
    preflight->next_unix_ms = 0; /* what failed may have been mended by the new file */
    bool is_off = preflight->state == PREFLIGHT_OFF;
    if ((is_new || is_off) && has_begun(core, source)) {
        preflight_move(preflight, PREFLIGHT_PASSED, "its ramp had begun before", "ramp");
    } else if (is_new || is_off || has_moved) {
        preflight_move(preflight, PREFLIGHT_WAITING, "not asked yet", "ramp");
    }
    uint32_t warmup = core->snapshot->config->sources[source->index].warmup;
    if (preflight_holds(source) && ramps_find(core, source, "") == NULL) {
        (void)ramps_make(core, source, "", warmup); /* so that screens have it */
    }
}

void preflights_take(struct core *core)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        take_one(core, core->sources.items[i]);
    }
}

void preflight_restart(struct core *core, struct source *source, bool force,
                       const char *why)
{
    if (!force && !is_wanted(core, source)) {
        return;
    }
    struct preflight *preflight = get(core, source);
    preflight_addresses(source, preflight->addresses);
    preflight->next_unix_ms = 0;
    if (force) {
        preflight_move(preflight, PREFLIGHT_FORCED, why, "operator");
    } else {
        preflight_move(preflight, PREFLIGHT_WAITING, "not asked yet", "operator");
    }
}

/* ---- telling ---- */

static void raise_alert(const struct preflight *preflight)
{
    char text[PREFLIGHT_TEXT + 500];
    const char *name = preflight->source->name;
    (void)snprintf(
        text, sizeof text,
        "the ramp of source %s does not start: %s. It is asked again every ten "
        "minutes; `mesura warmup %s` shows all that was found, `mesura warmup "
        "start %s --force --why TEXT` starts it all the same.",
        name, preflight->why, name, name);
    log_warn("%s", text);
    if (preflight->core->alert != NULL) {
        alert_raise(preflight->core->alert, &(struct alert_notice){.event = "warmup",
                                                                   .subject = name,
                                                                   .source = name,
                                                                   .site = "",
                                                                   .stream = "",
                                                                   .text = text});
    }
}

void preflight_tell(const struct preflight *preflight, const char *by,
                    enum preflight_state before)
{
    journal_record(preflight->core->store, LOG_WARMUP,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = by,
                                           .kind = "preflight",
                                           .source = preflight->source->name,
                                           .before = names[before],
                                           .after = names[preflight->state],
                                           .evidence = preflight->why},
                   NULL);
    if (preflight->state == PREFLIGHT_FAILED) {
        raise_alert(preflight);
    }
}

void preflight_say(const struct source *source, char out[PREFLIGHT_TEXT + 40])
{
    const struct preflight *preflight = source->preflight;
    out[0] = '\0';
    if (preflight == NULL || preflight->state == PREFLIGHT_OFF) {
        return;
    }
    (void)snprintf(out, PREFLIGHT_TEXT + 40, "%s%s%s", names[preflight->state],
                   preflight->why[0] != '\0' ? ": " : "", preflight->why);
}

char *preflight_list(const struct source *source, char *out, size_t size)
{
    const struct preflight *preflight = source->preflight;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; preflight != NULL && i < preflight->report.count; i++) {
        const struct preflight_finding *finding = &preflight->report.findings[i];
        int wrote =
            snprintf(out + used, size - used, "%s%s: %s: %s", i > 0 ? "\n" : "",
                     finding->check, preflight_grade_name(finding->grade), finding->text);
        if (wrote < 0 || (size_t)wrote >= size - used) {
            break;
        }
        used += (size_t)wrote;
    }
    return out;
}
