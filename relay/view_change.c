/* What an operator changes at once: freezes, stops, the configuration, draining.
 *
 * Good path: change core's memory -> store, journal -> answer when the store has it.
 * Failure modes: a name that is none (nothing happens); the store cannot write (it acts
 * until the next start, and the answer says so). */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/store.h"
#include "relay/view_parts.h"

/* An answer that waits for the store. */
struct promise {
    struct store_ticket ticket;
    struct view *view;
    struct api_answer *answer;
    char text[400];
};

static void on_stored(struct letter *letter)
{
    struct store_ticket *ticket = LIST_OWNER(letter, struct store_ticket, letter);
    struct promise *promise = LIST_OWNER(ticket, struct promise, ticket);
    promise->view->tickets--;
    if (ticket->status == 0) {
        api_answer_done(promise->answer, API_DONE, promise->text);
    } else {
        api_answer_done(promise->answer, API_FAILED,
                        "it is in force now, but could not be written down: it ends with "
                        "the next restart");
    }
    free(promise);
}

/* Its ticket is to be given to the store. */
static struct promise *promise_new(struct view *view, struct api_answer *answer)
{
    struct promise *promise = arena_must(1, sizeof *promise);
    promise->view = view;
    promise->answer = answer;
    promise->ticket.home = &view->core->mailbox;
    promise->ticket.done_cb = on_stored;
    view->tickets++;
    return promise;
}

static void note(struct core *core, const struct journal_entry *entry)
{
    journal_record(core->store, LOG_ADMIN, entry, NULL);
}

/* ---- freeze and thaw ---- */

/* Does the name mean something? If not, out says what would. */
static bool knows(struct core *core, enum freeze_kind kind, const char *name,
                  struct errmsg *out)
{
    const struct config *config = core->snapshot->config;
    const struct domain *domain = NULL;
    switch (kind) {
    case FREEZE_STREAM:
        errmsg_set(out, "there is no stream \"%s\": see mesura streams", name);
        return config_stream_find(config, name) != CONFIG_NONE;
    case FREEZE_SOURCE:
        errmsg_set(out, "there is no source \"%s\": see mesura sources", name);
        return config_source_find(config, name) != CONFIG_NONE ||
               sources_find(&core->sources, name) != NULL;
    case FREEZE_SITE:
        domain = index_domain(core->index, name);
        if (sites_find(&core->sites, name) != NULL ||
            config_site_find(config, name) != CONFIG_NONE) {
            return true;
        }
        if (domain != NULL && domain->owner != NULL) {
            const struct dest *dest = domain->owner;
            if (dest->site != NULL) {
                errmsg_set(out, "%s is a domain of the site \"%s\": freeze that", name,
                           dest->site->name);
                return false;
            }
        }
        errmsg_set(out, "there is no site \"%s\": see mesura sites", name);
        return strchr(name, '.') != NULL; /* one that may come: its future mail waits */
    case FREEZE_USER:
    case FREEZE_KINDS: break;
    }
    return true;
}

static void note_freeze(struct core *core, const struct freeze *freeze, const char *by,
                        bool on)
{
    char subject[400];
    const char *name = freeze->name;
    (void)snprintf(subject, sizeof subject, "%s %s", freeze_kind_name(freeze->kind),
                   name);
    note(core,
         &(struct journal_entry){.unix_ms = now_unix_ms(),
                                 .actor = by,
                                 .kind = "freeze",
                                 .stream = freeze->kind == FREEZE_STREAM ? name : "",
                                 .source = freeze->kind == FREEZE_SOURCE ? name : "",
                                 .site = freeze->kind == FREEZE_SITE ? name : "",
                                 .subject = subject,
                                 .before = on ? "running" : "frozen",
                                 .after = on ? "frozen" : "running",
                                 .evidence = freeze->why,
                                 .until_unix_ms = on ? freeze->until_unix_ms : 0});
}

/* An ask as a freeze; false when the ask makes no sense and was answered. */
static bool read_ask(const struct api_freeze_ask *ask, struct freeze *out,
                     struct api_answer *answer)
{
    *out = (struct freeze){.since_unix_ms = now_unix_ms()};
    if (!freeze_kind_parse(ask->kind, &out->kind)) {
        api_answer_done(answer, API_BAD_ASK, "kind is stream, source, site or user");
        return false;
    }
    if (strlen(ask->name) >= sizeof out->name || strlen(ask->why) >= sizeof out->why) {
        api_answer_done(answer, API_BAD_ASK, "a name or reason has at most 255 bytes");
        return false;
    }
    out->until_unix_ms = ask->for_ms > 0 ? out->since_unix_ms + ask->for_ms : 0;
    (void)snprintf(out->name, sizeof out->name, "%s", ask->name);
    (void)snprintf(out->why, sizeof out->why, "%s", ask->why);
    (void)snprintf(out->by, sizeof out->by, "%s", ask->by);
    return true;
}

