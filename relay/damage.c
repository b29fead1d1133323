#include "relay/damage.h"

#include <stdio.h>

#include "queue/queue.h"

#include "relay/alert.h"
#include "relay/api_answer.h"
#include "relay/core.h"
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/now.h"

/* Told one by one; a broken disk has thousands, and nobody reads those. */
#define TOLD_MOST 20

static const char store_text[] = "the store was empty when this relay started, but the "
                                 "queue has mail: stops, freezes, "
                                 "warm-up allowances and learnt limits are forgotten; "
                                 "look at mesura blocks and mesura "
                                 "warmup";

/* A torn tail is no damage: nobody was told that it was there. */
static bool is_damage(const struct queue_note *note)
{
    return note->kind != QUEUE_NOTE_CUT;
}

static void tell(struct core *core, const char *subject, const char *text)
{
    log_warn("%s", text);
    journal_record(core->store, LOG_ALERT,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = "start",
                                           .kind = "damage",
                                           .subject = subject,
                                           .evidence = text},
                   NULL);
}

void damage_tell(struct core *core, bool store_is_new)
{
    struct index_stats stats;
    unsigned count = 0;
    unsigned damaged = 0;
    char line[400];
    const char *first = "";
    const struct queue_note *notes = queue_notes(core->queue, &count);
    index_stats(core->index, &stats);
    for (unsigned i = 0; i < count; i++) {
        if (!is_damage(&notes[i])) {
            log_info("queue: %s", notes[i].text);
            continue;
        }
        first = damaged == 0 ? notes[i].text : first;
        if (++damaged <= TOLD_MOST) {
            (void)snprintf(line, sizeof line, "queue: %s; all other mail goes on",
                           notes[i].text);
            tell(core, "queue", line);
        }
    }
    if (damaged > 0 && core->alert != NULL) {
        (void)snprintf(line, sizeof line,
                       "start-up found %u places of the queue that cannot be read; the "
                       "first: %s. All other mail goes on. qshow prints what is left.",
                       damaged, first);
        alert_raise(core->alert, &(struct alert_notice){.event = "damage",
                                                        .subject = "queue",
                                                        .text = line,
                                                        .unix_ms = now_unix_ms()});
    }
    core->store_was_empty = store_is_new && stats.messages > 0;
    if (core->store_was_empty) {
        tell(core, "store", store_text);
    }
}

void damage_notes(const struct core *core, struct api_answer *answer)
{
    unsigned count = 0;
    unsigned damaged = 0;
    const struct queue_note *notes = queue_notes(core->queue, &count);
    if (core->store_was_empty) {
        api_answer_note(answer, store_text);
    }
    for (unsigned i = 0; i < count; i++) {
        if (is_damage(&notes[i]) && ++damaged <= TOLD_MOST) {
            api_answer_note(answer, notes[i].text);
        }
    }
    if (damaged > TOLD_MOST) {
        char line[64];
        (void)snprintf(line, sizeof line, "and %u more places of the queue",
                       damaged - TOLD_MOST);
        api_answer_note(answer, line);
    }
}
