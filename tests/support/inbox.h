/* A mailbox a test can wait for: the home of tickets and checks. Header only. */

#ifndef TESTS_SUPPORT_INBOX_H
#define TESTS_SUPPORT_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include <criterion/criterion.h>

#include "relay/mailbox.h"

#define INBOX_PATIENCE_S 30

struct inbox {
    struct mailbox mailbox;
    pthread_mutex_t lock;
    pthread_cond_t signal;
    bool has_letters;
};

static inline void on_inbox_posted(void *owner)
{
    struct inbox *inbox = owner;
    (void)pthread_mutex_lock(&inbox->lock);
    inbox->has_letters = true;
    (void)pthread_cond_signal(&inbox->signal);
    (void)pthread_mutex_unlock(&inbox->lock);
}

static inline void inbox_init(struct inbox *inbox)
{
    (void)pthread_mutex_init(&inbox->lock, NULL);
    (void)pthread_cond_init(&inbox->signal, NULL);
    inbox->has_letters = false;
    mailbox_init(&inbox->mailbox, on_inbox_posted, inbox);
}

/* Run letters until `count` of them have run. Fails the test when they do not come. */
static inline void inbox_wait(struct inbox *inbox, unsigned count)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += INBOX_PATIENCE_S;
    unsigned ran = 0;
    while (ran < count) {
        (void)pthread_mutex_lock(&inbox->lock);
        int failed = 0;
        while (!inbox->has_letters && failed == 0) {
            failed = pthread_cond_timedwait(&inbox->signal, &inbox->lock, &until);
        }
        inbox->has_letters = false;
        (void)pthread_mutex_unlock(&inbox->lock);
        cr_assert_eq(failed, 0, "waited in vain: %u of %u letters", ran, count);
        ran += mailbox_run(&inbox->mailbox);
    }
}

#endif
