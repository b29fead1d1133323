#include "relay/spf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "relay/spf_parts.h"

#define HOSTS 10 /* of one MX or PTR */

/* A record on its way: an include opens another on top of it. */
struct record {
    char domain[DNS_NAME_BYTES];
    char text[DNS_TEXT_BYTES + 1];
    const char *word; /* the present one */
    size_t word_size;
    char redirect[SPF_SPEC_BYTES]; /* "" none */
    enum spf_result qualifier;     /* of the include that opened the next record */
    bool is_redirected;
};

struct check {
    const struct spf_ask *ask;
    struct spf_answer *out;
    struct record records[SPF_LOOKUPS + 1];
    size_t depth; /* records open; 0: out has the result */
};

/* It is over: nothing above matters any more. */
static void end(struct check *check, enum spf_result result, const char *term)
{
    struct spf_answer *out = check->out;
    const struct record *top = &check->records[check->depth > 0 ? check->depth - 1 : 0];
    out->result = result;
    (void)snprintf(out->domain, sizeof out->domain, "%s", top->domain);
    (void)snprintf(out->term, sizeof out->term, "%s", term);
    check->depth = 0;
}

static void end_word(struct check *check, enum spf_result result)
{
    const struct record *top = &check->records[check->depth - 1];
    char term[sizeof check->out->term];
    (void)snprintf(term, sizeof term, "%.*s",
                   (int)(top->word_size < 70 ? top->word_size : 70), top->word);
    end(check, result, term);
}

/* What the name has; NULL when it is not known, or no server tells: then all is over. */
static const struct dns_answer *look(struct check *check, const char *name,
                                     enum dns_type type)
{
    const struct dns_answer *answer = check->ask->look_cb(name, type, check->ask->owner);
    if (answer == NULL) {
        (void)snprintf(check->out->wants, sizeof check->out->wants, "%s", name);
        check->out->wants_type = type;
        end(check, SPF_ASKS, "");
        return NULL;
    }
    if (answer->outcome != DNS_OK && answer->outcome != DNS_NODATA &&
        answer->outcome != DNS_NXDOMAIN) {
        end(check, SPF_TEMPERROR, dns_answer_outcome_name(answer->outcome));
        return NULL;
    }
    return answer;
}

/* A term may ask DNS once more; false when it was one too many. */
static bool spend(struct check *check)
{
    if (check->out->lookups == SPF_LOOKUPS) {
        end(check, SPF_PERMERROR, "it needs more than ten look-ups");
        return false;
    }
    check->out->lookups++;
    return true;
}

static bool note_void(struct check *check, const struct dns_answer *answer)
{
    if (answer->outcome == DNS_OK) {
        return true;
    }
    if (check->out->voids == SPF_VOIDS) {
        end(check, SPF_PERMERROR, "more than two of its names do not exist");
        return false;
    }
    check->out->voids++;
    return true;
}

/* ---- records ---- */

static bool is_record(const struct dns_record *record)
{
    return record->size >= 6 && strncasecmp(record->text, "v=spf1", 6) == 0 &&
           (record->size == 6 || record->text[6] == ' ');
}

/* The next word of the record; false at its end. */
static bool next_word(struct record *record)
{
    const char *at = record->word + record->word_size;
    at += strspn(at, " ");
    record->word = at;
    record->word_size = strcspn(at, " ");
    return record->word_size > 0;
}

static void rewind_record(struct record *record)
{
    record->word = record->text;
    record->word_size = 6; /* v=spf1 */
}

/* A record with one bad word is bad as a whole. */
static bool is_readable(struct check *check, struct record *record)
{
    struct spf_term term;
    rewind_record(record);
    while (next_word(record)) {
        if (!spf_term_read(record->word, record->word_size, &term)) {
            end_word(check, SPF_PERMERROR);
            return false;
        }
        if (term.kind == SPF_REDIRECT) {
            (void)snprintf(record->redirect, sizeof record->redirect, "%s", term.spec);
        }
    }
    rewind_record(record);
    return true;
}

