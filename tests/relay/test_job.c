#include <string.h>

#include "relay/job.h"

#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

/* A kept destination has the hosts it has, and no room for those it has not; a copy of it
 * says the same. */
TEST(job, destination_is_no_larger_than_it_must)
{
    for (uint8_t hosts = 0; hosts <= LIMIT_MX_HOSTS; hosts++) {
        struct destination value = {.domain = "example.net", .host_count = hosts};
        struct destination copy = {.domain = ""};
        for (uint8_t i = 0; i < hosts; i++) {
            value.hosts[i].preference = (uint16_t)(10 + i);
        }
        value.hop_count = 1;
        value.hops[0].addr.port = 2525;
        cr_assert_eq(destination_bytes(&value) <= sizeof value, true);
        cr_assert_eq(sizeof value - destination_bytes(&value) >=
                         (LIMIT_MX_HOSTS - (size_t)hosts) * sizeof value.hosts[0],
                     true);
        struct job_destination *destination = job_destination_new(&value);
        job_destination_copy(destination, &copy);
        cr_assert_eq(memcmp(&copy, &value, destination_bytes(&value)), 0);
        cr_assert_eq(copy.host_count, hosts);
        job_destination_unref(destination);
    }
}

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
