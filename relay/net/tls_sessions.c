#include "relay/net/tls_sessions.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "queue/list.h"

#include "relay/limits.h"
#include "relay/net/loop_uv.h"
#include "relay/now.h"

#define MOST_NS (INT64_C(3600) * NOW_NS_PER_S)

struct row {
    struct list_node age;
    SSL_SESSION *session; /* owned; NULL: free */
    int64_t made_ns;
    uint32_t hash;
    char key[TLS_SESSIONS_KEY];
};

struct tls_sessions {
    struct list ages; /* of rows in use, oldest first */
    struct list spare;
    struct row rows[LIMIT_TLS_SESSIONS];
};

struct tls_sessions *tls_sessions_new(void)
{
    struct tls_sessions *sessions = loop_alloc(sizeof *sessions);
    list_init(&sessions->ages);
    list_init(&sessions->spare);
    for (unsigned i = 0; i < LIMIT_TLS_SESSIONS; i++) {
        list_push_back(&sessions->spare, &sessions->rows[i].age);
    }
    return sessions;
}

static void row_free(struct tls_sessions *sessions, struct row *row)
{
    SSL_SESSION_free(row->session);
    row->session = NULL;
    list_remove(&row->age);
    list_push_back(&sessions->spare, &row->age);
}

void tls_sessions_clear(struct tls_sessions *sessions)
{
    list_each_safe (node, &sessions->ages) {
        row_free(sessions, LIST_OWNER(node, struct row, age));
    }
}

void tls_sessions_free(struct tls_sessions *sessions)
{
    if (sessions != NULL) {
        tls_sessions_clear(sessions);
        free(sessions);
    }
}

static uint32_t hash_of(const char *key)
{
    uint32_t hash = 2166136261U;
    for (; *key != '\0'; key++) {
        hash = (hash ^ (unsigned char)*key) * 16777619U;
    }
    return hash;
}

static struct row *find(struct tls_sessions *sessions, const char *key)
{
    uint32_t hash = hash_of(key);
    list_each (node, &sessions->ages) {
        struct row *row = LIST_OWNER(node, struct row, age);
        if (row->hash == hash && strcmp(row->key, key) == 0) {
            return row;
        }
    }
    return NULL;
}

void tls_sessions_put(struct tls_sessions *sessions, const char *key,
                      SSL_SESSION *session)
{
    size_t size = strlen(key) + 1;
    if (size > TLS_SESSIONS_KEY) {
        SSL_SESSION_free(session);
        return;
    }
    struct row *row = find(sessions, key);
    struct list_node *oldest = list_first(&sessions->ages);
    if (row != NULL) {
        row_free(sessions, row);
    } else if (list_is_empty(&sessions->spare) && oldest != NULL) {
        row_free(sessions, LIST_OWNER(oldest, struct row, age));
    }
    struct list_node *spare = list_first(&sessions->spare);
    assert(spare != NULL);
    row = LIST_OWNER(spare, struct row, age);
    list_remove(&row->age);
    list_push_back(&sessions->ages, &row->age);
    row->session = session;
    row->made_ns = now_ns();
    row->hash = hash_of(key);
    memcpy(row->key, key, size);
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions, const char *key)
{
    struct row *row = find(sessions, key);
    if (row == NULL) {
        return NULL;
    }
    SSL_SESSION *session = row->session;
    bool is_good =
        now_ns() - row->made_ns < MOST_NS && SSL_SESSION_is_resumable(session) == 1;
    if (is_good) {
        (void)SSL_SESSION_up_ref(session);
    }
    if (!is_good || SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION) {
        row_free(sessions, row);
    }
    return is_good ? session : NULL;
}

void tls_sessions_drop(struct tls_sessions *sessions, const char *key)
{
    struct row *row = find(sessions, key);
    if (row != NULL) {
        row_free(sessions, row);
    }
}
