#include "relay/job.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/snapshot.h"

struct job *job_new(unsigned rcpt_count)
{
    struct job *job =
        arena_must(1, sizeof(struct job) + rcpt_count * sizeof(struct job_rcpt));
    job->rcpt_count = rcpt_count;
    job->offered = rcpt_count;
    job->route = -1;
    return job;
}

void job_free(struct job *job)
{
    if (job == NULL) {
        return;
    }
    queue_message_free(&job->content);
    queue_unpin(&job->pin);
    job_destination_unref(job->destination);
    snapshot_unref(job->snapshot);
    free(job);
}

struct job_destination *job_destination_new(const struct destination *value)
{
    size_t bytes = destination_bytes(value);
    struct job_destination *destination =
        arena_must(1, offsetof(struct job_destination, value) + bytes);
    atomic_init(&destination->refs, 1);
    memcpy(&destination->value, value, bytes);
    if (value->guard != NULL) {
        destination->guard = arena_must(1, sizeof *destination->guard);
        *destination->guard = *value->guard;
        destination->value.guard = destination->guard;
    }
    return destination;
}

void job_destination_copy(const struct job_destination *destination,
                          struct destination *out_value)
{
    memcpy(out_value, &destination->value, destination_bytes(&destination->value));
}

struct job_destination *job_destination_ref(struct job_destination *destination)
{
    atomic_fetch_add_explicit(&destination->refs, 1, memory_order_relaxed);
    return destination;
}

void job_destination_unref(struct job_destination *destination)
{
    if (destination != NULL &&
        atomic_fetch_sub_explicit(&destination->refs, 1, memory_order_acq_rel) == 1) {
        free(destination->guard);
        free(destination);
    }
}
