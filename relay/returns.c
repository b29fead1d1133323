/* Good path: which of our messages and recipients (a genuine return path) -> what it says
 * (classify, as any reply) -> strike, complaint, unsubscribe; counts; journal -> answered
 * when the store has it.
 *
 * Failure modes: a return path that is not genuine, or a report that names another
 * recipient than it was made for (somebody's mailbox gets it, nothing follows); a store
 * that cannot write (451: the other side comes again). */

#include "relay/returns.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

#include "relay/alert.h"
#include "relay/core.h"
#include "relay/entropy.h"
#include "relay/fields.h"
#include "relay/hourly.h"
#include "relay/id.h"
#include "relay/journal.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/smtp/reply_parse.h"
#include "relay/snapshot.h"

#define ACTOR "returns"

/* ---- the key ---- */

void returns_load(struct returns *returns, const struct store_row *row)
{
    struct fields fields;
    char text[2 * VERP_KEY_BYTES + 1];
    size_t length = 0;
    if (fields_load(&fields, row->value, strlen(row->value)) &&
        fields_get_text(&fields, "key", text, sizeof text) &&
        sodium_hex2bin(returns->key, sizeof returns->key, text, strlen(text), NULL,
                       &length, NULL) == 0 &&
        length == sizeof returns->key) {
        returns->has_key = true;
    }
}

void returns_start(struct returns *returns, struct store *store)
{
    struct fields fields;
    char text[2 * VERP_KEY_BYTES + 1];
    if (returns->has_key) {
        return;
    }
    entropy_bytes(returns->key, sizeof returns->key);
    returns->has_key = true;
    (void)sodium_bin2hex(text, sizeof text, returns->key, sizeof returns->key);
    fields_init(&fields);
    fields_add_text(&fields, "key", text);
    store_put(store,
              &(struct store_row){
                  .kind = STORE_SUPPRESSION, .key = RETURNS_KEY, .value = fields.text},
              NULL);
}

/* ---- whom it is about ---- */

/* What is known of the message a report is about. */
struct subject {
    struct verp path;
    const char *stream; /* "" when no stream has that name any more */
    const char *source;
    const char *recipient;
};

static const char *stream_of(const struct core *core, const char *code)
{
    const struct config *config = core->snapshot->config;
    for (size_t i = 0; i < config->stream_count; i++) {
        char other[VERP_CODE_BYTES];
        verp_code(config->streams[i].name, other);
        if (strcmp(other, code) == 0) {
            return config->streams[i].name;
        }
    }
    return "";
}

static const char *source_of(const struct core *core, const char *code)
{
    for (uint32_t i = 0; i < core->sources.count; i++) {
        char other[VERP_CODE_BYTES];
        verp_code(core->sources.items[i]->name, other);
        if (strcmp(other, code) == 0) {
            return core->sources.items[i]->name;
        }
    }
    return "";
}

/* Is the path genuine for one of the addresses it may be about? */
static bool is_about(struct core *core, const struct verp *path,
                     const char *const *addresses, unsigned count, struct subject *out)
{
    for (unsigned i = 0; i < count; i++) {
        if (addresses[i][0] != '\0' &&
            verp_is_genuine(core->returns.key, path, addresses[i])) {
            *out = (struct subject){.path = *path,
                                    .stream = stream_of(core, path->stream),
                                    .source = source_of(core, path->source),
                                    .recipient = addresses[i]};
            return out->stream[0] != '\0';
        }
    }
    return false;
}

/* The return path that a report was sent to, or names. */
static bool find_subject(struct core *core, struct returned *returned, unsigned at,
                         struct subject *out)
{
    const struct report *report = &returned->report;
    struct verp paths[3];
    unsigned path_count = 0;
    if (returned->has_path) {
        paths[path_count++] = returned->path;
    }
    path_count += verp_read(report->mail_from, &paths[path_count]);
    path_count += verp_read(report->trace, &paths[path_count]);
    for (unsigned i = 0; i < path_count; i++) {
        /* The texts live as long as the letter. */
        const char *held = "";
        if (returned->has_path && i == 0) {
            held = returned->path.recipient;
        } else if (paths[i].recipient[0] != '\0') {
            returned->path = paths[i];
            returned->has_path = true;
            held = returned->path.recipient;
        }
        const char *addresses[4] = {held, report->rcpt_to, "", ""};
        if (at < report->rcpt_count) {
            addresses[2] = report->rcpts[at].final;
            addresses[3] = report->rcpts[at].original;
        }
        if (is_about(core, &paths[i], addresses, 4, out)) {
            return true;
        }
    }
    return false;
}

