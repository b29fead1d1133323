/* A message by HTTP: whose token it is, to a worker, and its fate back to the
 * application.
 *
 * Good path: token -> user -> the next worker (submission_on_take) -> on_home -> the id.
 * Failure modes: no token or a wrong one (401, told to fail2ban); a disabled user (403);
 * what the worker refuses, with its code. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/id.h"
#include "relay/log.h"
#include "relay/submission.h"
#include "relay/users.h"
#include "relay/view_parts.h"
#include "relay/worker.h"

/* One on its way, and who waits for it. */
struct waiting {
    struct view *view;
    struct api_answer *answer;
};

static enum api_result result_of(unsigned code, const char *text)
{
    if (code == 250) {
        return API_DONE;
    }
    if (code >= 500) {
        return strncmp(text, "5.7.", 4) == 0 ? API_DENIED : API_BAD_ASK;
    }
    return strncmp(text, "4.7.", 4) == 0 ? API_TOO_FAST : API_BUSY;
}

static void on_home(struct letter *letter)
{
    struct submission *submission = LIST_OWNER(letter, struct submission, letter);
    struct waiting *waiting = submission->owner;
    char id[ID_BYTES];
    waiting->view->tickets--;
    if (submission->code == 250) {
        id_print(submission->id, id);
        api_answer_id(waiting->answer, id);
    } else {
        api_answer_code(waiting->answer, submission->code);
    }
    api_answer_done(waiting->answer, result_of(submission->code, submission->text),
                    submission->text);
    free(waiting);
    submission_free(submission);
}

/* Whose message it is. False when it is nobody's, which was answered. */
static bool find_user(struct core *core, const struct api_submission *ask,
                      const struct users_user **out, struct api_answer *answer)
{
    *out = NULL;
    if (ask->token[0] == '\0' && ask->is_local) {
        return true; /* who may open the control socket commands the relay */
    }
    const struct users_user *user = users_find_token(core->users, ask->token);
    if (user == NULL) {
        if (ask->token[0] != '\0') {
            log_session(&(struct log_session){.kind = LOG_SESSION_AUTH_FAILED,
                                              .client_ip = ask->client,
                                              .user = "",
                                              .text = "TOKEN"});
        }
        api_answer_done(answer, API_UNKNOWN,
                        "a token of an application is needed: mesura user token NAME");
        return false;
    }
    if (user->is_disabled) {
        api_answer_done(answer, API_DENIED, "5.7.1 this user is disabled");
        return false;
    }
    *out = user;
    return true;
}

void view_submit(void *owner, const struct api_submission *ask, struct api_answer *answer)
{
    struct view *view = owner;
    struct core *core = view->core;
    const struct users_user *user = NULL;
    if (!find_user(core, ask, &user, answer)) {
        free(ask->body);
        return;
    }
    if (core->is_stopping || core->is_draining || core->worker_count == 0) {
        free(ask->body);
        api_answer_done(answer, API_BUSY, "4.3.2 this relay takes no mail just now");
        return;
    }
    struct submission *submission = arena_must(1, sizeof *submission);
    struct waiting *waiting = arena_must(1, sizeof *waiting);
    *waiting = (struct waiting){.view = view, .answer = answer};
    submission->home = &core->mailbox;
    submission->done_cb = on_home;
    submission->owner = waiting;
    submission->kind = ask->is_json ? SUBMISSION_JSON : SUBMISSION_MESSAGE;
    submission->door = SNAPSHOT_DOOR_HTTP;
    submission->protocol = "HTTP";
    submission->from = view_copy(ask->from);
    submission->to = view_copy(ask->to);
    submission->content = ask->body;
    submission->length = ask->length;
    if (user != NULL) {
        memcpy(submission->user, user->name, sizeof submission->user);
    }
    if (netaddr_parse(ask->client[0] != '\0' ? ask->client : "127.0.0.1", 0,
                      &submission->remote) != 0) {
        submission->remote = (struct netaddr){0};
    }
    view->tickets++;
    view->turn = (view->turn + 1) % core->worker_count;
    submission->worker = core->workers[view->turn];
    mailbox_post(&submission->worker->mailbox, &submission->letter, submission_on_take);
}
