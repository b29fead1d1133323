/* From one record of the log to the items of a digest. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/digest.h"
#include "queue/mem.h"
#include "queue/payload.h"
#include "queue/queue.h"

/* All changes in a run of bytes, as one owned array. */
static int read_changes(const uint8_t *bytes, size_t length, struct change **out_changes,
                        unsigned *out_count)
{
    struct change *changes = NULL;
    unsigned count = 0;
    unsigned room = 0;
    int rc = 0;
    for (;;) {
        if (count == room) {
            room = room == 0 ? 4 : room * 2;
            changes = mem_resize(changes, room * sizeof *changes);
        }
        rc = change_next(&bytes, &length, &changes[count]);
        if (rc <= 0) {
            break;
        }
        count++;
    }
    if (rc < 0) {
        free(changes);
        return rc;
    }
    *out_changes = changes;
    *out_count = count;
    return 0;
}

static int accept_items(const struct scan_item *record, const uint8_t *payload,
                        size_t length, digest_item_cb item_cb, void *owner)
{
    struct payload_accept accept;
    struct digest_item item = {.kind = DIGEST_ACCEPT};
    if (!payload_accept_decode(record->head.kind == QUEUE_COPY, payload, length,
                               &accept)) {
        return -EBADMSG;
    }
    int rc = envelope_decode(accept.envelope, accept.envelope_length, &item.envelope);
    if (rc != 0) {
        return rc;
    }
    struct change *states = NULL;
    if (record->head.kind == QUEUE_COPY) {
        rc =
            read_changes(accept.states, accept.states_length, &states, &item.state_count);
        item.envelope.close_count = 0; /* done by the original, which may be gone */
    }
    if (rc == 0 && item.envelope.id != record->head.id) {
        rc = -EBADMSG;
    }
    if (rc == 0) {
        item.states = states;
        item.origin = accept.origin;
        item.place = (struct place){record->head.segment, (uint32_t)record->offset,
                                    RECORD_HEAD + record->head.length};
        rc = item_cb(owner, &item);
    }
    free(states);
    envelope_free(&item.envelope);
    return rc;
}

static int change_items(const struct scan_item *record, const uint8_t *payload,
                        size_t length, digest_item_cb item_cb, void *owner)
{
    struct digest_item item = {.kind = DIGEST_CHANGE};
    if (record->head.kind == QUEUE_MOVED) {
        if (length < PAYLOAD_MOVED_PREFIX) {
            return -EBADMSG;
        }
        item.origin = bytes_u64(payload);
        payload += PAYLOAD_MOVED_PREFIX;
        length -= PAYLOAD_MOVED_PREFIX;
    }
    item.place = (struct place){record->head.segment, (uint32_t)record->offset, 0};
    for (;;) {
        int rc = change_next(&payload, &length, &item.change);
        if (rc <= 0) {
            return rc;
        }
        rc = item_cb(owner, &item);
        if (rc != 0) {
            return rc;
        }
    }
}

static int plain_items(const struct scan_item *record, const uint8_t *payload,
                       size_t length, digest_item_cb item_cb, void *owner)
{
    switch (record->head.kind) {
    case QUEUE_ACCEPT:
    case QUEUE_COPY: return accept_items(record, payload, length, item_cb, owner);
    case QUEUE_STATE:
    case QUEUE_MOVED: return change_items(record, payload, length, item_cb, owner);
    case QUEUE_PIECE: return 0;
    default: return -EBADMSG;
    }
}

int digest_record(const struct scan_item *record, const struct seal *seal,
                  digest_item_cb item_cb, void *owner)
{
    size_t length = record->head.length;
    if ((record->head.flags & RECORD_SEALED) == 0 || record->head.kind == QUEUE_PIECE) {
        return plain_items(record, record->payload, length, item_cb, owner);
    }
    if (seal == NULL || length < seal->overhead) {
        return -EBADMSG;
    }
    uint8_t *plain = mem_try(length);
    if (plain == NULL) {
        return -ENOMEM;
    }
    memcpy(plain, record->payload, length);
    int rc = seal->open(seal->owner, plain, length, record->head.id);
    if (rc == 0) {
        rc = plain_items(record, plain, length - seal->overhead, item_cb, owner);
    }
    free(plain);
    return rc;
}
