/* Typed messages between threads: an unbounded queue of letters, many writers, one
 * reader.
 *
 * A letter is embedded in the object it speaks of, so that posting never fails and
 * never allocates. Whoever posts a letter gives the object away; it is the receiving
 * thread's until that thread posts it on. One wake-up carries many letters. */

#ifndef RELAY_MAILBOX_H
#define RELAY_MAILBOX_H

#include <stdatomic.h>

struct letter;

/* Runs on the receiving thread. The letter is out of the mailbox and may be posted again.
 */
typedef void (*letter_cb)(struct letter *letter);

struct letter {
    struct letter *next; /* the mailbox's, while posted */
    letter_cb run_cb;
};

/* Wakes the receiving thread; called on the posting thread, and only when the mailbox
 * was empty before. */
typedef void (*mailbox_wake_cb)(void *owner);

struct mailbox {
    _Atomic(struct letter *) newest;
    mailbox_wake_cb wake_cb;
    void *owner; /* borrowed: lives as long as the mailbox */
};

void mailbox_init(struct mailbox *mailbox, mailbox_wake_cb wake_cb, void *owner);

/* Give a letter to the receiving thread. Any thread. */
void mailbox_post(struct mailbox *mailbox, struct letter *letter, letter_cb run_cb);

/* Run every letter posted so far, in the order each thread posted them. Receiving
 * thread only. Returns how many ran. */
unsigned mailbox_run(struct mailbox *mailbox);

/* Take every letter posted so far and run none: the newest, the others behind it by next.
 * For a receiver that ends. */
struct letter *mailbox_take(struct mailbox *mailbox);

#endif
