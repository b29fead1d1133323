#include "relay/mailbox.h"

#include <assert.h>
#include <stddef.h>

void mailbox_init(struct mailbox *mailbox, mailbox_wake_cb wake_cb, void *owner)
{
    atomic_init(&mailbox->newest, NULL);
    mailbox->wake_cb = wake_cb;
    mailbox->owner = owner;
}

void mailbox_post(struct mailbox *mailbox, struct letter *letter, letter_cb run_cb)
{
    assert(run_cb != NULL);
    letter->run_cb = run_cb;

    struct letter *newest = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);
    do {
        letter->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(
        &mailbox->newest, &newest, letter, memory_order_release, memory_order_relaxed));
    /* Only the letter that found the box empty wakes: the reader takes all at once. The
     * letter itself may be gone by now. */
    if (newest == NULL) {
        mailbox->wake_cb(mailbox->owner);
    }
}

struct letter *mailbox_take(struct mailbox *mailbox)
{
    return atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acquire);
}

unsigned mailbox_run(struct mailbox *mailbox)
{
    struct letter *newest = mailbox_take(mailbox);
    struct letter *oldest = NULL;
    while (newest != NULL) {
        struct letter *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }

    unsigned ran = 0;
    while (oldest != NULL) {
        struct letter *letter = oldest;
        oldest = letter->next;
        letter->next = NULL;
        letter->run_cb(letter);
        ran++;
    }
    return ran;
}
