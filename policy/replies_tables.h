/* The built-in rules, one table a file. Only for replies.c, and for the tests of each. */

#ifndef POLICY_REPLIES_TABLES_H
#define POLICY_REPLIES_TABLES_H

#include <stddef.h>

#include "policy/replies.h"

/* Conditions on codes, for the tables. A range of enhanced codes is over its last part.
 */
#define REPLIES_4XX             .code_low = 400, .code_high = 499
#define REPLIES_5XX             .code_low = 500, .code_high = 599
#define REPLIES_CODE(LOW, HIGH) .code_low = (LOW), .code_high = (HIGH)
#define REPLIES_ENHANCED(SUBJECT, LOW, HIGH) \
    .enhanced_low = {4, SUBJECT, LOW}, .enhanced_high = {5, SUBJECT, HIGH}

const struct replies_rule *replies_vendor_table(size_t *out_count);
const struct replies_rule *replies_sender_table(size_t *out_count);
const struct replies_rule *replies_mail_table(size_t *out_count);
const struct replies_rule *replies_subject_table(size_t *out_count);
const struct replies_rule *replies_rest_table(size_t *out_count);
const struct replies_rule *replies_notions_table(size_t *out_count);
const struct replies_rule *replies_enhanced_table(size_t *out_count);
const struct replies_rule *replies_codes_table(size_t *out_count);

#endif
