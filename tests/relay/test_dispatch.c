#include "relay/dispatch.h"
#include "relay/domains.h"

#include "tests/support/core_rig.h"

static const char small[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; } );\n"
    "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_recipients = 7; } );\n"
    "adapt = { enabled = false; };\n";

/* Recipients of one message go together, as many as the site takes, each once. */
TEST(dispatch, batches)
{
    struct core_rig rig;
    bool seen[20] = {false};
    core_rig_open(&rig, small);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.recipients = 20});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_leq(rig.jobs[i]->rcpt_count, 7);
        for (unsigned r = 0; r < rig.jobs[i]->rcpt_count; r++) {
            cr_assert_not(seen[rig.jobs[i]->rcpts[r].number]);
            seen[rig.jobs[i]->rcpts[r].number] = true;
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    cr_assert_eq(core_rig_queued(&rig), 0);
    core_rig_close(&rig);
}

/* A job names its source's address and greets as the host. */
TEST(dispatch, terms)
{
    struct core_rig rig;
    core_rig_open(&rig, small);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    const struct job *job = rig.jobs[0];
    cr_assert_eq(job->local.family, NETADDR_V4);
    cr_assert_eq(job->local.bytes[3], 11);
    cr_assert_str_eq(job->helo, "relay.test");
    cr_assert(job->may_stop);
    cr_assert_eq(job->route, -1);
    core_rig_close(&rig);
}

/* A destination that has moved to another site is not served through the old one. */
TEST(dispatch, moved_site)
{
    struct core_rig rig;
    core_rig_open(&rig, small);
    rig.core->is_stopping = true; /* the scheduler rests */
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    struct domain *domain = index_domain(rig.core->index, "one.test");
    struct dest *dest = domain->owner;
    cr_assert_eq(dest->state, DEST_OPEN);
    struct site *old = dest->site;
    dest->site = sites_get(&rig.core->sites, "elsewhere.test", old->config);
    dest->site->domains++;
    old->domains--;
    rig.core->is_stopping = false;
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_str_eq(rig.jobs[0]->slot->lane->site->name, "elsewhere.test");
    core_rig_close(&rig);
}
