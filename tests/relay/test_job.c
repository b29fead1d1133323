#include <string.h>

#include "relay/job.h"

#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

TEST(job, gives_back_all_it_holds)
{
    /* Content, pin and destination go with the job; the destination stays for others. */
    struct queue_fixture fixture;
    queue_fixture_init(&fixture);
    uint32_t handle = queue_fixture_accept(&fixture, 5, "example.net", 500);
    struct destination value = {.domain = "example.net", .ttl_s = 60};
    struct job_destination *destination = job_destination_new(&value);
    for (unsigned i = 0; i < 3; i++) {
        struct job *job = job_new(i);
        cr_assert_eq(job->rcpt_count, i);
        cr_assert_eq(job->route, -1);
        job->destination = job_destination_ref(destination);
        cr_assert_eq(queue_pin_message(fixture.queue, handle, &job->pin), 0);
        cr_assert_eq(queue_read_message(&job->pin, false, &job->content), 0);
        job_free(job);
    }
    cr_assert_str_eq(destination->value.domain, "example.net");
    cr_assert_eq(atomic_load(&destination->refs), 1);
    job_destination_unref(destination);
    queue_fixture_done(&fixture);
}

TEST(job, frees_what_is_half_made)
{
    /* NULL, and a job that was never filled. */
    job_free(NULL);
    job_destination_unref(NULL);
    job_free(job_new(1));
}
