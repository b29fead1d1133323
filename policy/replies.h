/* The rules by which replies are understood: their shape, and the table built in.
 *
 * Configured rules (conf/replies.conf) have the same shape and are asked first. Order
 * counts: the first rule that matches decides. */

#ifndef POLICY_REPLIES_H
#define POLICY_REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/finding.h"

/* A zeroed condition holds for everything. */
struct replies_rule {
    const char *name;   /* for logs and `why`; borrowed, never NULL */
    const char *match;  /* phrase pattern of match.h on the folded text; NULL: any text */
    const char *unless; /* phrase pattern that must not be there; NULL: none */
    const char *provider; /* glob on the MX or site name ("*.google.com"); NULL: any */
    uint16_t code_low;    /* inclusive; both 0: any code */
    uint16_t code_high;
    uint16_t enhanced_low[3]; /* inclusive, part by part; all six 0: any */
    uint16_t enhanced_high[3];
    uint16_t stages; /* bit 1 << enum reply_stage; 0: any */
    enum finding_class class;
    enum finding_scope scope;
    enum finding_blocked blocked;
    enum finding_behaviour behaviour;
    uint32_t flags;
    bool listed; /* only where the text names a DNSBL */

    /* Sets of notions (policy/notion.h): all of these, one of those, none of the last. */
    uint64_t speaks;
    uint64_t speaks_any;
    uint64_t silent;
};

/* The built-in tables, asked in this order. */
enum replies_table {
    REPLIES_FIRST,   /* what would mislead every later rule */
    REPLIES_VENDOR,  /* codes and sentences of one provider or product */
    REPLIES_SUBJECT, /* sentences whose grammar says whom they mean */
    REPLIES_SENDER,  /* what anybody may say of the sender, in several languages */
    REPLIES_NOTIONS, /* the same in every other language, word by word */
    REPLIES_MAIL, /* and of the message, the mailbox, the conversation and themselves */
    REPLIES_ENHANCED_CODES, /* which say as much as a text would */
    REPLIES_REST,           /* words that say little, in every language */
    REPLIES_CODES,          /* codes alone: the last resort */
    REPLIES_TABLES,
};
const struct replies_rule *replies_builtin(enum replies_table table, size_t *out_count);

/* "421" -> 421..421, "4" or "4xx" -> 400..499, "45" or "45x" -> 450..459, "" -> any.
 * False when it is none of these. */
bool replies_code_parse(const char *text, uint16_t *out_low, uint16_t *out_high);

/* "4.7.28", "*.7.28", "5.7.606-649", "" -> any. False when it is none of these. */
bool replies_enhanced_parse(const char *text, uint16_t out_low[3], uint16_t out_high[3]);

#endif
