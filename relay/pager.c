/* No test of its own: tests/e2e/test_streams.py waits for the command and the mail. */

#include "relay/pager.h"

#include <stdio.h>
#include <stdlib.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/snapshot.h"

#define ALERT_REPEAT_MS (INT64_C(15) * 60 * 1000)

struct alert_mail {
    struct letter letter;
    struct core *core;
    char source[64];
    char subject[400];
    char body[ALERT_TEXT_BYTES + 512];
};

static void on_alert_mail(struct letter *letter)
{
    struct alert_mail *mail = LIST_OWNER(letter, struct alert_mail, letter);
    if (!mail->core->is_stopping) {
        notices_alert(mail->core, mail->source, mail->subject, mail->body);
    }
    free(mail);
}

/* Alert's thread. */
static void write_mail(const char *source, const char *subject, const char *body,
                       void *owner)
{
    struct alert_mail *mail = arena_must(1, sizeof *mail);
    mail->core = owner;
    (void)snprintf(mail->source, sizeof mail->source, "%s", source);
    (void)snprintf(mail->subject, sizeof mail->subject, "%s", subject);
    (void)snprintf(mail->body, sizeof mail->body, "%s", body);
    mailbox_post(&mail->core->mailbox, &mail->letter, on_alert_mail);
}

struct alert_options pager_options(struct core *core)
{
    const struct config *config = core->snapshot->config;
    return (struct alert_options){.command = config->alerts.command,
                                  .repeat_ms = ALERT_REPEAT_MS,
                                  .hostname = config->hostname,
                                  .mail_cb = write_mail,
                                  .owner = core};
}

void pager_drop(struct core *core)
{
    struct letter *letter = mailbox_take(&core->mailbox);
    while (letter != NULL) {
        struct letter *next = letter->next;
        if (letter->run_cb == on_alert_mail) {
            free(LIST_OWNER(letter, struct alert_mail, letter));
        }
        letter = next;
    }
}
