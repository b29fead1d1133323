/* No test of its own: tests/e2e/test_returns.py has all of it.
 *
 * Mail that comes to a return path of ours, from anybody: read as a report, asked about
 * at core. What core takes is answered when it is on the disk and goes nowhere; the rest
 * is a letter like any other, to one mailbox and from <>.
 *
 * Good path: RCPT at a stream's return path -> content, kept as far as a report is read
 * -> core -> 250. Failure modes: another domain (550: nothing is relayed here); nobody to
 * give the rest to (550 after the content); the store cannot be written (451). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/accept.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/idn.h"
#include "relay/intake.h"
#include "relay/intake_parts.h"
#include "relay/returns.h"
#include "relay/snapshot.h"
#include "relay/terms.h"
#include "relay/textbuf.h"
#include "relay/worker.h"

struct intake_returns {
    struct verp path;
    bool has_path;
    bool has_mailbox;
    bool is_from_null;
    struct textbuf bytes;      /* of the content, from its beginning */
    struct returned *returned; /* at core; NULL when it is not */
};

static bool is_return_domain(const struct config *config, const char *domain)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        const char *path = config->streams[i].return_path;
        if (path[0] != '\0' && strcasecmp(path, domain) == 0) {
            return true;
        }
    }
    return false;
}

static const char *mailbox_of(const struct config *config)
{
    return config->returns.mailbox[0] != '\0' ? config->returns.mailbox
                                              : config->alerts.mail;
}

const char *intake_returns_rcpt(struct intake *intake, const struct address *recipient,
                                struct address *out_mailbox)
{
    char domain[LIMIT_DOMAIN + 1];
    const struct config *config = intake->snapshot->config;
    const char *mailbox = mailbox_of(config);
    if (!recipient->has_domain || recipient->is_literal ||
        !address_domain_ascii(recipient, idn_to_ascii, domain, sizeof domain) ||
        !is_return_domain(config, domain)) {
        return "5.7.1 relaying denied: only what comes back to a return path is taken "
               "here";
    }
    if (intake->returns != NULL) {
        return "5.5.3 one recipient at a time";
    }
    struct intake_returns *returns = arena_must(1, sizeof *returns);
    textbuf_init(&returns->bytes, REPORT_BYTES);
    returns->has_path = verp_read(recipient->text, &returns->path);
    returns->is_from_null = intake->sender[0] == '\0';
    returns->has_mailbox =
        mailbox[0] != '\0' &&
        address_parse(mailbox, strlen(mailbox), true, out_mailbox) == ADDRESS_OK;
    if (!returns->has_mailbox) {
        *out_mailbox = *recipient;
    }
    intake->returns = returns;
    return NULL;
}

void intake_returns_content(struct intake *intake, const char *bytes, size_t length)
{
    struct textbuf *kept = &intake->returns->bytes;
    size_t room = REPORT_BYTES - 1 - kept->length;
    textbuf_append(kept, bytes, length < room ? length : room);
}

static void forward(struct intake *intake)
{
    struct message_facts *facts = &intake->message.facts;
    char text[400];
    if (!intake->returns->has_mailbox) {
        intake_refuse(intake, "DATA", "", 550,
                      "5.7.1 only reports about mail of this relay are taken here");
        return;
    }
    /* A stranger chooses neither stream nor priority. */
    facts->stream[0] = '\0';
    facts->priority[0] = '\0';
    facts->lifetime[0] = '\0';
    facts->job[0] = '\0';
    intake->sender[0] = '\0';
    if (!terms_read(intake, &intake->terms, text, sizeof text) ||
        !terms_route(intake, intake->terms.stream)) {
        intake_refuse(intake, "DATA", "", 451, "4.3.5 it cannot be forwarded just now");
        return;
    }
    intake_commit(intake);
}

static void on_returned(struct letter *letter)
{
    struct returned *returned = LIST_OWNER(letter, struct returned, letter);
    struct worker *worker = LIST_OWNER(returned->home, struct worker, mailbox);
    struct intake *intake = returned->owner;
    bool is_taken = returned->is_taken;
    bool is_unready = returned->is_unready;
    worker->permits--;
    free(returned);
    if (intake == NULL) {
        return;
    }
    intake->returns->returned = NULL;
    if (!is_taken) {
        forward(intake);
    } else if (is_unready) {
        intake_refuse(intake, "DATA", "", 451,
                      "4.3.0 what follows from it cannot be kept just now");
    } else {
        accept_leave(intake->accept);
        intake->accept = NULL;
        smtp_in_answer(intake->engine, 250, "2.0.0 report taken");
    }
    intake->resume_cb(intake->owner);
}

void intake_returns_ask(struct intake *intake)
{
    struct intake_returns *returns = intake->returns;
    struct returned *returned = arena_must(1, sizeof *returned);
    returned->core = intake->worker->core;
    returned->home = &intake->worker->mailbox;
    returned->done_cb = on_returned;
    returned->owner = intake;
    returned->path = returns->path;
    returned->has_path = returns->has_path;
    returned->is_from_null = returns->is_from_null;
    report_read(returns->bytes.bytes, returns->bytes.length, returns->is_from_null,
                &returned->report);
    returns->returned = returned;
    intake->worker->permits++;
    mailbox_post(intake->worker->core_mailbox, &returned->letter, core_on_returned);
}

void intake_returns_free(struct intake_returns *returns)
{
    if (returns == NULL) {
        return;
    }
    if (returns->returned != NULL) {
        returns->returned->owner = NULL; /* on_returned frees it */
    }
    textbuf_done(&returns->bytes);
    free(returns);
}