/* Open the record of a domain on top. False when all is over. */
static bool open_record(struct check *check, const char *domain, bool is_redirected)
{
    size_t found = 0;
    const struct dns_record *the = NULL;
    if (check->depth == sizeof check->records / sizeof check->records[0]) {
        end(check, SPF_PERMERROR, "it includes too deeply");
        return false;
    }
    struct record *record = &check->records[check->depth++];
    *record = (struct record){.is_redirected = is_redirected};
    (void)snprintf(record->domain, sizeof record->domain, "%s", domain);
    const struct dns_answer *answer = look(check, domain, DNS_TXT);
    if (answer == NULL) {
        return false;
    }
    for (unsigned i = 0; i < answer->count; i++) {
        if (is_record(&answer->records[i])) {
            the = &answer->records[i];
            found++;
        }
    }
    bool is_first = check->depth == 1 && !is_redirected;
    if (found != 1) {
        end(check, found == 0 && is_first ? SPF_NONE : SPF_PERMERROR,
            found == 0 ? "no record" : "more than one record");
        return false;
    }
    if (the->size >= DNS_TEXT_BYTES || memchr(the->text, '\0', the->size) != NULL) {
        end(check, SPF_PERMERROR, "its record is too long");
        return false;
    }
    memcpy(record->text, the->text, the->size);
    record->text[the->size] = '\0';
    return is_readable(check, record);
}

/* ---- terms ---- */

static bool is_inside(const struct check *check, const struct dns_record *record,
                      const struct spf_term *term)
{
    const struct netaddr *address = &check->ask->address;
    struct netaddr net = {.family = address->family};
    memcpy(net.bytes, record->address, address->family == NETADDR_V6 ? 16 : 4);
    return netaddr_in_prefix(address, &net,
                             address->family == NETADDR_V6 ? term->bits6 : term->bits4);
}

/* Does the host have our address, or a neighbour of it? An unknown host counts as void.
 */
static bool has_host(struct check *check, const char *name, const struct spf_term *term)
{
    bool v6 = check->ask->address.family == NETADDR_V6;
    const struct dns_answer *answer = look(check, name, v6 ? DNS_AAAA : DNS_A);
    if (answer == NULL || !note_void(check, answer)) {
        return false;
    }
    for (unsigned i = 0; i < answer->count; i++) {
        if (is_inside(check, &answer->records[i], term)) {
            return true;
        }
    }
    return false;
}

static bool has_exchanger(struct check *check, const char *name,
                          const struct spf_term *term)
{
    const struct dns_answer *answer = look(check, name, DNS_MX);
    if (answer == NULL || !note_void(check, answer)) {
        return false;
    }
    if (answer->count > HOSTS || answer->cut) {
        end(check, SPF_PERMERROR, "it names more than ten mail hosts");
        return false;
    }
    for (unsigned i = 0; i < answer->count && check->depth > 0; i++) {
        if (has_host(check, answer->records[i].name, term)) {
            return true;
        }
    }
    return false;
}

static bool is_below(const char *name, const char *domain)
{
    size_t size = strlen(name);
    size_t tail = strlen(domain);
    return size >= tail && strcasecmp(name + size - tail, domain) == 0 &&
           (size == tail || name[size - tail - 1] == '.');
}

/* A name of the address that leads back to it and is the domain's. */
static bool has_reverse(struct check *check, const char *domain)
{
    char reverse[DNS_NAME_BYTES];
    struct spf_term exact = {.bits4 = 32, .bits6 = 128};
    if (!spf_macro_expand(check->ask, domain, "%{ir}.%{v}.arpa", reverse)) {
        return false;
    }
    const struct dns_answer *answer = look(check, reverse, DNS_PTR);
    for (unsigned i = 0; answer != NULL && i < answer->count && i < HOSTS; i++) {
        const char *name = answer->records[i].name;
        if (is_below(name, domain) && has_host(check, name, &exact)) {
            return true;
        }
        if (check->depth == 0) {
            return false;
        }
    }
    return false;
}

