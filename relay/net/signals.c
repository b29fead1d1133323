#include "relay/net/signals.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "relay/net/loop_uv.h"

struct signals {
    uv_signal_t handles[SIGNALS_MAX];
    unsigned handles_open; /* uv handles whose close callback has not run */
    signals_cb signal_cb;
    void *owner; /* borrowed: until signals_close */
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;
    signals->signal_cb(number, signals->owner);
}

static void on_closed(uv_handle_t *handle)
{
    struct signals *signals = handle->data;
    assert(signals->handles_open > 0);
    signals->handles_open--;
    if (signals->handles_open == 0) {
        free(signals);
    }
}

static void mask(int how, const int *numbers, unsigned count)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (unsigned i = 0; i < count; i++) {
        (void)sigaddset(&set, numbers[i]);
    }
    (void)pthread_sigmask(how, &set, NULL);
}

void signals_hold(const int *numbers, unsigned count)
{
    mask(SIG_BLOCK, numbers, count);
}

int signals_open(struct signals **out, struct loop *loop, const int *numbers,
                 unsigned count, signals_cb signal_cb, void *owner)
{
    assert(count > 0);
    assert(count <= SIGNALS_MAX);
    struct signals *signals = loop_alloc(sizeof *signals);
    signals->signal_cb = signal_cb;
    signals->owner = owner;

    for (unsigned i = 0; i < count; i++) {
        uv_signal_t *handle = &signals->handles[i];
        int rc = uv_signal_init(loop_uv(loop), handle);
        if (rc == 0) {
            signals->handles_open++;
            handle->data = signals;
            rc = uv_signal_start(handle, on_signal, numbers[i]);
            uv_unref((uv_handle_t *)handle);
        }
        if (rc != 0 && signals->handles_open == 0) {
            free(signals);
            return rc;
        }
        if (rc != 0) {
            signals_close(signals);
            return rc;
        }
    }
    mask(SIG_UNBLOCK, numbers, count);
    *out = signals;
    return 0;
}

void signals_close(struct signals *signals)
{
    if (signals == NULL) {
        return;
    }
    unsigned count = signals->handles_open;
    for (unsigned i = 0; i < count; i++) {
        uv_close((uv_handle_t *)&signals->handles[i], on_closed);
    }
}
