#include "policy/classify.h"
#include "policy/verdict.h"

#include "tests/support/test.h"

static struct verdict judge(const char *line, enum reply_stage stage)
{
    struct reply reply;
    struct finding finding;

    cr_assert(classify_parse_line(line, stage, &reply));
    classify_reply(&reply, "", NULL, &finding);
    return verdict_of(&reply, &finding);
}

static const struct {
    const char *line;
    enum verdict_message message;
    enum verdict_lane lane;
    enum verdict_source source;
    enum verdict_ramp ramp;
} cases[] = {
    {"250 2.0.0 Ok", VERDICT_DONE, VERDICT_LANE_CLEAN, VERDICT_SOURCE_NOTHING,
     VERDICT_RAMP_ACCEPTED},
    {"421 4.7.0 Rate limit exceeded", VERDICT_RETRY, VERDICT_LANE_RATE,
     VERDICT_SOURCE_NOTHING, VERDICT_RAMP_DEFERRAL},
    {"550 Connection frequency limited", VERDICT_RETRY, VERDICT_LANE_RATE,
     VERDICT_SOURCE_NOTHING, VERDICT_RAMP_DEFERRAL},
    {"421 Too many connections", VERDICT_RETRY, VERDICT_LANE_CONNECTIONS,
     VERDICT_SOURCE_NOTHING, VERDICT_RAMP_DEFERRAL},
    {"421 Too many messages in this connection", VERDICT_RETRY,
     VERDICT_LANE_PER_CONNECTION, VERDICT_SOURCE_NOTHING, VERDICT_RAMP_DEFERRAL},
    {"421 4.3.2 Server busy", VERDICT_RETRY, VERDICT_LANE_LOAD, VERDICT_SOURCE_NOTHING,
     VERDICT_RAMP_NOTHING},
    {"450 4.2.1 The user is receiving mail too quickly", VERDICT_RETRY,
     VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING, VERDICT_RAMP_NOTHING},
    {"450 4.7.1 Greylisted, come back", VERDICT_RETRY, VERDICT_LANE_NOTHING,
     VERDICT_SOURCE_NOTHING, VERDICT_RAMP_NOTHING},
    {"554 5.7.1 Client host [192.0.2.9] blocked using bl.spamcop.net", VERDICT_HOLD,
     VERDICT_LANE_STOP, VERDICT_SOURCE_FREEZE, VERDICT_RAMP_BLOCK},
    {"554 5.7.1 Client host [192.0.2.9] blocked using dnsbl-3.uceprotect.net",
     VERDICT_HOLD, VERDICT_LANE_STOP, VERDICT_SOURCE_NOTHING, VERDICT_RAMP_BLOCK},
    {"550 5.7.1 Your IP has a poor reputation", VERDICT_HOLD, VERDICT_LANE_STOP,
     VERDICT_SOURCE_EVIDENCE, VERDICT_RAMP_BLOCK},
    {"451 4.7.550 Access denied, please try again later", VERDICT_RETRY,
     VERDICT_LANE_RATE, VERDICT_SOURCE_EVIDENCE, VERDICT_RAMP_DEFERRAL},
    {"550 5.7.513 blocked by example.org using Customer Block list", VERDICT_BOUNCE,
     VERDICT_LANE_NOTHING, VERDICT_SOURCE_NOTHING, VERDICT_RAMP_NOTHING},
    {"550 5.1.1 No such user", VERDICT_BOUNCE, VERDICT_LANE_NOTHING,
     VERDICT_SOURCE_NOTHING, VERDICT_RAMP_BAD_MAILBOX},
    {"550 5.7.1 This looks like spam", VERDICT_BOUNCE, VERDICT_LANE_NOTHING,
     VERDICT_SOURCE_NOTHING, VERDICT_RAMP_REFUSAL},
    {"451 4.3.0 Temporary failure", VERDICT_RETRY, VERDICT_LANE_SOFT,
     VERDICT_SOURCE_NOTHING, VERDICT_RAMP_NOTHING},
};