void view_freeze(void *owner, const struct api_freeze_ask *ask, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    struct errmsg err = {.text = ""};
    struct freeze freeze;
    if (!read_ask(ask, &freeze, answer)) {
        return;
    }
    if (!knows(core, freeze.kind, freeze.name, &err)) {
        api_answer_done(answer, API_NOT_FOUND, err.text);
        return;
    }
    struct promise *promise = promise_new(view, answer);
    (void)snprintf(promise->text, sizeof promise->text, "%s %s is frozen", ask->kind,
                   freeze.name);
    if (freezes_set(&core->freezes, &freeze, &promise->ticket) != 0) {
        view->tickets--;
        free(promise);
        api_answer_done(answer, API_BAD_ASK, "the reason is too long");
        return;
    }
    note_freeze(core, &freeze, ask->by, true);
    scheduler_kick_all(core);
}

void view_thaw(void *owner, const struct api_freeze_ask *ask, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    struct freeze freeze;
    if (!read_ask(ask, &freeze, answer)) {
        return;
    }
    if (freezes_find(&core->freezes, freeze.kind, freeze.name) == NULL) {
        api_answer_done(answer, API_NOT_FOUND, "nothing of that name is frozen");
        return;
    }
    struct promise *promise = promise_new(view, answer);
    (void)snprintf(promise->text, sizeof promise->text, "%s %s runs again", ask->kind,
                   freeze.name);
    (void)freezes_clear(&core->freezes, freeze.kind, freeze.name, &promise->ticket);
    note_freeze(core, &freeze, ask->by, false);
    scheduler_kick_all(core);
}

/* ---- stops ---- */

void view_blocks_clear(void *owner, const char *source, const char *site, const char *by,
                       struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    struct source *found = sources_find(&core->sources, source);
    if (found == NULL) {
        api_answer_done(answer, API_NOT_FOUND, "there is no source of that name");
        return;
    }
    struct promise *promise = promise_new(view, answer);
    unsigned count = stops_clear(core, found, site, by, &promise->ticket);
    api_answer_count(answer, count);
    if (count == 0) {
        view->tickets--;
        free(promise);
        api_answer_done(answer, API_NOT_FOUND,
                        site[0] != '\0' ? "the source is not stopped at that site"
                                        : "the source is not stopped");
        return;
    }
    (void)snprintf(promise->text, sizeof promise->text, "%u stop%s of %s lifted", count,
                   count == 1 ? "" : "s", source);
}

/* ---- warm-ups ---- */

void view_warmup(void *owner, const struct api_warmup_ask *ask, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    struct ramps_order order = {.source = sources_find(&core->sources, ask->source),
                                .site = ask->site,
                                .day = ask->day,
                                .force = ask->force,
                                .why = ask->why,
                                .by = ask->by};
    if (!ramps_act_parse(ask->act, &order.act) ||
        (order.act == RAMPS_SET && order.day == 0)) {
        api_answer_done(answer, API_BAD_ASK,
                        "act is start, pause, resume, or set with a day from 1 on");
        return;
    }
    if (order.source == NULL) {
        api_answer_done(answer, API_NOT_FOUND, "there is no source of that name");
        return;
    }
    if (ask->force && (order.act != RAMPS_START || ask->why[0] == '\0')) {
        api_answer_done(answer, API_BAD_ASK,
                        "force is for start, and needs a why: it goes into the journal");
        return;
    }
    struct promise *promise = promise_new(view, answer);
    unsigned count = ramps_act(core, &order, &promise->ticket);
    api_answer_count(answer, count);
    if (count == 0) {
        view->tickets--;
        free(promise);
        api_answer_done(answer, API_NOT_FOUND,
                        ask->site[0] != '\0' ? "the source has no ramp at that site"
                                             : "the source has no warmup");
        return;
    }
    (void)snprintf(promise->text, sizeof promise->text, "%s: %u ramp%s of %s%s", ask->act,
                   count, count == 1 ? "" : "s", ask->source,
                   preflight_holds(order.source) ? "; its checks come first" : "");
}

/* ---- configuration and draining ---- */

static void say_note(void *owner, const char *line)
{
    api_answer_note(owner, line);
}

void view_reload(void *owner, const char *by, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    if (core->is_stopping) {
        api_answer_done(answer, API_BUSY, "stopping");
        return;
    }
    log_reopen();
    bool is_good = core_reload(core, say_note, answer) == 0;
    note(core, &(struct journal_entry){.unix_ms = now_unix_ms(),
                                       .actor = by,
                                       .kind = "reload",
                                       .subject = core->config_path,
                                       .after = is_good ? "in force" : "refused"});
    if (is_good) {
        api_answer_done(answer, API_DONE, "the new configuration is in force");
    } else {
        api_answer_done(answer, API_CONFLICT,
                        "the configuration is not good; nothing was changed");
    }
}

void view_drain(void *owner, bool on, const char *by, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    if (core->is_stopping) {
        api_answer_done(answer, API_BUSY, "stopping");
        return;
    }
    const char *before = core->is_draining ? "draining" : "running";
    core_drain(core, on);
    note(core, &(struct journal_entry){.unix_ms = now_unix_ms(),
                                       .actor = by,
                                       .kind = "drain",
                                       .subject = core->snapshot->config->hostname,
                                       .before = before,
                                       .after = on ? "draining" : "running"});
    api_answer_done(answer, API_DONE,
                    on ? "no new mail is accepted; the relay ends when the queue is empty"
                       : "mail is accepted again");
}
