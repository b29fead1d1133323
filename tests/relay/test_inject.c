#include <errno.h>

#include "relay/inject.h"

#include "tests/support/core_rig.h"

static bool send_to(struct core_rig *rig, const char *to)
{
    struct textbuf header;
    struct textbuf body;
    textbuf_init(&header, 1000);
    textbuf_init(&body, 1000);
    textbuf_text(&header, "Subject: x\r\n\r\n");
    textbuf_text(&body, "y\r\n");
    struct inject_letter letter = {.id = core_next_id(rig->core),
                                   .to = to,
                                   .flags = ENVELOPE_IS_DSN,
                                   .subject = "x",
                                   .header = &header,
                                   .body = &body};
    return inject_send(rig->core, &rig->core->notices.flying, &letter);
}

/* A letter that has landed is queued; one to an address that is none is refused. */
TEST(inject, lands)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    cr_assert(send_to(&rig, "a@one.test"));
    cr_assert_not(send_to(&rig, "root"));
    core_rig_run(&rig);
    cr_assert_eq(core_rig_queued(&rig), 1);
    cr_assert_eq(rig.job_count, 1);
    core_rig_close(&rig);
}

/* Without space on the disk it is tried again; a stop meanwhile does not wait for it. */
TEST(inject, full_disk)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    core_rig_fill_disk(true);
    cr_assert(send_to(&rig, "a@one.test"));
    core_rig_run(&rig);
    cr_assert_eq(core_rig_queued(&rig), 0);
    core_rig_fill_disk(false);
    core_rig_pass(&rig, INT64_C(61) * 1000);
    cr_assert_eq(core_rig_queued(&rig), 1);
    core_rig_fill_disk(true);
    cr_assert(send_to(&rig, "b@one.test"));
    core_rig_run(&rig);
    core_rig_close(&rig);
    core_rig_fill_disk(false);
}

/* What is on its way is found by what it is about, and by nothing else. */
TEST(inject, about)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    core_rig_fill_disk(true);
    for (uint64_t about = 1; about <= 2000; about += 2) {
        struct textbuf header;
        struct textbuf body;
        textbuf_init(&header, 1000);
        textbuf_init(&body, 1000);
        textbuf_text(&header, "Subject: x\r\n\r\n");
        struct inject_letter letter = {.id = core_next_id(rig.core),
                                       .to = "a@one.test",
                                       .flags = ENVELOPE_IS_DSN,
                                       .subject = "x",
                                       .header = &header,
                                       .body = &body,
                                       .about = about};
        cr_assert(inject_send(rig.core, &rig.core->notices.flying, &letter));
    }
    for (uint64_t about = 1; about <= 2000; about++) {
        cr_assert_eq(inject_is_flying(&rig.core->notices.flying, about), about % 2 == 1);
    }
    core_rig_run(&rig);
    core_rig_close(&rig);
    core_rig_fill_disk(false);
}
