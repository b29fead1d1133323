/* No test of its own: tests/relay/test_suppression.c reads the words.
 *
 * What a sender is told of a recipient that was not written to. */

#include <stdio.h>

#include "policy/reply.h"

#include "relay/maildate.h"
#include "relay/suppression.h"

void suppression_words(const struct suppression_entry *entry, char *out, size_t size)
{
    static const char *const said[SUPPRESS_CAUSES] = {
        [SUPPRESS_BAD_MAILBOX] = "its receiver refused this mailbox",
        [SUPPRESS_COMPLAINT] = "it complained",
        [SUPPRESS_UNSUBSCRIBE] = "it unsubscribed",
        [SUPPRESS_OPERATOR] = "the operator says so"};
    char since[MAILDATE_DAY_BYTES];
    char until[MAILDATE_DAY_BYTES + 8] = "";
    maildate_day(entry->since_ms, since);
    if (entry->until_ms != INT64_MAX) {
        char day[MAILDATE_DAY_BYTES];
        maildate_day(entry->until_ms, day);
        (void)snprintf(until, sizeof until, " until %s", day);
    }
    (void)snprintf(out, size, "not written to%s: %s on %s%s%s", until, said[entry->cause],
                   since, entry->why[0] != '\0' ? ": " : "", entry->why);
}

void suppression_reply(const struct suppression_entry *entry, struct reply *out)
{
    *out = (struct reply){.stage = REPLY_STAGE_RCPT,
                          .origin = REPLY_LOCAL,
                          .code = 550,
                          .enhanced = {5, 7, 1}};
    suppression_words(entry, out->text, sizeof out->text);
}
