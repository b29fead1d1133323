/* Good path: fetch_get posts the ask -> on_ask adds an easy handle -> the thread's loop
 * moves all transfers -> finish judges the end and posts the ask home.
 *
 * Failure modes: a handle that cannot be made (FETCH_UNREACHABLE at once), a transfer
 * that fails or grows too large (libcurl says which), the stop (whatever is under way is
 * dropped unanswered). */

#include "relay/net/fetch.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "queue/list.h"

#include "relay/limits.h"
#include "relay/net/loop_uv.h"

#define WAIT_MS 1000

struct fetch {
    struct mailbox mailbox;
    CURLM *multi;
    pthread_t thread;
    atomic_bool stopping;
    unsigned count; /* transfers under way */
    struct fetch_ask *asks[LIMIT_FETCHES];
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *owner)
{
    struct fetch_ask *ask = owner;
    size_t length = size * count;
    if (length > ask->most_bytes - ask->body_bytes) {
        ask->outcome = FETCH_TOO_LARGE;
        return 0; /* libcurl ends the transfer */
    }
    memcpy(ask->body + ask->body_bytes, bytes, length);
    ask->body_bytes += length;
    return length;
}

static void release(struct fetch_ask *ask)
{
    curl_easy_cleanup(ask->handle);
    curl_slist_free_all(ask->route);
    ask->handle = NULL;
    ask->route = NULL;
}

static void answer(struct fetch_ask *ask, enum fetch_outcome outcome, const char *problem)
{
    release(ask);
    ask->outcome = outcome;
    (void)snprintf(ask->problem, sizeof ask->problem, "%s", problem);
    if (outcome != FETCH_OK) {
        free(ask->body);
        ask->body = NULL;
        ask->body_bytes = 0;
    }
    mailbox_post(ask->home, &ask->letter, ask->done_cb);
}

/* Everything that can be said to libcurl, or false. */
static bool set_up(struct fetch_ask *ask)
{
    char url[512];
    char to[400];
    char address[NETADDR_TEXT_BYTES];
    CURL *handle = ask->handle;
    (void)snprintf(url, sizeof url, "https://%s:%u%s", ask->host, ask->addr.port,
                   ask->path);
    (void)snprintf(to, sizeof to, "%s:%u:%s", ask->host, ask->addr.port,
                   netaddr_format_port(&ask->addr, address));
    ask->route = curl_slist_append(NULL, to);
    bool is_good =
        ask->route != NULL && curl_easy_setopt(handle, CURLOPT_URL, url) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_CONNECT_TO, ask->route) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_NOPROXY, "*") == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)ask->timeout_ms) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, ask) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_PRIVATE, ask) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_USERAGENT, "mesura/" MESURA_VERSION) == CURLE_OK;
    if (is_good && ask->trust[0] != '\0') {
        is_good = curl_easy_setopt(handle, CURLOPT_CAINFO, ask->trust) == CURLE_OK &&
                  curl_easy_setopt(handle, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    return is_good;
}

static void on_ask(struct letter *letter)
{
    struct fetch_ask *ask = LIST_OWNER(letter, struct fetch_ask, letter);
    struct fetch *fetch = ask->fetch;
    unsigned place = 0;
    while (place < LIMIT_FETCHES && fetch->asks[place] != NULL) {
        place++;
    }
    ask->body = place < LIMIT_FETCHES ? malloc(ask->most_bytes + 1U) : NULL;
    ask->handle = ask->body != NULL ? curl_easy_init() : NULL;
    if (ask->handle == NULL || !set_up(ask) ||
        curl_multi_add_handle(fetch->multi, ask->handle) != CURLM_OK) {
        answer(ask, FETCH_UNREACHABLE, "too much is being fetched");
        return;
    }
    fetch->asks[place] = ask;
    fetch->count++;
}

static void forget(struct fetch *fetch, const struct fetch_ask *ask)
{
    for (unsigned i = 0; i < LIMIT_FETCHES; i++) {
        if (fetch->asks[i] == ask) {
            fetch->asks[i] = NULL;
            fetch->count--;
        }
    }
}

static void finish(struct fetch *fetch, CURL *handle, CURLcode code)
{
    char *owner = NULL;
    long status = 0;
    char problem[FETCH_PROBLEM_BYTES] = "";
    (void)curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner);
    struct fetch_ask *ask = (struct fetch_ask *)(void *)owner;
    assert(ask != NULL);
    (void)curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(fetch->multi, handle);
    forget(fetch, ask);
    if (ask->outcome == FETCH_TOO_LARGE) {
        answer(ask, FETCH_TOO_LARGE, "the file is too large");
    } else if (code == CURLE_PEER_FAILED_VERIFICATION ||
               code == CURLE_SSL_CACERT_BADFILE) {
        answer(ask, FETCH_CERTIFICATE, curl_easy_strerror(code));
    } else if (code != CURLE_OK) {
        answer(ask, FETCH_UNREACHABLE, curl_easy_strerror(code));
    } else if (status != 200) {
        (void)snprintf(problem, sizeof problem, "HTTP status %ld", status);
        answer(ask, FETCH_STATUS, problem);
    } else {
        ask->body[ask->body_bytes] = '\0';
        answer(ask, FETCH_OK, "");
    }
}

