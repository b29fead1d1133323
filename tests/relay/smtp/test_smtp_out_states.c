#include <string.h>

#include "relay/smtp/smtp_out_states.h"

#include "tests/support/test.h"

/* Every state has its words, leads to CLOSED (which leads nowhere), and the deadlines are
 * at least those of RFC 5321 4.5.3.2. */
TEST(smtp_out_states, table)
{
    for (int i = 0; i < SMTP_OUT_STATE_COUNT; i++) {
        enum smtp_out_state state = (enum smtp_out_state)i;
        const struct smtp_out_state_row *row = smtp_out_state_row(state);
        cr_assert_not_null(row->name);
        cr_assert_gt(strlen(row->words), 0);
        cr_assert_eq(smtp_out_state_may_follow(state, SMTP_OUT_STATE_CLOSED),
                     state != SMTP_OUT_STATE_CLOSED);
    }
    cr_assert_eq(smtp_out_state_row(SMTP_OUT_STATE_GREETING)->deadline_ms, 300000);
    cr_assert_eq(smtp_out_state_row(SMTP_OUT_STATE_MAIL)->deadline_ms, 300000);
    cr_assert_eq(smtp_out_state_row(SMTP_OUT_STATE_RCPT)->deadline_ms, 300000);
    cr_assert_eq(smtp_out_state_row(SMTP_OUT_STATE_DATA)->deadline_ms, 120000);
    cr_assert_eq(smtp_out_state_row(SMTP_OUT_STATE_BODY)->deadline_ms, 180000);
    cr_assert_eq(smtp_out_state_row(SMTP_OUT_STATE_DOT)->deadline_ms, 600000);
}

/* Only what was released may be followed by the dot, and nothing skips the answers. */
TEST(smtp_out_states, moves)
{
    cr_assert(smtp_out_state_may_follow(SMTP_OUT_STATE_RELEASE, SMTP_OUT_STATE_DOT));
    cr_assert(!smtp_out_state_may_follow(SMTP_OUT_STATE_DATA, SMTP_OUT_STATE_DOT));
    cr_assert(!smtp_out_state_may_follow(SMTP_OUT_STATE_IDLE, SMTP_OUT_STATE_BODY));
    cr_assert(!smtp_out_state_may_follow(SMTP_OUT_STATE_EMPTY_DOT, SMTP_OUT_STATE_IDLE));
}
