#include <pthread.h>

#include "relay/mailbox.h"
#include "relay/net/loop.h"
#include "relay/net/wake.h"

#include "tests/support/test.h"

#define THREADS 4
#define EACH    5000

struct post_office {
    struct loop *loop;
    struct wake *wake;
    struct mailbox mailbox;
    unsigned got;
};

struct parcel {
    struct letter letter;
    struct post_office *office;
};

static void on_letter(struct letter *letter)
{
    struct parcel *parcel = (struct parcel *)letter;
    parcel->office->got++;
    if (parcel->office->got == THREADS * EACH) {
        wake_close(parcel->office->wake);
    }
}

static void *send_all(void *arg)
{
    struct parcel *parcels = arg;
    for (unsigned i = 0; i < EACH; i++) {
        mailbox_post(&parcels[i].office->mailbox, &parcels[i].letter, on_letter);
    }
    return NULL;
}

/* Letters from several threads all arrive on the loop's thread, and closing lets the loop
 * end. */
TEST(wake, many_threads)
{
    struct post_office office = {0};
    pthread_t threads[THREADS];
    struct parcel *parcels = calloc((size_t)THREADS * EACH, sizeof *parcels);
    cr_assert_eq(loop_open(&office.loop), 0);
    cr_assert_eq(wake_open(&office.wake, office.loop, &office.mailbox), 0);
    for (unsigned i = 0; i < THREADS * EACH; i++) {
        parcels[i].office = &office;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        cr_assert_eq(
            pthread_create(&threads[i], NULL, send_all, parcels + (size_t)i * EACH), 0);
    }
    loop_run(office.loop);
    cr_assert_eq(office.got, THREADS * EACH);
    for (unsigned i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    loop_close(office.loop);
    free(parcels);
}

static void on_late_letter(struct letter *letter)
{
    struct parcel *parcel = (struct parcel *)letter;
    parcel->office->got++;
}

/* A letter posted before the loop runs is not lost; one for a closed wake is not run. */
TEST(wake, early_and_late)
{
    struct post_office office = {0};
    struct parcel parcels[2] = {{.office = &office}, {.office = &office}};
    cr_assert_eq(loop_open(&office.loop), 0);
    cr_assert_eq(wake_open(&office.wake, office.loop, &office.mailbox), 0);
    mailbox_post(&office.mailbox, &parcels[0].letter, on_late_letter);
    loop_run_once(office.loop);
    cr_assert_eq(office.got, 1);
    mailbox_post(&office.mailbox, &parcels[1].letter, on_late_letter);
    wake_close(office.wake);
    loop_run(office.loop);
    cr_assert_eq(office.got, 1);
    wake_close(NULL);
    loop_close(office.loop);
}
