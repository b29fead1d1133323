/* No test of its own: tests/relay/test_intake.c has all of intake.
 *
 * Whom a message goes to: a bare name gets its aliases or the origin, a staging relay
 * sends nobody anything who is not allowed, the stream's archive gets its copy. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/aliases.h"
#include "relay/idn.h"
#include "relay/intake.h"
#include "relay/intake_parts.h"
#include "relay/rewrite.h"
#include "relay/snapshot.h"
#include "relay/textbuf.h"

void intake_clear_rcpts(struct intake *intake)
{
    for (unsigned i = 0; i < intake->rcpt_count; i++) {
        free(intake->rcpts[i].address);
        free(intake->rcpts[i].domain);
        free(intake->rcpts[i].orcpt);
    }
    for (unsigned i = 0; i < intake->meant_count && i < LIMIT_STAGING_NAMED; i++) {
        free(intake->meant[i]);
    }
    intake->rcpt_count = 0;
    intake->meant_count = 0;
}

static bool add_rcpt(struct intake *intake, const char *address, const char *domain,
                     const struct rcpt_params *params)
{
    if (intake->rcpt_count == intake->rcpt_room) {
        unsigned room = intake->rcpt_room == 0 ? 4 : intake->rcpt_room * 2;
        struct intake_rcpt *rcpts = realloc(intake->rcpts, room * sizeof *rcpts);
        if (rcpts == NULL) {
            return false;
        }
        intake->rcpts = rcpts;
        intake->rcpt_room = room;
    }
    struct intake_rcpt *rcpt = &intake->rcpts[intake->rcpt_count];
    *rcpt = (struct intake_rcpt){.address = strdup(address),
                                 .domain = strdup(domain),
                                 .orcpt = strdup(params->orcpt),
                                 .notify = (uint8_t)params->notify};
    if (rcpt->address == NULL || rcpt->domain == NULL || rcpt->orcpt == NULL) {
        free(rcpt->address);
        free(rcpt->domain);
        free(rcpt->orcpt);
        return false;
    }
    intake->rcpt_count++;
    return true;
}

static bool has_rcpt(const struct intake *intake, const char *address)
{
    for (unsigned i = 0; i < intake->rcpt_count; i++) {
        if (strcasecmp(intake->rcpts[i].address, address) == 0) {
            return true;
        }
    }
    return false;
}

/* One RCPT on its way to one recipient or more. */
struct adding {
    struct intake *intake;
    const struct rcpt_params *params;
    bool is_several; /* who is there already is not added twice */
    unsigned code;   /* of the first refusal; 0 none */
    const char *text;
};

static void say_no(struct adding *adding, unsigned code, const char *text)
{
    if (adding->code == 0) {
        adding->code = code;
        adding->text = text;
    }
}

static bool is_allowed(const struct config_staging *staging, const char *address)
{
    bool is_guarded = staging->redirect_all[0] != '\0' || staging->allowed.count > 0;
    for (size_t i = 0; i < staging->allowed.count; i++) {
        if (rewrite_matches(staging->allowed.items[i], address)) {
            return true;
        }
    }
    return !is_guarded;
}

/* On a staging relay: who gets it instead, or NULL. */
static const char *guard(struct adding *adding, const char *address)
{
    struct intake *intake = adding->intake;
    const struct config_staging *staging = &intake->snapshot->config->staging;
    if (is_allowed(staging, address)) {
        return address;
    }
    if (staging->redirect_all[0] == '\0') {
        say_no(adding, 550,
               "5.7.1 this is a staging relay, and the recipient is not among its "
               "staging.allowed");
        return NULL;
    }
    if (intake->meant_count < LIMIT_STAGING_NAMED) {
        char *meant = strdup(address);
        if (meant == NULL) {
            say_no(adding, 452, "4.3.1 out of memory; try again");
            return NULL;
        }
        intake->meant[intake->meant_count] = meant;
    }
    intake->meant_count++;
    adding->is_several = true;
    return staging->redirect_all;
}

