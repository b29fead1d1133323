/* No test of its own: tests/e2e/test_sendmail.py fills the directory.
 *
 * Good path: dropbox_tick -> each NAME.mail to a worker -> on_home -> unlink.
 *
 * Failure modes: no directory (nothing is dropped here: quiet); a file refused for now
 * (stays, next look); refused for good (NAME.refused, alert); a crash between 250 and
 * unlink (the message comes twice). */

#include "relay/dropbox.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/alert.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/limits.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/submission.h"
#include "relay/worker.h"

#define SUFFIX     ".mail"
#define NAME_BYTES 128
#define LOOK_NS    (10 * NOW_NS_PER_S)

struct drop {
    struct list_node node;
    struct core *core;
    char path[LIMIT_CONFIG_STRING + NAME_BYTES];
};

void dropbox_init(struct dropbox *dropbox)
{
    *dropbox = (struct dropbox){.count = 0};
    list_init(&dropbox->flying);
}

static bool is_flying(struct dropbox *dropbox, const char *path)
{
    list_each (node, &dropbox->flying) {
        if (strcmp(LIST_OWNER(node, struct drop, node)->path, path) == 0) {
            return true;
        }
    }
    return false;
}

static void set_aside(struct drop *drop, const struct submission *submission)
{
    char refused[sizeof drop->path + 16];
    char text[1024];
    (void)snprintf(refused, sizeof refused, "%s.refused", drop->path);
    if (rename(drop->path, refused) != 0) {
        log_error("%s: refused, and cannot be set aside: %s", drop->path,
                  strerrordesc_np(errno));
        return;
    }
    (void)snprintf(text, sizeof text,
                   "A message that sendmail kept while the relay was down is refused: %u "
                   "%.400s. It is kept as %.400s.",
                   submission->code, submission->text, refused);
    log_error("%s", text);
    alert_raise(drop->core->alert, &(struct alert_notice){.event = "drop refused",
                                                          .subject = drop->path,
                                                          .text = text});
}

static void on_home(struct letter *letter)
{
    struct submission *submission = LIST_OWNER(letter, struct submission, letter);
    struct drop *drop = submission->owner;
    struct core *core = drop->core;
    if (submission->code == 250) {
        core->dropbox.taken++;
        if (unlink(drop->path) != 0) {
            log_error("%s: its message is queued, but it cannot be removed: %s; it will "
                      "come again",
                      drop->path, strerrordesc_np(errno));
        }
    } else if (submission->code >= 500) {
        set_aside(drop, submission);
    } else {
        log_warn("%s: %u %s; it stays and is tried again", drop->path, submission->code,
                 submission->text);
    }
    list_remove(&drop->node);
    core->dropbox.count--;
    if (core->dropbox.count == 0 && submission->code < 400) {
        core->dropbox.next_ns = 0; /* there may be more than fitted */
    }
    free(drop);
    submission_free(submission);
}

static char *empty_text(void)
{
    return arena_must(1, 1);
}

static void take(struct core *core, const char *path)
{
    struct dropbox *dropbox = &core->dropbox;
    struct drop *drop = arena_must(1, sizeof *drop);
    struct submission *submission = arena_must(1, sizeof *submission);
    drop->core = core;
    (void)snprintf(drop->path, sizeof drop->path, "%s", path);
    submission->home = &core->mailbox;
    submission->done_cb = on_home;
    submission->owner = drop;
    submission->kind = SUBMISSION_DROP;
    submission->door = SNAPSHOT_DOOR_LOCAL;
    submission->protocol = "LOCAL";
    submission->path = drop->path;
    submission->from = empty_text();
    submission->to = empty_text();
    submission->content = empty_text();
    submission->remote = (struct netaddr){.family = NETADDR_V4, .bytes = {127, 0, 0, 1}};
    list_push_back(&dropbox->flying, &drop->node);
    dropbox->count++;
    dropbox->turn = (dropbox->turn + 1) % core->worker_count;
    submission->worker = core->workers[dropbox->turn];
    mailbox_post(&submission->worker->mailbox, &submission->letter, submission_on_take);
}

static bool is_mail(const char *name)
{
    size_t length = strlen(name);
    return length > sizeof SUFFIX - 1 && length < NAME_BYTES && name[0] != '.' &&
           strcmp(name + length - (sizeof SUFFIX - 1), SUFFIX) == 0;
}

static void look(struct core *core, const char *directory)
{
    char path[LIMIT_CONFIG_STRING + NAME_BYTES];
    struct dirent *entry = NULL;
    unsigned found = 0;
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        if (errno != ENOENT) {
            log_error("drop directory %s: %s", directory, strerrordesc_np(errno));
        }
        return;
    }
    for (unsigned seen = 0;
         seen < LIMIT_DROP_NAMES && core->dropbox.count < LIMIT_DROP_FLYING &&
         (entry = readdir(dir)) != NULL; /* NOLINT(concurrency-mt-unsafe): own stream */
         seen++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (is_mail(entry->d_name) && !is_flying(&core->dropbox, path)) {
            take(core, path);
            found++;
        }
    }
    (void)closedir(dir);
    if (found > 0) {
        log_info("drop directory %s: %u messages that sendmail kept are taken up",
                 directory, found);
    }
}

void dropbox_tick(struct core *core)
{
    const char *directory = core->snapshot->config->drop;
    int64_t now = now_ns();
    if (directory[0] == '\0' || core->is_stopping || core->is_draining ||
        core->worker_count == 0 || now < core->dropbox.next_ns) {
        return;
    }
    core->dropbox.next_ns = now + LOOK_NS;
    look(core, directory);
}
