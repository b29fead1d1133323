/* What is said of a stop: to the log, to a person, to the journal.
 *
 * No test of its own: tests/e2e/test_streams.py and test_stops.py wait for each of
 * them. */

#include <stdio.h>

#include "relay/alert.h"
#include "relay/core.h"
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/stops_parts.h"

static const char *site_of(const struct stops_said *said)
{
    return said->lane != NULL ? said->lane->site->name : "";
}

static void record(struct core *core, const struct stops_said *said, enum log_kind kind,
                   const char *stream)
{
    const struct finding *finding = said->finding;
    const char *named = finding != NULL ? finding->list : "";
    journal_record(
        core->store, kind,
        &(struct journal_entry){
            .unix_ms = now_unix_ms(),
            .actor = said->actor,
            .kind = "stop",
            .stream = stream,
            .source = said->source->name,
            .site = site_of(said),
            .subject = finding != NULL && finding->blocked != FINDING_BLOCKED_NOTHING
                           ? finding_blocked_name(finding->blocked)
                           : "",
            .before = said->before,
            .after = said->after,
            .evidence = said->evidence,
            .until_unix_ms = said->until_unix_ms == INT64_MAX ? 0 : said->until_unix_ms,
            .reply = said->reply,
            .class = finding != NULL ? finding_class_name(finding->class) : "",
            .dnsbl = said->dnsbl != NULL ? said->dnsbl : named},
        NULL);
}

void stops_say_alert(struct core *core, const struct stops_said *said, const char *event,
                     const char *text)
{
    char subject[400];
    if (said->lane == NULL) {
        (void)snprintf(subject, sizeof subject, "%s", said->source->name);
    } else {
        (void)snprintf(subject, sizeof subject, "%s at %s", said->source->name,
                       site_of(said));
    }
    log_warn("%s", text);
    if (core->alert != NULL) {
        alert_raise(core->alert, &(struct alert_notice){.event = event,
                                                        .subject = subject,
                                                        .source = said->source->name,
                                                        .site = site_of(said),
                                                        .text = text,
                                                        .unix_ms = now_unix_ms()});
    }
}

void stops_say(struct core *core, const struct stops_said *said, enum log_kind kind,
               const char *text)
{
    record(core, said, kind, "");
    if (text[0] != '\0') {
        stops_say_alert(core, said, log_kind_name(kind), text);
    }
}

void stops_say_observed(struct core *core, const struct stops_said *said,
                        const char *stream)
{
    record(core, said, LOG_LIMIT, stream);
}
