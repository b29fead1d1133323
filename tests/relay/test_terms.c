#include <stdio.h>
#include <string.h>

#include "relay/intake.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/terms.h"

#include "tests/support/loaded.h"
#include "tests/support/test.h"

static struct loaded loaded;
static struct snapshot *snapshot;
static struct intake intake;

static void open_terms(const char *listener)
{
    char text[512];
    struct errmsg err = {""};
    (void)snprintf(text, sizeof text,
                   LOADED_HOST "listeners = ( { name = \"in\"; address = \"127.0.0.1\"; "
                               "port = 2525; trust = [ \"127.0.0.1\" ]; %s } );\n",
                   listener);
    loaded = loaded_text(text);
    loaded_print(&loaded);
    cr_assert_not_null(loaded.config);
    cr_assert_eq(snapshot_make(&snapshot, loaded.config, 0, &err), 0, "%s", err.text);
    intake = (struct intake){.snapshot = snapshot,
                             .client = {.door = &loaded.config->listeners[0]}};
}

static void close_terms(void)
{
    snapshot_unref(snapshot);
    loaded_clear(&loaded);
}

/* The stream's name, or the refusal. */
static const char *stream_for(const char *header, const struct users_user *user)
{
    static char text[400];
    struct terms terms;
    (void)snprintf(intake.message.facts.stream, sizeof intake.message.facts.stream, "%s",
                   header);
    intake.client.user = user;
    text[0] = '\0';
    if (terms_read(&intake, &terms, text, sizeof text)) {
        return loaded.config->streams[terms.stream].name;
    }
    return text;
}

TEST(terms, the_stream_is_the_headers_then_the_users_then_the_listeners)
{
    /* First match wins; what may not be is refused by its name, whoever named it. */
    static const char *bulk_first[] = {"bulk", "urgent"};
    static const char *unknown[] = {"nonesuch"};
    struct users_user user = {
        .name = "ann", .priority_high = 9, .streams = bulk_first, .stream_count = 2};
    open_terms("streams = [ \"transactional\", \"bulk\" ];");
    cr_assert_str_eq(stream_for("", NULL), "transactional");
    cr_assert_str_eq(stream_for("bulk", NULL), "bulk");
    cr_assert_str_eq(stream_for("", &user), "bulk");
    cr_assert_not_null(strstr(stream_for("urgent", &user), "\"urgent\""));
    cr_assert_not_null(strstr(stream_for("transactional", &user), "5.7.1"));
    user.streams = unknown;
    user.stream_count = 1;
    cr_assert_not_null(strstr(stream_for("", &user), "\"nonesuch\""));
    close_terms();
}

