#include "queue/helper.h"

#include <stddef.h>

void helper_init(struct helper *helper)
{
    *helper = (struct helper){0};
    (void)pthread_mutex_init(&helper->mutex, NULL);
    (void)pthread_cond_init(&helper->wake, NULL);
}

static struct helper_job *take(struct helper_job **list)
{
    struct helper_job *job = *list;
    if (job != NULL) {
        *list = job->next;
        job->next = NULL;
        job->queued = false;
    }
    return job;
}

static void *helper_main(void *arg)
{
    struct helper *helper = arg;
    (void)pthread_mutex_lock(&helper->mutex);
    for (;;) {
        struct helper_job *job = take(&helper->urgent);
        if (job == NULL) {
            job = take(&helper->normal);
        }
        if (job != NULL) {
            /* Once taken it may be added again meanwhile: nothing of it is read outside.
             */
            helper_cb run_cb = job->run_cb;
            (void)pthread_mutex_unlock(&helper->mutex);
            run_cb(job);
            (void)pthread_mutex_lock(&helper->mutex);
        } else if (helper->stopping) {
            break;
        } else {
            (void)pthread_cond_wait(&helper->wake, &helper->mutex);
        }
    }
    (void)pthread_mutex_unlock(&helper->mutex);
    return NULL;
}

int helper_start(struct helper *helper)
{
    int rc = pthread_create(&helper->thread, NULL, helper_main, helper);
    helper->running = rc == 0;
    return -rc;
}

void helper_stop(struct helper *helper)
{
    if (!helper->running) {
        return;
    }
    (void)pthread_mutex_lock(&helper->mutex);
    helper->stopping = true;
    (void)pthread_cond_signal(&helper->wake);
    (void)pthread_mutex_unlock(&helper->mutex);
    (void)pthread_join(helper->thread, NULL);
    helper->running = false;
}

void helper_done(struct helper *helper)
{
    helper_stop(helper);
    (void)pthread_cond_destroy(&helper->wake);
    (void)pthread_mutex_destroy(&helper->mutex);
}

void helper_add(struct helper *helper, struct helper_job *job, helper_cb run_cb,
                bool urgent)
{
    (void)pthread_mutex_lock(&helper->mutex);
    if (!job->queued) {
        job->queued = true;
        job->run_cb = run_cb;
        job->next = NULL;
        struct helper_job **end = urgent ? &helper->urgent : &helper->normal;
        while (*end != NULL) {
            end = &(*end)->next;
        }
        *end = job;
        (void)pthread_cond_signal(&helper->wake);
    }
    (void)pthread_mutex_unlock(&helper->mutex);
}
