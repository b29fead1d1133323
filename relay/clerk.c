/* Good path: a letter is posted; the mailbox was empty, so the clerk is signalled; it
 * naps, so that more letters gather; it runs all of them and then batch_cb. Failure
 * modes: the thread cannot be started (the caller is told). Nothing else can fail.
 *
 * The mutex guards flags only and is held for a few instructions: a posting thread never
 * waits for a letter to be done. */

#include "relay/clerk.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "relay/arena.h"
#include "relay/now.h"

#define THREAD_NAME_BYTES 16 /* the kernel's */

struct clerk {
    struct mailbox mailbox;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t signal;
    bool has_letters; /* guarded by lock, as the four below */
    bool is_napping;  /* a letter is no reason to signal */
    bool is_hurried;
    bool is_stopping;
    int64_t again_ns; /* when batch_cb wants to run without a letter; 0: it does not */
    int64_t nap_ns;
    clerk_batch_cb batch_cb;
    void *owner; /* borrowed: outlives the clerk */
    char name[THREAD_NAME_BYTES];
};

static void on_posted(void *owner)
{
    struct clerk *clerk = owner;
    (void)pthread_mutex_lock(&clerk->lock);
    clerk->has_letters = true;
    bool is_waiting = !clerk->is_napping;
    (void)pthread_mutex_unlock(&clerk->lock);
    if (is_waiting) {
        (void)pthread_cond_signal(&clerk->signal);
    }
}

/* Wait for a signal until an instant. Returns false when it has come. */
static bool wait_until(struct clerk *clerk, int64_t until_ns)
{
    if (now_ns() >= until_ns) {
        return false;
    }
    struct timespec until = {.tv_sec = (time_t)(until_ns / NOW_NS_PER_S),
                             .tv_nsec = (long)(until_ns % NOW_NS_PER_S)};
    (void)pthread_cond_timedwait(&clerk->signal, &clerk->lock, &until);
    return true;
}

static void wait_for_work(struct clerk *clerk)
{
    while (!clerk->has_letters && !clerk->is_stopping) {
        if (clerk->again_ns == 0) {
            (void)pthread_cond_wait(&clerk->signal, &clerk->lock);
        } else if (!wait_until(clerk, clerk->again_ns)) {
            return;
        }
    }
}

static void nap(struct clerk *clerk)
{
    if (clerk->nap_ns == 0) {
        return;
    }
    int64_t until_ns = now_ns() + clerk->nap_ns;
    clerk->is_napping = true;
    while (!clerk->is_stopping && !clerk->is_hurried && wait_until(clerk, until_ns)) {
    }
    clerk->is_napping = false;
}

static void *clerk_main(void *argument)
{
    struct clerk *clerk = argument;
    (void)pthread_setname_np(pthread_self(), clerk->name);
    bool is_last = false;
    while (!is_last) {
        (void)pthread_mutex_lock(&clerk->lock);
        wait_for_work(clerk);
        nap(clerk);
        clerk->has_letters = false;
        clerk->is_hurried = false;
        is_last = clerk->is_stopping;
        (void)pthread_mutex_unlock(&clerk->lock);

        (void)mailbox_run(&clerk->mailbox);
        int64_t again_ms = clerk->batch_cb == NULL ? -1 : clerk->batch_cb(clerk->owner);
        clerk->again_ns = again_ms < 0 ? 0 : now_ns() + again_ms * NOW_NS_PER_MS;
    }
    return NULL;
}

/* Signals are the main thread's business: the new thread inherits a full mask. */
static int start_thread(struct clerk *clerk)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&clerk->thread, NULL, clerk_main, clerk);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -failed;
}

static void clerk_free(struct clerk *clerk)
{
    (void)pthread_cond_destroy(&clerk->signal);
    (void)pthread_mutex_destroy(&clerk->lock);
    free(clerk);
}

int clerk_start(struct clerk **out, const struct clerk_options *options,
                struct errmsg *err)
{
    assert(out != NULL);
    assert(options != NULL);
    assert(options->nap_ms >= 0);
    struct clerk *clerk = arena_must(1, sizeof *clerk);
    mailbox_init(&clerk->mailbox, on_posted, clerk);
    clerk->nap_ns = options->nap_ms * NOW_NS_PER_MS;
    clerk->batch_cb = options->batch_cb;
    clerk->owner = options->owner;
    (void)snprintf(clerk->name, sizeof clerk->name, "%s", options->name);

    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&clerk->signal, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&clerk->lock, NULL);

    int failed = start_thread(clerk);
    if (failed != 0) {
        errmsg_errno(err, failed, "start thread %s", clerk->name);
        clerk_free(clerk);
        return failed;
    }
    *out = clerk;
    return 0;
}

void clerk_post(struct clerk *clerk, struct letter *letter, letter_cb run_cb)
{
    assert(clerk != NULL);
    mailbox_post(&clerk->mailbox, letter, run_cb);
}

static void set_and_signal(struct clerk *clerk, bool *flag)
{
    (void)pthread_mutex_lock(&clerk->lock);
    *flag = true;
    (void)pthread_mutex_unlock(&clerk->lock);
    (void)pthread_cond_signal(&clerk->signal);
}

void clerk_hurry(struct clerk *clerk)
{
    assert(clerk != NULL);
    set_and_signal(clerk, &clerk->is_hurried);
}

void clerk_stop(struct clerk *clerk)
{
    if (clerk == NULL) {
        return;
    }
    set_and_signal(clerk, &clerk->is_stopping);
    (void)pthread_join(clerk->thread, NULL);
    clerk_free(clerk);
}
