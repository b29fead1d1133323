#include <string.h>

#include "relay/domains.h"
#include "relay/now.h"

#include "tests/support/core_rig.h"

static struct dest *dest_of(struct core_rig *rig, const char *domain)
{
    struct domain *found = index_domain(rig->core->index, domain);
    cr_assert_not_null(found);
    return found->owner;
}

/* A destination that does not answer is closed for longer and longer; when its time is
 * over one message tries, and the others follow only its success. */
TEST(domains, one_message_tries)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    for (unsigned i = 0; i < 5; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    }
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        core_rig_answer(&rig, "");
    }
    cr_assert_eq(dest_of(&rig, "one.test")->failures, 1, "one outage counts once");
    core_rig_pass(&rig, INT64_C(10) * 1000);
    cr_assert_eq(rig.job_count, 0);
    core_rig_pass(&rig, INT64_C(6) * 1000);
    cr_assert_eq(rig.job_count, 1, "one tries");
    core_rig_answer(&rig, "");
    core_rig_pass(&rig, INT64_C(25) * 1000);
    cr_assert_eq(rig.job_count, 0, "it is left alone for longer");
    core_rig_pass(&rig, INT64_C(10) * 1000);
    cr_assert_eq(rig.job_count, 1);
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(rig.job_count, 4, "the others follow");
    core_rig_close(&rig);
}

/* A DNS failure is no refusal: mail waits, and other domains go on meanwhile. */
TEST(domains, dns_failure)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.domain = "sick.test"});
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_eq(dest_of(&rig, "sick.test")->state, DEST_DOWN);
    cr_assert_eq(core_rig_queued(&rig), 2);
    core_rig_close(&rig);
}

/* A reload asks again for every stream's destination, in use or not: route numbers are
 * others now. */
TEST(domains, reload_forgets)
{
    struct core_rig rig;
    char config[2048];
    (void)snprintf(config, sizeof config,
                   "%sroutes = ( { domain = \"two.test\"; host = \"127.0.0.1\"; port = "
                   "2526; tls = \"none\"; },\n { domain = \"one.test\"; host = "
                   "\"127.0.0.1\"; port = 2527; tls = \"none\"; } );\n",
                   core_rig_default);
    core_rig_open(&rig, config);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, "250 2.0.0 ok");
    /* The dest of "transactional" keeps its domain; that of "bulk" has a flow again. */
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 2);
    core_rig_answer(&rig, "250 2.0.0 ok"); /* one of the two streams has no flow now */
    core_rig_config(&rig, "");
    cr_assert_eq(core_rig_reload(&rig), 0);
    for (struct dest *dest = dest_of(&rig, "one.test"); dest != NULL; dest = dest->next) {
        cr_assert(dest->state == DEST_UNKNOWN || dest->route < 0,
                  "an old route number is kept");
    }
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 3);
    core_rig_close(&rig);
}

/* Every state has its words. */
TEST(domains, names)
{
    for (int state = DEST_UNKNOWN; state <= DEST_REFUSED; state++) {
        cr_assert_gt(strlen(dest_state_name((enum dest_state)state)), 0);
    }
}

/* With delivery off nothing fails, whatever DNS says: mail is kept, and leaves when a
 * reload turns delivery on. */
TEST(domains, delivery_off)
{
    struct core_rig rig;
    char config[2048];
    (void)snprintf(config, sizeof config, "%sdelivery = { enabled = false; };\n",
                   core_rig_default);
    core_rig_open(&rig, config);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.domain = "none.test"});
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    core_rig_pass(&rig, INT64_C(3600) * 1000);
    cr_assert_eq(core_rig_queued(&rig), 2);
    cr_assert_eq(rig.job_count, 0);
    cr_assert_eq(dest_of(&rig, "none.test")->state, DEST_REFUSED);
    core_rig_config(&rig, "");
    cr_assert_eq(core_rig_reload(&rig), 0);
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 2, "the mail, and the bounce of the other");
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_close(&rig);
}