TEST(terms, rules_name_a_stream_where_nobody_has_chosen)
{
    /* The sender's domain, then the header; only streams that the listener serves, and
     * never over what a client has chosen. */
    open_terms(
        "streams = [ \"transactional\", \"bulk\" ]; } );\n"
        "streams = ( { name = \"transactional\"; senders = [ \"bills.test\" ]; },\n"
        "  { name = \"bulk\"; senders = [ \"news.test\", \".lists.test\" ]; auto = "
        "true; },\n  { name = \"urgent\"; senders = [ \"codes.test\" ]; } );\n"
        "sources = ( { name = \"one\"; shared = true; ");
    static const struct {
        const char *sender;
        const char *precedence;
        const char *header;
        const char *stream;
    } cases[] = {{"bills.test", "", "", "transactional"},
                 {"other.test", "", "", "transactional"},
                 {"NEWS.test", "", "", "bulk"},
                 {"x.news.test", "", "", "transactional"},
                 {"x.lists.test", "", "", "bulk"},
                 {"lists.test", "", "", "transactional"},
                 {"other.test", "Bulk", "", "bulk"},
                 {"bills.test", "bulk", "", "transactional"},
                 {"other.test", "first-class", "", "transactional"},
                 {"", "list", "", "bulk"},
                 {"codes.test", "", "", "transactional"},
                 {"news.test", "list", "transactional", "transactional"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(intake.sender_domain, sizeof intake.sender_domain, "%s",
                       cases[i].sender);
        (void)snprintf(intake.message.facts.precedence,
                       sizeof intake.message.facts.precedence, "%s", cases[i].precedence);
        cr_assert_str_eq(stream_for(cases[i].header, NULL), cases[i].stream, "case %zu",
                         i);
    }
    intake.message.facts.precedence[0] = '\0';
    intake.message.facts.has_list_unsubscribe = true;
    cr_assert_str_eq(stream_for("", NULL), "bulk");
    intake.message.facts.has_list_unsubscribe = false;
    close_terms();
}

static int priority_for(const char *header, const struct users_user *user)
{
    struct terms terms;
    char text[400];
    (void)snprintf(intake.message.facts.priority, sizeof intake.message.facts.priority,
                   "%s", header);
    intake.client.user = user;
    return terms_read(&intake, &terms, text, sizeof text) ? terms.priority : -1;
}

TEST(terms, a_users_priorities_bound_what_is_asked)
{
    /* One digit; the default moves into the user's range, a wish outside is refused. */
    struct users_user low = {.name = "low", .priority_high = 3};
    struct users_user high = {.name = "high", .priority_low = 7, .priority_high = 9};
    open_terms("");
    cr_assert_eq(priority_for("", NULL), 5);
    cr_assert_eq(priority_for("0", NULL), 0);
    cr_assert_eq(priority_for("", &low), 3);
    cr_assert_eq(priority_for("", &high), 7);
    cr_assert_eq(priority_for("4", &low), -1);
    cr_assert_eq(priority_for("10", NULL), -1);
    cr_assert_eq(priority_for("x", NULL), -1);
    close_terms();
}

TEST(terms, a_lifetime_only_shortens)
{
    /* What is asked above the stream's own is cut to it. */
    struct terms terms;
    char text[400];
    open_terms("");
    memcpy(intake.message.facts.lifetime, "15m", 4);
    cr_assert(terms_read(&intake, &terms, text, sizeof text));
    cr_assert_eq(terms.lifetime_ns, 900 * NOW_NS_PER_S);
    memcpy(intake.message.facts.lifetime, "300d", 5);
    cr_assert(terms_read(&intake, &terms, text, sizeof text));
    cr_assert_eq(terms.lifetime_ns, snapshot->streams[terms.stream].life.lifetime_ns);
    close_terms();
}

TEST(terms, mt_priority)
{
    /* RFC 6710's scale on ours: its ends are our ends, nought is the usual, the order
     * stays; the header wins, and what a user may bounds it without a refusal. */
    struct terms terms;
    char text[400] = "";
    struct users_user user = {.name = "ann", .priority_low = 2, .priority_high = 6};
    int last = -1;
    open_terms("");
    intake.params.has_priority = true;
    for (int asked = -9; asked <= 9; asked++) {
        intake.params.priority = (int8_t)asked;
        cr_assert(terms_read(&intake, &terms, text, sizeof text), "%s", text);
        cr_assert_geq(terms.priority, last);
        cr_assert(asked != -9 || terms.priority == 0);
        cr_assert(asked != 0 || terms.priority == 5);
        cr_assert(asked >= 0 || terms.priority < 5);
        cr_assert(asked <= 0 || terms.priority > 5);
        last = terms.priority;
    }
    cr_assert_eq(last, 9);
    intake.client.user = &user;
    cr_assert(terms_read(&intake, &terms, text, sizeof text));
    cr_assert_eq(terms.priority, 6);
    (void)snprintf(intake.message.facts.priority, sizeof intake.message.facts.priority,
                   "3");
    cr_assert(terms_read(&intake, &terms, text, sizeof text));
    cr_assert_eq(terms.priority, 3);
    close_terms();
}
