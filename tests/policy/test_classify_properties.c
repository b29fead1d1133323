#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "policy/classify.h"

#include "tests/support/test.h"

#define LINE_BYTES 2048

/* A change of a reply's text that changes nothing of its meaning. */
typedef void (*change_cb)(const char *text, char *out, size_t size);

static void with_host(const char *text, char *out, size_t size)
{
    (void)snprintf(out, size, "mx17.receiver.example %s", text);
}

static void with_suffix(const char *text, char *out, size_t size)
{
    (void)snprintf(out, size, "%s (in reply to RCPT TO command)", text);
}

static void with_id(const char *text, char *out, size_t size)
{
    (void)snprintf(out, size, "%s [id 4521-550-452 q550si421552.421 - 20261122]", text);
}

static void shouted(const char *text, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", text);
    for (char *at = out; *at != '\0'; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
}

static void with_blanks(const char *text, char *out, size_t size)
{
    size_t used = 0;

    for (; *text != '\0' && used + 4 < size; text++) {
        out[used++] = *text;
        if (*text == ' ') {
            out[used++] = ' ';
            out[used++] = '\t';
        }
    }
    out[used] = '\0';
}

static void with_dot(const char *text, char *out, size_t size)
{
    (void)snprintf(out, size, "%s.", text);
}

static enum finding_class class_of(const struct reply *reply, const char *text)
{
    struct reply changed = *reply;
    struct finding finding;

    (void)snprintf(changed.text, sizeof(changed.text), "%.1023s", text);
    classify_reply(&changed, "", NULL, &finding);
    return finding.class;
}

/* How many rows of the tables keep their class under the change. */
static void check(change_cb change, int *out_rows, int *out_same)
{
    static const char *const files[] = {REPLIES_WILD, REPLIES_HELD};
    char line[LINE_BYTES];
    char text[2 * REPLY_TEXT_BYTES];

    *out_rows = 0;
    *out_same = 0;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        FILE *file = fopen(files[i], "r");
        cr_assert_not_null(file);
        while (fgets(line, sizeof(line), file) != NULL) {
            struct reply reply;
            line[strcspn(line, "\n")] = '\0';
            if (line[0] == '#') {
                continue;
            }
            const char *last = strrchr(line, '\t') + 1;
            cr_assert(classify_parse_line(last, REPLY_STAGE_RCPT, &reply), "%s", last);
            change(reply.text, text, sizeof(text));
            bool same = class_of(&reply, text) == class_of(&reply, reply.text);
            *out_rows += 1;
            *out_same += same ? 1 : 0;
            if (!same) {
                cr_log_info("changed: %s", text);
            }
        }
        (void)fclose(file);
    }
}

/* The name of the host before it, the command behind it, an id whose digits look like
 * codes, capitals, blanks, a full stop: the class stays. */
TEST(classify_properties, form_does_not_matter)
{
    static const struct {
        const char *name;
        change_cb change;
        int least; /* of 1,000 */
    } changes[] = {
        {"host", with_host, 985},     {"suffix", with_suffix, 985},
        {"id", with_id, 985},         {"capitals", shouted, 985},
        {"blanks", with_blanks, 995}, {"full stop", with_dot, 995},
    };

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        int rows = 0;
        int same = 0;
        check(changes[i].change, &rows, &same);
        cr_assert_gt(rows, 800);
        cr_assert_geq(same * 1000, rows * changes[i].least, "%s: %d of %d",
                      changes[i].name, same, rows);
    }
}

static struct finding find(const char *line)
{
    struct reply reply;
    struct finding finding;

    cr_assert(classify_parse_line(line, REPLY_STAGE_RCPT, &reply), "%s", line);
    classify_reply(&reply, "", NULL, &finding);
    return finding;
}

/* What is said of one recipient never slows a lane, however it is worded. */
TEST(classify_properties, recipient_is_no_throttle)
{
    static const char *const rows[] = {
        "450 4.2.1 The user you are trying to contact is receiving mail too quickly",
        "450 4.2.1 This mailbox is receiving too many messages",
        "451 4.2.1 Recipient rate limit exceeded, try again later",
        "450 4.2.2 Mailbox over quota",
        "450 4.1.1 <a@example.org>: Recipient address rejected: User unknown",
        "452 4.5.3 Too many recipients",
        "450 4.2.0 <a@example.org>: Recipient address rejected: Greylisted",
        "450 4.2.1 受信者の制限を超えました",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct finding finding = find(rows[i]);
        cr_assert_neq(finding.class, FINDING_THROTTLE, "%s", rows[i]);
        cr_assert(finding.scope == FINDING_SCOPE_RECIPIENT ||
                      finding.scope == FINDING_SCOPE_MESSAGE,
                  "%s: %s", rows[i], finding_scope_name(finding.scope));
    }
}

/* A receiver whose own resolver is refused by a list says nothing about us. */
TEST(classify_properties, broken_resolver_is_no_listing)
{
    static const char *const ends[] = {
        "Error: open resolver",
        "127.255.255.254",
        "Query Refused. See http://uribl.com/refused.shtml",
        "https://check.spamhaus.org/returnc/pub/198.51.100.53/",
        "excessive number of queries",
        "127.255.255.252 wrong zone",
    };
    static const char *const zones[] = {"zen.spamhaus.org", "multi.uribl.com",
                                        "bl.example.org"};
    char line[LINE_BYTES];

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        for (size_t k = 0; k < sizeof(zones) / sizeof(zones[0]); k++) {
            (void)snprintf(line, sizeof(line),
                           "554 5.7.1 Service unavailable; Client host [192.0.2.9] "
                           "blocked using %s; %s",
                           zones[k], ends[i]);
            struct finding finding = find(line);
            cr_assert_eq(finding.class, FINDING_REMOTE_FAILURE, "%s", line);
            cr_assert(finding.flags & FINDING_TEMPORARY, "%s", line);
        }
    }
}

/* A refusal for what we are is never the recipient's fault, whatever the code. */
TEST(classify_properties, our_fault_is_not_the_recipients)
{
    static const char *const rows[] = {
        "550 5.1.1 Mail from your IP is refused for its poor reputation",
        "550 mailbox unavailable: your IP has a bad reputation",
        "550 5.1.1 <a@example.org>: Relay access denied",
        "550 relaying denied, user must authenticate",
        "550 5.1.1 Recipient rejected: 192.0.2.9 is listed in bl.spamcop.net",
        "550 mailbox unavailable, SPF check failed for your domain",
        "550 5.2.1 Mailbox unavailable. Your IP address is blacklisted",
        "530 5.7.0 Authentication required",
        "550 Requested action not taken: mailbox unavailable, no reverse DNS",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_neq(find(rows[i]).class, FINDING_BAD_MAILBOX, "%s", rows[i]);
    }
}

/* A text that is cut anywhere is still read without harm, and the first sentence of a
 * long one decides as the whole does when it says all. */
TEST(classify_properties, cut_anywhere)
{
    const char *whole =
        "550 5.7.1 Service unavailable; Client host [2001:db8::25] blocked "
        "using zen.spamhaus.org; see https://www.spamhaus.org/query/ip/";
    char line[LINE_BYTES];

    for (size_t length = 4; length <= strlen(whole); length++) {
        (void)snprintf(line, sizeof(line), "%.*s", (int)length, whole);
        struct finding finding = find(line);
        cr_assert_neq(finding.class, FINDING_NONE);
        if (length >= 100) {
            cr_assert_eq(finding.class, FINDING_IP_LISTED, "%s", line);
            cr_assert_str_eq(finding.ip, "2001:db8::25");
        }
    }
}