/* A whole address: what is wrong with it, whether it may be, then into the row. */
static void add_address(struct adding *adding, const char *text)
{
    struct intake *intake = adding->intake;
    struct address address;
    char domain[LIMIT_DOMAIN + 1];
    if (address_parse(text, strlen(text), intake->params.smtputf8, &address) !=
            ADDRESS_OK ||
        !address.has_domain) {
        say_no(adding, 553, "5.1.3 the recipient address needs a domain");
        return;
    }
    if (address.is_literal) {
        say_no(adding, 550, "5.1.2 mail to an address literal is not relayed");
        return;
    }
    if (!address_domain_ascii(&address, idn_to_ascii, domain, sizeof domain)) {
        say_no(adding, 553, "5.1.3 the recipient's domain is not a domain");
        return;
    }
    const char *who = guard(adding, address.text);
    if (who == NULL || (adding->is_several && has_rcpt(intake, who))) {
        return;
    }
    if (who != address.text &&
        (address_parse(who, strlen(who), true, &address) != ADDRESS_OK ||
         !address_domain_ascii(&address, idn_to_ascii, domain, sizeof domain))) {
        say_no(adding, 553, "5.1.3 staging.redirect_all is no address");
        return;
    }
    if (intake->rcpt_count >= LIMIT_MESSAGE_RECIPIENTS - 1) { /* 1: an archive */
        say_no(adding, 452, "4.5.3 too many recipients for one message");
    } else if (!add_rcpt(intake, address.text, domain, adding->params)) {
        say_no(adding, 452, "4.3.1 out of memory; try again");
    }
}

static void add_target(void *owner, const char *target)
{
    struct adding *adding = owner;
    char whole[2 * ADDRESS_BYTES];
    (void)rewrite_complete(adding->intake->snapshot->config, target, whole, sizeof whole);
    add_address(adding, whole);
}

/* Names of this machine itself: their mail has no other place, so aliases are asked. */
static bool is_local(const struct config *config, const struct address *recipient)
{
    const char *domain = address_domain(recipient);
    return !recipient->has_domain || strcasecmp(domain, config->hostname) == 0 ||
           strcasecmp(domain, "localhost") == 0 ||
           strcasecmp(domain, "localhost.localdomain") == 0;
}

/* RFC 5321 4.5.1: a bare postmaster that is no alias is whoever the alerts go to. */
static bool is_bare_postmaster(const struct address *recipient)
{
    return !recipient->has_domain && strcasecmp(recipient->text, "postmaster") == 0;
}

void intake_rcpt(struct intake *intake, const struct address *recipient,
                 const struct rcpt_params *params)
{
    const struct snapshot *snapshot = intake->snapshot;
    const char *mailbox = snapshot->config->alerts.mail;
    struct adding adding = {.intake = intake, .params = params, .is_several = true};
    unsigned before = intake->rcpt_count;
    size_t targets = 0;
    struct address returned;
    if (intake->client.door->returns) {
        const char *refusal = intake_returns_rcpt(intake, recipient, &returned);
        if (refusal != NULL) {
            intake_refuse(intake, "RCPT", recipient->text, 550, refusal);
            return;
        }
        recipient = &returned;
    } else if (is_local(snapshot->config, recipient)) {
        char local[LIMIT_LOCAL_PART + 1];
        (void)snprintf(local, sizeof local, "%.*s", (int)recipient->local_length,
                       recipient->text);
        targets = aliases_expand(snapshot->aliases, local, add_target, &adding);
    }
    if (targets == 0) {
        adding.is_several = false;
        bool is_ours = is_bare_postmaster(recipient) && mailbox[0] != '\0';
        add_target(&adding, is_ours ? mailbox : recipient->text);
    }
    /* Of several targets some may be refused; who is left gets it. */
    bool is_taken = intake->rcpt_count > before || adding.code == 0;
    if (!is_taken) {
        intake_refuse(intake, "RCPT", recipient->text, adding.code, adding.text);
        return;
    }
    smtp_in_answer(intake->engine, 250, "2.1.5 recipient ok");
}

bool intake_add_archive(struct intake *intake)
{
    const char *archive = intake->snapshot->config->streams[intake->terms.stream].archive;
    struct rcpt_params params = {.notify = PARAMS_NOTIFY_NEVER};
    struct adding adding = {.intake = intake, .params = &params, .is_several = true};
    unsigned before = intake->rcpt_count;
    if (archive[0] == '\0') {
        return true;
    }
    add_address(&adding, archive);
    if (intake->rcpt_count > before) {
        intake->rcpts[before].is_archive = true;
    }
    return adding.code != 452;
}

void intake_put_meant(const struct intake *intake, struct textbuf *out)
{
    if (intake->meant_count == 0) {
        return;
    }
    textbuf_text(out, "X-Meant-For:");
    for (unsigned i = 0; i < intake->meant_count && i < LIMIT_STAGING_NAMED; i++) {
        textbuf_text(out, i == 0 ? " " : ",\r\n\t");
        for (const char *at = intake->meant[i]; *at != '\0'; at++) {
            bool is_plain = *at > ' ' && (unsigned char)*at < 0x7f;
            textbuf_append(out, is_plain ? at : "?", 1);
        }
    }
    if (intake->meant_count > LIMIT_STAGING_NAMED) {
        textbuf_printf(out, ",\r\n\t(and %u more)",
                       intake->meant_count - LIMIT_STAGING_NAMED);
    }
    textbuf_text(out, "\r\n");
}
