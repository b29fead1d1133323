#include <pthread.h>
#include <stdatomic.h>

#include "relay/clerk.h"
#include "relay/now.h"

#include "tests/support/test.h"

#define POSTERS 4
#define LETTERS 2000

struct work {
    struct letter letter;
    unsigned poster;
    unsigned number;
};

struct desk {
    struct clerk *clerk;
    struct work work[POSTERS][LETTERS];
    unsigned next[POSTERS]; /* the clerk's */
    unsigned disordered;    /* the clerk's */
    unsigned batches;       /* the clerk's */
    atomic_uint again;
};

static struct desk desk;

static void on_work(struct letter *letter)
{
    struct work *work = (struct work *)(void *)letter;
    if (work->number != desk.next[work->poster]) {
        desk.disordered++;
    }
    desk.next[work->poster]++;
}

static int64_t on_batch(void *owner)
{
    struct desk *mine = owner;
    mine->batches++;
    return -1;
}

static void *post_all(void *argument)
{
    struct work *work = argument;
    for (unsigned i = 0; i < LETTERS; i++) {
        clerk_post(desk.clerk, &work[i].letter, on_work);
    }
    return NULL;
}

static void run(int64_t nap_ms)
{
    struct clerk_options options = {
        .name = "test", .nap_ms = nap_ms, .batch_cb = on_batch, .owner = &desk};
    struct errmsg err = {""};
    cr_assert_eq(clerk_start(&desk.clerk, &options, &err), 0, "%s", err.text);
    pthread_t posters[POSTERS];
    for (unsigned i = 0; i < POSTERS; i++) {
        for (unsigned j = 0; j < LETTERS; j++) {
            desk.work[i][j].poster = i;
            desk.work[i][j].number = j;
        }
        cr_assert_eq(pthread_create(&posters[i], NULL, post_all, desk.work[i]), 0);
    }
    for (unsigned i = 0; i < POSTERS; i++) {
        cr_assert_eq(pthread_join(posters[i], NULL), 0);
    }
    clerk_stop(desk.clerk);
    for (unsigned i = 0; i < POSTERS; i++) {
        cr_assert_eq(desk.next[i], LETTERS, "poster %u: %u done", i, desk.next[i]);
    }
    cr_assert_eq(desk.disordered, 0);
    cr_assert_gt(desk.batches, 0);
}

TEST(clerk, does_every_letter_in_order_before_it_stops)
{
    /* Letters of four threads are all done when clerk_stop returns, each thread's in
     * order. */
    run(0);
}

TEST(clerk, does_every_letter_while_napping)
{
    /* The same when letters are left to gather, in far fewer batches than letters. */
    run(20);
    cr_assert_lt(desk.batches, POSTERS * LETTERS / 10);
}

static int64_t on_again(void *owner)
{
    struct desk *mine = owner;
    return atomic_fetch_add(&mine->again, 1) < 5 ? 1 : -1;
}

static void on_nothing(struct letter *letter)
{
    (void)letter;
}

TEST(clerk, runs_again_when_the_batch_asks_for_it)
{
    /* A batch that wants to run again does so without a letter, until it no longer asks.
     */
    struct clerk_options options = {.name = "test", .batch_cb = on_again, .owner = &desk};
    struct errmsg err = {""};
    cr_assert_eq(clerk_start(&desk.clerk, &options, &err), 0, "%s", err.text);
    struct letter letter;
    clerk_post(desk.clerk, &letter, on_nothing);
    int64_t until_ns = now_ns() + 10 * NOW_NS_PER_S;
    while (atomic_load(&desk.again) < 6 && now_ns() < until_ns) {
    }
    cr_assert_eq(atomic_load(&desk.again), 6);
    clerk_stop(desk.clerk);
}

TEST(clerk, stops_at_once_while_napping)
{
    /* A nap of a minute does not delay clerk_stop or clerk_hurry, and loses nothing. */
    struct clerk_options options = {
        .name = "test", .nap_ms = 60000, .batch_cb = on_batch, .owner = &desk};
    struct errmsg err = {""};
    int64_t started_ns = now_ns();
    cr_assert_eq(clerk_start(&desk.clerk, &options, &err), 0, "%s", err.text);
    clerk_post(desk.clerk, &desk.work[0][0].letter, on_work);
    clerk_stop(desk.clerk);
    cr_assert_eq(desk.next[0], 1);
    cr_assert_lt(now_ns() - started_ns, 10 * NOW_NS_PER_S);
    clerk_stop(NULL);
}