/* The table, line by line. */
TEST(verdict, table)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct verdict verdict = judge(cases[i].line, REPLY_STAGE_RCPT);
        cr_assert_eq(verdict.message, cases[i].message, "%s: %s", cases[i].line,
                     verdict_message_name(verdict.message));
        cr_assert_eq(verdict.lane, cases[i].lane, "%s: %s", cases[i].line,
                     verdict_lane_name(verdict.lane));
        cr_assert_eq(verdict.source, cases[i].source, "%s", cases[i].line);
        cr_assert_eq(verdict.ramp, cases[i].ramp, "%s", cases[i].line);
        cr_assert(verdict.sticks, "%s: a remote answered", cases[i].line);
    }
}

/* What is guessed from a code alone stops nothing and suppresses nobody. */
TEST(verdict, guesses_stop_nothing)
{
    struct verdict early = judge("554 Go away", REPLY_STAGE_GREETING);
    struct verdict rcpt = judge("550 Hm", REPLY_STAGE_RCPT);

    cr_assert_neq(early.lane, VERDICT_LANE_STOP);
    cr_assert_eq(early.source, VERDICT_SOURCE_NOTHING);
    cr_assert(early.message == VERDICT_RETRY && early.next_host);
    cr_assert(rcpt.message == VERDICT_BOUNCE && !rcpt.suppress);
    cr_assert(judge("550 5.1.1 No such user", REPLY_STAGE_RCPT).suppress);
    cr_assert_not(judge("450 4.1.1 No such user", REPLY_STAGE_RCPT).suppress);
}

/* Local causes feed nothing, and a silent network only the destination's own backoff. */
TEST(verdict, local_causes_feed_nothing)
{
    struct reply reply = {.origin = REPLY_LOCAL, .stage = REPLY_STAGE_BODY};
    struct finding finding;

    classify_reply(&reply, "", NULL, &finding);
    struct verdict verdict = verdict_of(&reply, &finding);
    cr_assert(verdict.message == VERDICT_RETRY && verdict.lane == VERDICT_LANE_NOTHING);
    cr_assert(verdict.ramp == VERDICT_RAMP_NOTHING && !verdict.sticks);
    reply.origin = REPLY_NETWORK;
    classify_reply(&reply, "", NULL, &finding);
    verdict = verdict_of(&reply, &finding);
    cr_assert(verdict.lane == VERDICT_LANE_UNREACHABLE && verdict.next_host);
    cr_assert(verdict.ramp == VERDICT_RAMP_NOTHING && !verdict.sticks);
}

/* PTR, HELO and TLS refusals are of the source at that site; SPF and DMARC of the domain.
 */
TEST(verdict, authentication_by_scope)
{
    cr_assert_eq(judge("550 5.7.25 No PTR record", REPLY_STAGE_RCPT).lane,
                 VERDICT_LANE_STOP);
    cr_assert_eq(judge("550 5.7.25 No PTR record", REPLY_STAGE_RCPT).domain,
                 VERDICT_DOMAIN_NOTHING);
    struct verdict spf = judge("550 SPF check failed", REPLY_STAGE_RCPT);
    cr_assert(spf.lane == VERDICT_LANE_NOTHING && spf.domain == VERDICT_DOMAIN_EVIDENCE);
    cr_assert(judge("450 Greylisted", REPLY_STAGE_RCPT).same_source);
}

/* A login or encryption that is refused ends no message and suppresses nobody. */
TEST(verdict, logins)
{
    static const char *const lines[] = {
        "535 5.7.8 Authentication credentials invalid", "534 5.7.9 mechanism too weak",
        "550 5.1.1 No such user", "554 5.7.0 no TLS for you"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct verdict login = judge(lines[i], REPLY_STAGE_AUTH);
        cr_assert_eq(login.message, VERDICT_RETRY, "%s", lines[i]);
        cr_assert_not(login.suppress, "%s", lines[i]);
        cr_assert_eq(judge(lines[i], REPLY_STAGE_STARTTLS).message, VERDICT_RETRY);
    }
}
