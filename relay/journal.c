#include "relay/journal.h"

#include <assert.h>

#include "relay/now.h"
#include "relay/store.h"

void journal_record(struct store *store, enum log_kind event,
                    const struct journal_entry *entry, struct store_ticket *ticket)
{
    assert(store != NULL);
    assert(entry != NULL);
    struct journal_entry dated = *entry;
    dated.unix_ms = entry->unix_ms == 0 ? now_unix_ms() : entry->unix_ms;
    store_append(store, &dated, ticket);

    struct log_event told = {.kind = event,
                             .unix_ms = dated.unix_ms,
                             .stream = entry->stream,
                             .source = entry->source,
                             .site = entry->site,
                             .subject = entry->subject,
                             .actor = entry->actor,
                             .gate = entry->kind,
                             .before = entry->before,
                             .after = entry->after,
                             .text = entry->evidence,
                             .reply = entry->reply,
                             .class = entry->class,
                             .dnsbl = entry->dnsbl,
                             .next_unix_ms = entry->until_unix_ms};
    log_event(&told);
}
