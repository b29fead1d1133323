#include <string.h>

#include "relay/caught.h"
#include "relay/now.h"
#include "relay/stops.h"

#include "tests/support/core_rig.h"

#define HOUR (INT64_C(3600) * 1000)
#define LISTED                                                               \
    "554 5.7.1 Service unavailable; Client host [127.0.0.11] blocked using " \
    "bl.spamcop.net"

static struct core_rig rig;

static uint64_t refuse(const char *stream)
{
    uint64_t id = core_rig_accept(&rig, &(struct core_rig_mail){.stream = stream});
    core_rig_run(&rig);
    while (rig.job_count > 0 && strcmp(core_rig_source(&rig), "one") != 0) {
        core_rig_give_back(&rig, JOB_NOT_STARTED, 0);
    }
    core_rig_answer(&rig, LISTED);
    return id;
}

/* Who got the refusal is held, and its sender is told after 24 h of bulk, also when the
 * relay was started again meanwhile. */
TEST(caught, told_in_time)
{
    core_rig_open(&rig, "");
    uint64_t id = refuse("bulk");
    cr_assert_eq(core_rig_recipient(&rig, id).state, CHANGE_HELD);
    cr_assert_eq(rig.core->caught.count, 1);
    core_rig_pass(&rig, 12 * HOUR);
    core_rig_crash(&rig);
    cr_assert_eq(rig.core->caught.count, 1, "it was not found again");
    core_rig_pass(&rig, 11 * HOUR);
    cr_assert_eq(core_rig_dsns(&rig), 0);
    core_rig_pass(&rig, 2 * HOUR);
    core_rig_pass(&rig, 1000);
    cr_assert_eq(core_rig_dsns(&rig), 1);
    cr_assert_eq(index_find(rig.core->index, id), 0);
    core_rig_close(&rig);
}

/* The stop is lifted: it tries once more; a second refusal is final. */
TEST(caught, one_more_try)
{
    core_rig_open(&rig, "");
    uint64_t id = refuse("bulk");
    struct source *one = core_rig_find_source(&rig, "one");
    (void)stops_clear(rig.core, one, "", "test", NULL);
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_eq(rig.jobs[0]->id, id);
    core_rig_answer(&rig, LISTED);
    cr_assert_eq(rig.core->caught.count, 0);
    cr_assert_eq(core_rig_dsns(&rig), 1, "a second refusal is told at once");
    core_rig_close(&rig);
}

/* Released by an operator, it is his: its time does not end it any more. */
TEST(caught, released_by_hand)
{
    core_rig_open(&rig, "");
    uint64_t id = refuse("bulk");
    struct change change;
    struct recipient_view view = core_rig_recipient(&rig, id);
    struct message_view message;
    index_message(rig.core->index, view.message, &message);
    change_init(&change);
    change.id = id;
    change.home = message.place.segment;
    change.number = view.number;
    change.state = CHANGE_WAITING;
    change.next_unix_ms = (uint64_t)now_unix_ms();
    change.previous = view.last;
    cr_assert_neq(records_add(rig.core, &change), 0);
    core_rig_pass(&rig, 26 * HOUR);
    core_rig_pass(&rig, 1000);
    cr_assert_eq(core_rig_dsns(&rig), 0);
    cr_assert_eq(rig.core->caught.count, 0);
    cr_assert_eq(core_rig_recipient(&rig, id).state, CHANGE_WAITING);
    core_rig_close(&rig);
}

/* A code that lives for a quarter of an hour does not wait for a stop that lasts a day:
 * its sender hears at once. What has more time waits. */
TEST(caught, no_time_to_wait)
{
    core_rig_open(&rig,
                  "sources = ( { name = \"one\"; address = \"127.0.0.11\"; } );\n"
                  "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } "
                  ");\n"
                  "sites = ( { name = \"default\"; max_rate = \"unlimited\"; } );\n"
                  "adapt = { enabled = false; };\n");
    (void)refuse("transactional");
    uint64_t slow = core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_pass(&rig, INT64_C(60) * 1000);
    uint64_t code =
        core_rig_accept(&rig, &(struct core_rig_mail){.lifetime_ms = HOUR / 4});
    core_rig_pass(&rig, 3000);
    cr_assert_eq(core_rig_dsns(&rig), 1);
    cr_assert_eq(index_find(rig.core->index, code), 0);
    cr_assert_eq(core_rig_recipient(&rig, slow).state, CHANGE_WAITING);
    core_rig_close(&rig);
}
