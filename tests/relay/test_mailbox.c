#include <pthread.h>
#include <stddef.h>

#include "relay/mailbox.h"

#include "tests/support/test.h"

#define WRITERS    4
#define PER_WRITER 20000

struct numbered {
    struct letter letter;
    int writer;
    int number;
};

static int wakes;
static int expected[WRITERS];
static int out_of_order;

static void count_wake(void *owner)
{
    (void)owner;
    __atomic_add_fetch(&wakes, 1, __ATOMIC_SEQ_CST);
}

static void check_order(struct letter *letter)
{
    struct numbered *item = (struct numbered *)(void *)letter;
    if (item->number != expected[item->writer]) {
        out_of_order++;
    }
    expected[item->writer] = item->number + 1;
}

static struct mailbox box;
static struct numbered items[WRITERS][PER_WRITER];

static void *post_all(void *arg)
{
    struct numbered *mine = arg;
    for (int i = 0; i < PER_WRITER; i++) {
        mailbox_post(&box, &mine[i].letter, check_order);
    }
    return NULL;
}

/* One wake-up carries all that is posted before the reader comes. */
TEST(mailbox, one_wake_for_many)
{
    struct numbered two[2] = {{.number = 0}, {.number = 1}};

    mailbox_init(&box, count_wake, NULL);
    mailbox_post(&box, &two[0].letter, check_order);
    mailbox_post(&box, &two[1].letter, check_order);
    cr_assert_eq(wakes, 1);
    cr_assert_eq(mailbox_run(&box), 2);
    cr_assert_eq(mailbox_run(&box), 0);
    cr_assert_eq(out_of_order, 0);
}

/* With many writers nothing is lost and each writer's letters keep their order. */
TEST(mailbox, many_writers)
{
    pthread_t threads[WRITERS];
    unsigned ran = 0;

    mailbox_init(&box, count_wake, NULL);
    for (int w = 0; w < WRITERS; w++) {
        for (int i = 0; i < PER_WRITER; i++) {
            items[w][i] = (struct numbered){.writer = w, .number = i};
        }
        cr_assert_eq(pthread_create(&threads[w], NULL, post_all, items[w]), 0);
    }
    while (ran < WRITERS * PER_WRITER) {
        ran += mailbox_run(&box);
    }
    for (int w = 0; w < WRITERS; w++) {
        cr_assert_eq(pthread_join(threads[w], NULL), 0);
        cr_assert_eq(expected[w], PER_WRITER);
    }
    cr_assert_eq(out_of_order, 0);
    cr_assert_gt(wakes, 0);
}
