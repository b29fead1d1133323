#include "tools/reactor.h"

#include <sys/epoll.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/grab.h"
#include "tools/ticks.h"

#define BATCH        256 /* events taken from the kernel at once */
#define FIRST_TIMERS 64

int reactor_init(struct reactor *reactor, struct errmsg *err)
{
    memset(reactor, 0, sizeof *reactor);
    reactor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (reactor->epoll_fd < 0) {
        int rc = -errno;

        errmsg_errno(err, rc, "epoll");
        return rc;
    }
    reactor->now_ns = ticks_now_ns();
    return 0;
}

void reactor_done(struct reactor *reactor)
{
    if (reactor->epoll_fd >= 0) {
        (void)close(reactor->epoll_fd);
        reactor->epoll_fd = -1;
    }
    free(reactor->heap);
    reactor->heap = NULL;
}

int reactor_watch(struct reactor *reactor, struct reactor_io *io, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = io};
    int op = io->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (io->registered && io->events == events) {
        return 0;
    }
    if (epoll_ctl(reactor->epoll_fd, op, io->fd, &event) != 0) {
        return -errno;
    }
    io->registered = true;
    io->events = events;
    return 0;
}

void reactor_forget(struct reactor *reactor, struct reactor_io *io)
{
    if (io->registered) {
        (void)epoll_ctl(reactor->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    }
    io->registered = false;
    io->events = 0;
}

static void put(struct reactor *reactor, size_t position, struct reactor_timer *timer)
{
    reactor->heap[position].timer = timer;
    timer->place = position + 1;
}

static void sift_up(struct reactor *reactor, size_t position, struct reactor_timer *timer)
{
    while (position > 0) {
        size_t parent = (position - 1) / 2;

        if (reactor->heap[parent].timer->due_ns <= timer->due_ns) {
            break;
        }
        put(reactor, position, reactor->heap[parent].timer);
        position = parent;
    }
    put(reactor, position, timer);
}

static void sift_down(struct reactor *reactor, size_t position,
                      struct reactor_timer *timer)
{
    for (;;) {
        size_t child = 2 * position + 1;

        if (child >= reactor->timers) {
            break;
        }
        if (child + 1 < reactor->timers &&
            reactor->heap[child + 1].timer->due_ns < reactor->heap[child].timer->due_ns) {
            child++;
        }
        if (reactor->heap[child].timer->due_ns >= timer->due_ns) {
            break;
        }
        put(reactor, position, reactor->heap[child].timer);
        position = child;
    }
    put(reactor, position, timer);
}

void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer)
{
    struct reactor_timer *last = NULL;
    size_t position = timer->place - 1;

    if (timer->place == 0) {
        return;
    }
    timer->place = 0;
    last = reactor->heap[--reactor->timers].timer;
    if (last == timer) {
        return;
    }
    if (position > 0 && reactor->heap[(position - 1) / 2].timer->due_ns > last->due_ns) {
        sift_up(reactor, position, last);
    } else {
        sift_down(reactor, position, last);
    }
}

void reactor_timer_set(struct reactor *reactor, struct reactor_timer *timer,
                       int64_t due_ns)
{
    reactor_timer_cancel(reactor, timer);
    if (reactor->timers == reactor->capacity) {
        reactor->capacity = reactor->capacity > 0 ? 2 * reactor->capacity : FIRST_TIMERS;
        reactor->heap =
            grab_resized(reactor->heap, reactor->capacity, sizeof *reactor->heap);
    }
    timer->due_ns = due_ns;
    sift_up(reactor, reactor->timers++, timer);
}

static int wait_ms(const struct reactor *reactor, int64_t max_wait_ns)
{
    int64_t wait_ns = max_wait_ns;

    if (reactor->timers > 0) {
        int64_t until_ns = reactor->heap[0].timer->due_ns - ticks_now_ns();

        if (until_ns < wait_ns) {
            wait_ns = until_ns;
        }
    }
    if (wait_ns <= 0) {
        return 0;
    }
    return (int)((wait_ns + TICKS_MS - 1) / TICKS_MS);
}

int reactor_turn(struct reactor *reactor, int64_t max_wait_ns)
{
    struct epoll_event events[BATCH];
    int count =
        epoll_wait(reactor->epoll_fd, events, BATCH, wait_ms(reactor, max_wait_ns));

    reactor->now_ns = ticks_now_ns();
    if (count < 0 && errno != EINTR) {
        return -errno;
    }
    for (int i = 0; i < count; i++) {
        struct reactor_io *io = events[i].data.ptr;

        io->cb(io->owner, events[i].events);
    }
    reactor->now_ns = ticks_now_ns();
    while (reactor->timers > 0 && reactor->heap[0].timer->due_ns <= reactor->now_ns) {
        struct reactor_timer *timer = reactor->heap[0].timer;

        reactor_timer_cancel(reactor, timer);
        timer->cb(timer->owner);
    }
    return 0;
}