/* ---- what it says ---- */

static void note(struct core *core, const struct subject *subject, const char *kind,
                 const char *after, const struct reply *reply,
                 const struct finding *finding)
{
    char evidence[REPLY_TEXT_BYTES + 32] = "";
    char id[ID_BYTES];
    char before[64];
    id_print(subject->path.id, id);
    (void)snprintf(before, sizeof before, "delivered, message %s", id);
    if (reply != NULL) {
        (void)settle_reply_text(reply, evidence, sizeof evidence);
    }
    journal_record(core->store, LOG_BOUNCED,
                   &(struct journal_entry){
                       .unix_ms = now_unix_ms(),
                       .actor = ACTOR,
                       .kind = kind,
                       .stream = subject->stream,
                       .source = subject->source,
                       .subject = subject->recipient,
                       .before = before,
                       .after = after,
                       .evidence = evidence,
                       .reply = reply,
                       .class = finding != NULL ? finding_class_name(finding->class) : "",
                       .dnsbl = finding != NULL ? finding->list : ""},
                   NULL);
}

static void count(struct core *core, const struct subject *subject, const char *what)
{
    int64_t now_ms = now_unix_ms();
    hourly_add(core->hours, "total", what, "", now_ms);
    hourly_add(core->hours, "stream", what, subject->stream, now_ms);
}

/* "550 5.1.1 text" or "5.1.1 text" as the value that classify reads. */
static void read_reply(const struct report_rcpt *rcpt, struct reply *out)
{
    char line[REPORT_TEXT + 64];
    struct reply_parse parser;
    const char *text = rcpt->diagnostic;
    bool has_code = strlen(text) > 3 && strspn(text, "0123456789") == 3;
    const char *status = rcpt->status[0] != '\0' ? rcpt->status : "5.0.0";
    reply_parse_init(&parser, NULL, NULL);
    if (has_code) {
        (void)snprintf(line, sizeof line, "%.3s %s\r\n", text, text + 4);
    } else {
        bool has_status = strspn(text, "0123456789.") >= 5;
        (void)snprintf(line, sizeof line, "%c50 %s%s%s\r\n",
                       (has_status ? text : status)[0] == '4' ? '4' : '5',
                       has_status ? "" : status, has_status ? "" : " ", text);
    }
    (void)reply_parse_feed(&parser, line, strlen(line));
    if (parser.status == REPLY_PARSE_DONE) {
        *out = parser.reply;
    } else {
        reply_parse_make(out, REPLY_STAGE_DOT, REPLY_REMOTE, 550, "5.0.0", text);
    }
    out->stage = REPLY_STAGE_RCPT;
    out->origin = REPLY_REMOTE;
}

/* A receiver behind the receiver refuses an address of ours: nobody would notice. */
static void tell_listed(struct core *core, const struct subject *subject,
                        const struct reply *reply, const struct finding *finding)
{
    char text[REPLY_TEXT_BYTES + 512];
    char answer[REPLY_TEXT_BYTES + 32];
    (void)snprintf(
        text, sizeof text,
        "Mail from source %s that had been accepted came back: a server behind "
        "the receiver refuses it. List: %s. Address: %s. Check whether it is "
        "ours, the provider's or a relay's on the way; nothing was stopped. The "
        "reply: %s",
        subject->source[0] != '\0' ? subject->source : "(unknown)",
        finding->list[0] != '\0' ? finding->list : "(unnamed)",
        finding->ip[0] != '\0' ? finding->ip : "(unnamed)",
        settle_reply_text(reply, answer, sizeof answer));
    log_warn("%s", text);
    alert_raise(core->alert, &(struct alert_notice){.event = "returned",
                                                    .subject = subject->source,
                                                    .source = subject->source,
                                                    .stream = subject->stream,
                                                    .text = text});
}

