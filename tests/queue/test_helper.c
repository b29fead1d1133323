#include <semaphore.h>
#include <string.h>

#include "queue/helper.h"

#include "tests/support/test.h"

struct task {
    struct helper_job job; /* first */
    struct helper *helper;
    char name;
    int again; /* how often it adds itself */
};

static char order[64];
static size_t ran;
static sem_t gate;
static sem_t at_gate;

static void run_task(struct helper_job *job)
{
    struct task *task = (struct task *)(void *)job;
    order[ran++] = task->name;
    if (task->again > 0) {
        task->again--;
        helper_add(task->helper, job, run_task, false);
    }
}

/* Keeps the thread busy while the test fills the lists. */
static void run_gate(struct helper_job *job)
{
    (void)job;
    (void)sem_post(&at_gate);
    while (sem_wait(&gate) != 0) {
    }
}

static void start(struct helper *helper, struct helper_job *gate_job)
{
    memset(order, 0, sizeof order);
    ran = 0;
    (void)sem_init(&gate, 0, 0);
    (void)sem_init(&at_gate, 0, 0);
    helper_init(helper);
    cr_assert_eq(helper_start(helper), 0);
    helper_add(helper, gate_job, run_gate, false);
    while (sem_wait(&at_gate) != 0) {
    }
}

/* Urgent jobs come first, each list in the order it was filled, and stopping runs what is
 * queued. */
TEST(helper, order)
{
    struct helper helper;
    struct helper_job gate_job = {0};
    struct task tasks[6] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'},
                            {.name = 'D'}, {.name = 'E'}, {.name = 'F'}};
    start(&helper, &gate_job);
    for (int i = 0; i < 3; i++) {
        helper_add(&helper, &tasks[i].job, run_task, false);
        helper_add(&helper, &tasks[i + 3].job, run_task, true);
    }
    (void)sem_post(&gate);
    helper_stop(&helper);
    cr_assert_str_eq(order, "DEFabc");
    helper_stop(&helper);
    helper_done(&helper);
}

/* A job that is queued already runs once and keeps its place; one that has begun may be
 * added again, by itself too. */
TEST(helper, once_while_queued)
{
    struct helper helper;
    struct helper_job gate_job = {0};
    struct task once = {.name = 'o'};
    struct task again = {.helper = &helper, .name = 'r', .again = 3};
    struct task last = {.name = 'l'};
    start(&helper, &gate_job);
    helper_add(&helper, &once.job, run_task, false);
    helper_add(&helper, &again.job, run_task, false);
    helper_add(&helper, &last.job, run_task, false);
    for (int i = 0; i < 5; i++) {
        helper_add(&helper, &once.job, run_task, i % 2 == 0);
    }
    (void)sem_post(&gate);
    helper_stop(&helper);
    cr_assert_str_eq(order, "orlrrr");
    cr_assert(!once.job.queued);
    helper_done(&helper);
}

/* A helper that never started can be stopped and done. */
TEST(helper, never_started)
{
    struct helper helper;
    helper_init(&helper);
    helper_stop(&helper);
    helper_done(&helper);
}
