/* One thread for what may take long and is nobody's turn: preparing and sealing segments,
 * freeing them, reading for compaction. Jobs are embedded in their owners. */

#ifndef QUEUE_HELPER_H
#define QUEUE_HELPER_H

#include <pthread.h>
#include <stdbool.h>

struct helper_job;
/* On the helper thread. The job is out of the list and may be added again. */
typedef void (*helper_cb)(struct helper_job *job);

struct helper_job {
    struct helper_job *next;
    helper_cb run_cb;
    bool queued;
};

struct helper {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct helper_job *urgent; /* the writer may be waiting for these */
    struct helper_job *normal;
    bool stopping;
    bool running;
};

void helper_init(struct helper *helper);
/* 0 or negative errno. */
int helper_start(struct helper *helper);
/* Run what is queued, then join. */
void helper_stop(struct helper *helper);
void helper_done(struct helper *helper);

/* Any thread. A job that is queued already stays where it is. */
void helper_add(struct helper *helper, struct helper_job *job, helper_cb run_cb,
                bool urgent);

#endif
