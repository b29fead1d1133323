#include "relay/view_packing.h"

#include <stdio.h>
#include <stdlib.h>

#include "relay/api_filter.h"
#include "relay/core.h"
#include "relay/journal.h"
#include "relay/now.h"

bool view_packing_takes_out(const struct packing *packing)
{
    return packing->how != API_PACK_COPY;
}

const char *view_packing_word(enum api_pack how)
{
    switch (how) {
    case API_PACK_COPY: return "export";
    case API_PACK_MOVE: return "move";
    case API_PACK_PURGE: return "purge";
    }
    return "";
}

static void note(const struct packing *packing)
{
    char subject[LOG_TEXT_BYTES];
    char after[128];
    struct core *core = packing->core;
    api_filter_describe(&packing->walk.filter, subject, sizeof subject);
    (void)snprintf(after, sizeof after, "%llu recipients of %llu messages to %.64s",
                   (unsigned long long)packing->ask.recipients,
                   (unsigned long long)packing->ask.messages, packing->dir);
    journal_record(core->store, LOG_ADMIN,
                   &(struct journal_entry){.unix_ms = now_unix_ms(),
                                           .actor = packing->by,
                                           .kind = view_packing_word(packing->how),
                                           .subject = subject,
                                           .after = after,
                                           .evidence = packing->why},
                   NULL);
}

static void say_count(struct api_answer *answer, uint64_t count, const char *what)
{
    char line[200];
    if (count > 0) {
        (void)snprintf(line, sizeof line, "%llu %s", (unsigned long long)count, what);
        api_answer_note(answer, line);
    }
}

static void answer_notes(const struct packing *packing, struct api_answer *answer)
{
    const char *stays = view_packing_takes_out(packing) ? "and stay in the queue" : "";
    char line[128];
    (void)snprintf(line, sizeof line,
                   "are in a conversation just now and were left alone");
    say_count(answer, packing->skipped, line);
    (void)snprintf(line, sizeof line, "could not be exported %s", stays);
    say_count(answer, packing->failed, line);
    say_count(answer, packing->changed,
              "were changed by somebody else meanwhile: they are exported AND queued; "
              "look at them before that export is imported anywhere");
    if (packing->how == API_PACK_COPY && packing->ask.messages > 0) {
        api_answer_note(answer, "they are still queued here, too: importing this export "
                                "elsewhere sends them twice");
    }
}

void view_packing_answer(struct packing *packing)
{
    struct api_answer *answer = packing->walk.answer;
    uint64_t done =
        view_packing_takes_out(packing) ? packing->gone : packing->ask.recipients;
    bool is_all = packing->is_walking && api_filter_is_empty(&packing->walk.filter);
    bool is_stopping = packing->walk.view->is_stopping;
    char text[ERRMSG_BYTES + sizeof packing->dir + 128] = "";
    int rc = packing->rc;
    if (packing->ask.messages > 0) {
        note(packing);
        (void)snprintf(
            text, sizeof text, "%llu recipients of %llu messages %s %s%s%s",
            (unsigned long long)done, (unsigned long long)packing->ask.messages,
            view_packing_takes_out(packing) ? "moved out of the queue to" : "copied to",
            packing->dir, rc != 0 ? "; then: " : "", rc != 0 ? packing->err.text : "");
        api_answer_field(answer, "directory", packing->dir);
    } else if (rc != 0) {
        (void)snprintf(text, sizeof text, "%s", packing->err.text);
    }
    answer_notes(packing, answer);
    api_answer_count(answer, done);
    api_answer_number(answer, "messages", packing->ask.messages);
    bool nothing = packing->ask.messages == 0;
    if (packing->is_walking) {
        view_walk_done(&packing->walk);
    } else {
        free(packing->walk.texts);
    }
    for (unsigned i = 0; i <= PACK_AT_ONCE; i++) {
        free(packing->items[i].changes);
    }
    free(packing);
    if (rc != 0) {
        api_answer_done(answer, API_FAILED, text);
    } else if (is_stopping) {
        api_answer_done(answer, API_BUSY, "the relay stops; not all were looked at");
    } else if (nothing && !is_all) {
        api_answer_done(answer, API_NOT_FOUND, "nothing matches");
    } else {
        api_answer_done(answer, API_DONE, nothing ? "the queue is empty" : text);
    }
}