static bool take_bounce(struct core *core, struct returned *returned, unsigned at)
{
    const struct report_rcpt *rcpt = &returned->report.rcpts[at];
    struct subject subject;
    struct reply reply;
    struct finding finding;
    if (!find_subject(core, returned, at, &subject)) {
        return false;
    }
    if (strcmp(rcpt->action, "failed") != 0) {
        return true; /* delayed, relayed, delivered: it goes its way */
    }
    read_reply(rcpt, &reply);
    classify_reply(&reply, rcpt->remote, &core->snapshot->classify, &finding);
    core->returns.bounces++;
    count(core, &subject, "returned");
    hourly_add(core->hours, "class", "returned", finding_class_name(finding.class),
               now_unix_ms());
    note(core, &subject, "late-bounce", "returned", &reply, &finding);
    if (finding.class == FINDING_BAD_MAILBOX &&
        finding.scope == FINDING_SCOPE_RECIPIENT &&
        classify_is_permanent(&reply, &finding)) {
        char why[REPLY_TEXT_BYTES + 32];
        suppression_strike(core, subject.stream, "", subject.recipient,
                           settle_reply_text(&reply, why, sizeof why));
    } else if (finding.class == FINDING_IP_LISTED) {
        tell_listed(core, &subject, &reply, &finding);
    }
    return true;
}

static bool take_complaint(struct core *core, struct returned *returned)
{
    struct subject subject;
    if (!find_subject(core, returned, 0, &subject)) {
        return false;
    }
    if (strcmp(returned->report.feedback, "not-spam") == 0) {
        return true;
    }
    core->returns.complaints++;
    count(core, &subject, "complained");
    note(core, &subject, "complaint", "complained", NULL, NULL);
    (void)suppression_wish(core, SUPPRESS_COMPLAINT, subject.stream, subject.recipient,
                           "abuse report");
    return true;
}

/* Somebody, and no machine, has written to the address that ends a subscription, or has
 * answered the mail with that word. */
static bool is_unsubscribe(const struct returned *returned)
{
    const struct report *report = &returned->report;
    if (!returned->has_path || report->is_auto || returned->is_from_null) {
        return false;
    }
    return returned->path.kind == VERP_UNSUBSCRIBE ||
           strncasecmp(report->subject, "unsubscribe", sizeof "unsubscribe" - 1) == 0;
}

static bool take_wish(struct core *core, struct returned *returned)
{
    struct subject subject;
    if (!find_subject(core, returned, 0, &subject)) {
        return false;
    }
    core->returns.unsubscribes++;
    count(core, &subject, "unsubscribed");
    note(core, &subject, "unsubscribe", "unsubscribed", NULL, NULL);
    (void)suppression_wish(core, SUPPRESS_UNSUBSCRIBE, subject.stream, subject.recipient,
                           "mail to the unsubscribe address");
    return true;
}

static bool take(struct core *core, struct returned *returned)
{
    bool is_taken = false;
    switch (returned->report.kind) {
    case REPORT_BOUNCE:
        for (unsigned i = 0; i < returned->report.rcpt_count; i++) {
            is_taken = take_bounce(core, returned, i) || is_taken;
        }
        return is_taken;
    case REPORT_COMPLAINT: return take_complaint(core, returned);
    case REPORT_OTHER: break;
    }
    return is_unsubscribe(returned) && take_wish(core, returned);
}

static void on_durable(struct letter *letter)
{
    struct store_ticket *ticket = LIST_OWNER(letter, struct store_ticket, letter);
    struct returned *returned = LIST_OWNER(ticket, struct returned, ticket);
    returned->is_unready = ticket->status != 0;
    mailbox_post(returned->home, &returned->letter, returned->done_cb);
}

void core_on_returned(struct letter *letter)
{
    struct returned *returned = LIST_OWNER(letter, struct returned, letter);
    struct core *core = returned->core;
    returned->is_taken = take(core, returned);
    if (!returned->is_taken) {
        core->returns.others++;
        mailbox_post(returned->home, &returned->letter, returned->done_cb);
        return;
    }
    returned->ticket =
        (struct store_ticket){.home = &core->mailbox, .done_cb = on_durable};
    store_sync(core->store, &returned->ticket);
}
