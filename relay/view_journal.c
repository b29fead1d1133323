/* The journal, page by page, newest first. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/now.h"
#include "relay/store.h"
#include "relay/view_parts.h"

/* Entries the store is asked for at once; a filter on the subject may take several. */
#define ENTRIES 500

/* Entries looked at for one page: a subject that never comes must not read it all. */
#define ENTRIES_MOST 20000

struct reading {
    struct store_journal_query query;
    struct view *view;
    struct api_answer *answer;
    char *kind;    /* owned, as the one below */
    char *subject; /* a substring */
    unsigned left; /* rows of the page */
    unsigned looked;
    int64_t below; /* the last entry's number */
};

static void on_read(struct letter *letter);

static void ask(struct reading *reading)
{
    reading->query.below_number = reading->below;
    reading->query.kind = reading->kind;
    reading->query.limit =
        reading->subject[0] != '\0' || reading->left >= ENTRIES ? ENTRIES : reading->left;
    store_query_journal(reading->view->core->store, &reading->query);
}

static void finish(struct reading *reading, enum api_result result, const char *text)
{
    struct api_answer *answer = reading->answer;
    reading->view->tickets--;
    free(reading->kind);
    free(reading->subject);
    free(reading);
    api_answer_done(answer, result, text);
}

/* The subject as a person names it: what the entry says, or whom it touches. */
static void name_subject(const struct journal_entry *entry, char *out, size_t size)
{
    const char *source = entry->source != NULL ? entry->source : "";
    const char *site = entry->site != NULL ? entry->site : "";
    const char *stream = entry->stream != NULL ? entry->stream : "";
    if (entry->subject != NULL && entry->subject[0] != '\0') {
        (void)snprintf(out, size, "%s", entry->subject);
    } else if (source[0] != '\0' && site[0] != '\0') {
        (void)snprintf(out, size, "source %s at %s", source, site);
    } else if (source[0] != '\0') {
        (void)snprintf(out, size, "source %s", source);
    } else if (site[0] != '\0') {
        (void)snprintf(out, size, "site %s", site);
    } else {
        (void)snprintf(out, size, "%s%s", stream[0] != '\0' ? "stream " : "", stream);
    }
}

static void hand_over(struct reading *reading, const struct journal_entry *entry)
{
    char subject[3 * LOG_TEXT_BYTES];
    name_subject(entry, subject, sizeof subject);
    if (!api_filter_text(reading->subject, subject, true)) {
        return;
    }
    struct api_journal_row row = {.unix_ms = entry->unix_ms,
                                  .actor = entry->actor,
                                  .kind = entry->kind,
                                  .subject = subject,
                                  .before = entry->before,
                                  .after = entry->after,
                                  .evidence = entry->evidence,
                                  .until_unix_ms = entry->until_unix_ms};
    api_answer_journal(reading->answer, &row);
    reading->left--;
}

static void on_read(struct letter *letter)
{
    struct store_ticket *ticket = LIST_OWNER(letter, struct store_ticket, letter);
    struct store_journal_query *query =
        LIST_OWNER(ticket, struct store_journal_query, ticket);
    struct reading *reading = LIST_OWNER(query, struct reading, query);
    if (ticket->status != 0) {
        store_journal_query_done(query);
        finish(reading, API_FAILED, "the journal cannot be read");
        return;
    }
    size_t i = 0;
    for (; i < query->count && reading->left > 0; i++) {
        reading->below = query->entries[i].number;
        reading->looked++;
        hand_over(reading, &query->entries[i]);
    }
    bool has_more = query->has_more || i < query->count;
    store_journal_query_done(query);
    if (has_more && reading->left > 0 && reading->looked < ENTRIES_MOST &&
        !reading->view->is_stopping) {
        ask(reading);
        return;
    }
    if (has_more) {
        char cursor[32];
        (void)snprintf(cursor, sizeof cursor, "%" PRId64, reading->below);
        api_answer_more(reading->answer, cursor);
    }
    finish(reading, API_DONE, "");
}

void view_journal(void *owner, const struct api_journal_ask *journal,
                  struct api_answer *answer)
{
    struct view *view = owner;
    int64_t below = 0;
    if (journal->page.cursor[0] != '\0') {
        char *end = NULL;
        below = strtoll(journal->page.cursor, &end, 10);
        if (*end != '\0' || below <= 0) {
            api_answer_done(answer, API_BAD_ASK, "cursor is none that was given");
            return;
        }
    }
    struct reading *reading = arena_must(1, sizeof *reading);
    reading->view = view;
    reading->answer = answer;
    reading->kind = view_copy(journal->kind);
    reading->subject = view_copy(journal->subject);
    reading->left = journal->page.limit;
    reading->below = below;
    reading->query.ticket.home = &view->core->mailbox;
    reading->query.ticket.done_cb = on_read;
    reading->query.since_unix_ms =
        journal->newer_ms > 0 ? now_unix_ms() - journal->newer_ms : 0;
    view->tickets++;
    ask(reading);
}