static void *run(void *arg)
{
    struct fetch *fetch = arg;
    while (!atomic_load(&fetch->stopping)) {
        int running = 0;
        int left = 0;
        CURLMsg *message = NULL;
        (void)mailbox_run(&fetch->mailbox);
        (void)curl_multi_perform(fetch->multi, &running);
        while ((message = curl_multi_info_read(fetch->multi, &left)) != NULL) {
            if (message->msg == CURLMSG_DONE) {
                finish(fetch, message->easy_handle, message->data.result);
            }
        }
        (void)curl_multi_poll(fetch->multi, NULL, 0, WAIT_MS, NULL);
    }
    for (unsigned i = 0; i < LIMIT_FETCHES; i++) {
        struct fetch_ask *ask = fetch->asks[i];
        if (ask != NULL) {
            (void)curl_multi_remove_handle(fetch->multi, ask->handle);
            release(ask);
        }
    }
    return NULL;
}

static void on_wake(void *owner)
{
    struct fetch *fetch = owner;
    (void)curl_multi_wakeup(fetch->multi);
}

static int start_thread(struct fetch *fetch)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&fetch->thread, NULL, run, fetch);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        (void)pthread_setname_np(fetch->thread, "fetch");
    }
    return rc;
}

int fetch_start(struct fetch **out, struct errmsg *err)
{
    struct fetch *fetch = loop_alloc(sizeof *fetch);
    mailbox_init(&fetch->mailbox, on_wake, fetch);
    atomic_init(&fetch->stopping, false);
    int rc = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : ENOMEM;
    fetch->multi = rc == 0 ? curl_multi_init() : NULL;
    if (rc == 0) {
        rc = fetch->multi != NULL ? start_thread(fetch) : ENOMEM;
    }
    if (rc != 0) {
        errmsg_errno(err, rc, "start the thread for HTTPS");
        (void)curl_multi_cleanup(fetch->multi);
        free(fetch);
        return -rc;
    }
    *out = fetch;
    return 0;
}

void fetch_get(struct fetch *fetch, struct fetch_ask *ask)
{
    assert(ask->home != NULL);
    assert(ask->done_cb != NULL);
    assert(ask->body == NULL);
    ask->fetch = fetch;
    ask->outcome = FETCH_OK;
    ask->body_bytes = 0;
    mailbox_post(&fetch->mailbox, &ask->letter, on_ask);
}

void fetch_stop(struct fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    atomic_store(&fetch->stopping, true);
    (void)curl_multi_wakeup(fetch->multi);
    (void)pthread_join(fetch->thread, NULL);
    (void)curl_multi_cleanup(fetch->multi);
    free(fetch);
}