/* Does a term that asks DNS about `name` match? */
static bool asks_and_matches(struct check *check, const struct spf_term *term,
                             const char *name)
{
    const struct dns_answer *answer = NULL;
    switch (term->kind) {
    case SPF_A: return has_host(check, name, term);
    case SPF_MX: return has_exchanger(check, name, term);
    case SPF_PTR: return has_reverse(check, name);
    case SPF_EXISTS:
        answer = look(check, name, DNS_A);
        return answer != NULL && note_void(check, answer) && answer->outcome == DNS_OK;
    case SPF_ALL:
    case SPF_INCLUDE:
    case SPF_IP4:
    case SPF_IP6:
    case SPF_REDIRECT:
    case SPF_MODIFIER: break;
    }
    return false;
}

/* ---- the walk ---- */

/* The record on top has said its result: the end, or the answer to an include. */
static void close_record(struct check *check, enum spf_result result)
{
    while (check->depth > 1 && result == SPF_PASS) {
        check->depth--;
        result = check->records[check->depth - 1].qualifier;
    }
    if (check->depth == 1) {
        end_word(check, result);
    } else {
        check->depth--; /* an include that does not match */
    }
}

static void open_other(struct check *check, const struct spf_term *term, const char *name)
{
    if (term->kind == SPF_INCLUDE) {
        check->records[check->depth - 1].qualifier = term->result;
        (void)open_record(check, name, false);
    } else {
        check->depth--; /* the redirect takes the record's place */
        (void)open_record(check, name, true);
    }
}

static void take_term(struct check *check, const struct spf_term *term)
{
    struct record *record = &check->records[check->depth - 1];
    char name[DNS_NAME_BYTES];
    if (term->kind == SPF_ALL) {
        close_record(check, term->result);
        return;
    }
    if (term->kind == SPF_IP4 || term->kind == SPF_IP6) {
        if (netaddr_in_prefix(&check->ask->address, &term->network,
                              term->kind == SPF_IP6 ? term->bits6 : term->bits4)) {
            close_record(check, term->result);
        }
        return;
    }
    if (term->kind == SPF_MODIFIER || !spend(check)) {
        return;
    }
    (void)snprintf(name, sizeof name, "%s", record->domain);
    if (term->spec[0] != '\0' &&
        !spf_macro_expand(check->ask, record->domain, term->spec, name)) {
        end_word(check, SPF_PERMERROR);
        return;
    }
    if (term->kind == SPF_INCLUDE || term->kind == SPF_REDIRECT) {
        open_other(check, term, name);
    } else if (asks_and_matches(check, term, name)) {
        close_record(check, term->result);
    }
}

static void take_end(struct check *check)
{
    struct record *record = &check->records[check->depth - 1];
    struct spf_term term = {.kind = SPF_REDIRECT};
    if (record->redirect[0] == '\0') {
        record->word_size = 0;
        close_record(check, SPF_NEUTRAL);
        return;
    }
    (void)snprintf(term.spec, sizeof term.spec, "%s", record->redirect);
    take_term(check, &term);
}

void spf_check(const struct spf_ask *ask, struct spf_answer *out)
{
    assert(ask->look_cb != NULL);
    struct check check = {.ask = ask, .out = out};
    struct spf_term term;
    *out = (struct spf_answer){.result = SPF_NONE};
    if (!open_record(&check, ask->domain, false)) {
        return;
    }
    while (check.depth > 0) {
        struct record *record = &check.records[check.depth - 1];
        if (!next_word(record)) {
            take_end(&check);
        } else if (spf_term_read(record->word, record->word_size, &term) &&
                   term.kind != SPF_REDIRECT) {
            take_term(&check, &term);
        }
    }
}

const char *spf_result_name(enum spf_result result)
{
    static const char *const names[] = {
        [SPF_NONE] = "none",           [SPF_NEUTRAL] = "neutral",
        [SPF_PASS] = "pass",           [SPF_FAIL] = "fail",
        [SPF_SOFTFAIL] = "softfail",   [SPF_TEMPERROR] = "temperror",
        [SPF_PERMERROR] = "permerror", [SPF_ASKS] = "asks"};
    return names[result];
}
