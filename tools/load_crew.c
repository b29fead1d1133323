#include "tools/load_crew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/grab.h"
#include "tools/load_session.h"
#include "tools/ticks.h"
#include "tools/wire.h"

#define TURN_NS (100 * TICKS_MS)

static void on_due(void *owner);

int load_crew_init(struct load_crew *crew, const struct load_plan *plan,
                   struct load_tally *tally, struct errmsg *err)
{
    int rc = 0;

    memset(crew, 0, sizeof *crew);
    crew->plan = plan;
    crew->tally = tally;
    crew->due_timer.cb = on_due;
    crew->due_timer.owner = crew;
    list_init(&crew->waiting);
    rc = reactor_init(&crew->reactor, err);
    if (rc != 0) {
        return rc;
    }
    if (plan->tls != LOAD_TLS_NONE) {
        crew->tls = wire_client_tls(err);
        if (crew->tls == NULL) {
            return -EINVAL;
        }
    }
    crew->sessions = grab_zeroed(plan->sessions, sizeof *crew->sessions);
    crew->returned = grab_zeroed(plan->sessions, sizeof *crew->returned);
    for (size_t i = 0; i < plan->sessions; i++) {
        crew->sessions[i].crew = crew;
        crew->sessions[i].wire.fd = -1;
    }
    return 0;
}

void load_crew_done(struct load_crew *crew)
{
    if (crew->sessions != NULL) {
        for (size_t i = 0; i < crew->plan->sessions; i++) {
            load_session_close(&crew->sessions[i]);
            free(crew->sessions[i].out);
        }
    }
    free(crew->sessions);
    free(crew->returned);
    wire_tls_free(crew->tls);
    reactor_done(&crew->reactor);
}

static bool time_is_over(const struct load_crew *crew)
{
    return crew->plan->duration_ns > 0 &&
           crew->reactor.now_ns - crew->tally->start_ns >= crew->plan->duration_ns;
}

bool load_crew_over(const struct load_crew *crew)
{
    bool all = crew->plan->messages > 0 && crew->begun >= crew->plan->messages;

    return crew->returned_count == 0 && (all || time_is_over(crew));
}

/* When the next new message may begin. */
static int64_t due_ns(const struct load_crew *crew)
{
    if (crew->plan->rate_per_s <= 0.0) {
        return 0;
    }
    return crew->tally->start_ns +
           (int64_t)((double)crew->begun / crew->plan->rate_per_s * 1e9);
}

bool load_crew_take(struct load_crew *crew, uint64_t *out_id)
{
    if (crew->returned_count > 0) {
        *out_id = crew->returned[--crew->returned_count];
        crew->in_hand++;
        return true;
    }
    if (load_crew_over(crew) || due_ns(crew) > crew->reactor.now_ns) {
        return false;
    }
    *out_id = crew->plan->first_id + crew->begun++;
    crew->in_hand++;
    return true;
}

void load_crew_give(struct load_crew *crew, uint64_t id, bool again)
{
    crew->in_hand--;
    if (again && crew->returned_count < crew->plan->sessions) {
        crew->returned[crew->returned_count++] = id;
    }
}

void load_crew_wait(struct load_crew *crew, struct load_session *session)
{
    list_push_back(&crew->waiting, &session->node);
    if (crew->due_timer.place == 0) {
        reactor_timer_set(&crew->reactor, &crew->due_timer, due_ns(crew));
    }
}

static void on_due(void *owner)
{
    struct load_crew *crew = owner;

    while (!list_is_empty(&crew->waiting) && due_ns(crew) <= crew->reactor.now_ns) {
        struct list_node *node = list_first(&crew->waiting);

        list_remove(node);
        load_session_next(LIST_OWNER(node, struct load_session, node));
        if (load_crew_over(crew)) {
            break;
        }
    }
    if (!list_is_empty(&crew->waiting)) {
        reactor_timer_set(&crew->reactor, &crew->due_timer, due_ns(crew));
    }
}

/* Nothing more will come: those who wait say goodbye. */
static void dismiss(struct load_crew *crew)
{
    while (load_crew_over(crew) && !list_is_empty(&crew->waiting)) {
        struct list_node *node = list_first(&crew->waiting);

        list_remove(node);
        load_session_next(LIST_OWNER(node, struct load_session, node));
    }
}

int load_crew_run(struct load_crew *crew, const volatile int *stop)
{
    int64_t progress_ns = 0;
    int rc = 0;

    crew->reactor.now_ns = ticks_now_ns();
    crew->tally->start_ns = crew->reactor.now_ns;
    progress_ns = crew->reactor.now_ns;
    for (size_t i = 0; i < crew->plan->sessions; i++) {
        load_session_start(&crew->sessions[i]);
    }
    while (rc == 0 && *stop == 0 && crew->alive > 0) {
        rc = reactor_turn(&crew->reactor, TURN_NS);
        load_tally_flush(crew->tally);
        dismiss(crew);
        if (crew->tally->last_ns > progress_ns) {
            progress_ns = crew->tally->last_ns;
        }
        if (crew->in_hand + crew->returned_count == 0) {
            if (!list_is_empty(&crew->waiting)) {
                progress_ns = crew->reactor.now_ns; /* it is the rate that waits */
            }
            if (load_crew_over(crew)) {
                break;
            }
        }
        if (crew->reactor.now_ns - progress_ns > crew->plan->timeout_ns) {
            break;
        }
    }
    return rc;
}

bool load_crew_complete(const struct load_crew *crew)
{
    bool all = crew->plan->messages == 0 || crew->begun == crew->plan->messages ||
               time_is_over(crew);

    return all && crew->tally->accepted == crew->begun;
}
