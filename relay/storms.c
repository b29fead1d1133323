#include "relay/storms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/fingerprint.h"
#include "relay/limits.h"

#define WAYS   4
#define DAY_MS (INT64_C(86400) * 1000)
#define FIRST  2 /* refusals after which the next one is not tried */

struct sent {
    uint64_t id; /* 0: empty */
    uint64_t user;
    uint64_t body;
};

struct refusal {
    uint64_t key; /* of user, recipient and body; 0: empty */
    int64_t first_ms;
    unsigned count;
    char reply[STORMS_REPLY];
};

struct storms {
    struct sent sent[LIMIT_STORM_MESSAGES];
    struct refusal refusals[LIMIT_STORM_REFUSALS];
};

struct storms *storms_new(void)
{
    return arena_must(1, sizeof(struct storms));
}

void storms_free(struct storms *storms)
{
    free(storms);
}

static uint64_t mix(uint64_t one, uint64_t other)
{
    uint64_t hash = (one ^ (other << 1)) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
    return hash == 0 ? 1 : hash;
}

void storms_message(struct storms *storms, uint64_t id, const char *user, uint64_t body)
{
    storms->sent[mix(id, 0) % LIMIT_STORM_MESSAGES] =
        (struct sent){.id = id, .user = fingerprint_text(user), .body = body};
}

static uint64_t key_of(uint64_t user, uint64_t recipient, uint64_t body)
{
    return mix(mix(user, recipient), body);
}

static struct refusal *row_of(struct storms *storms, uint64_t key)
{
    return &storms->refusals[key % (LIMIT_STORM_REFUSALS / WAYS) * WAYS];
}

/* That of the key, or the one to be forgotten for it. */
static struct refusal *find(struct storms *storms, uint64_t key)
{
    struct refusal *row = row_of(storms, key);
    struct refusal *oldest = &row[0];
    for (int i = 0; i < WAYS; i++) {
        if (row[i].key == key) {
            return &row[i];
        }
        oldest = row[i].first_ms < oldest->first_ms ? &row[i] : oldest;
    }
    return oldest;
}

void storms_refused(struct storms *storms, uint64_t id, const char *recipient,
                    const char *reply, int64_t now_ms)
{
    const struct sent *sent = &storms->sent[mix(id, 0) % LIMIT_STORM_MESSAGES];
    if (sent->id != id) {
        return; /* older than what is remembered, or not a user's */
    }
    uint64_t key = key_of(sent->user, fingerprint_text(recipient), sent->body);
    struct refusal *refusal = find(storms, key);
    if (refusal->key != key || now_ms - refusal->first_ms > DAY_MS) {
        *refusal = (struct refusal){.key = key, .first_ms = now_ms};
    }
    refusal->count++;
    (void)snprintf(refusal->reply, sizeof refusal->reply, "%s", reply);
}

const char *storms_reply(struct storms *storms, const char *user, uint64_t recipient,
                         uint64_t body, int64_t now_ms)
{
    uint64_t key = key_of(fingerprint_text(user), recipient, body);
    const struct refusal *refusal = find(storms, key);
    bool is_storm = refusal->key == key && refusal->count >= FIRST &&
                    now_ms - refusal->first_ms <= DAY_MS;
    return is_storm ? refusal->reply : NULL;
}
