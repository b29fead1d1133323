/* Envelopes, changes, digests and record payloads from hostile bytes: nothing crashes,
 * and what decodes can be encoded again and then gives the same bytes' meaning. */

#include <stdlib.h>
#include <string.h>

#include "queue/digest.h"
#include "queue/queue.h"

static int on_item(void *owner, const struct digest_item *item)
{
    digest_put(owner, item);
    return 0;
}

static void try_envelope(const uint8_t *bytes, size_t length)
{
    struct envelope envelope;
    if (envelope_decode(bytes, length, &envelope) != 0) {
        return;
    }
    size_t room = envelope_bound(&envelope);
    size_t written = 0;
    uint8_t *copy = malloc(room);
    struct envelope again;
    if (copy == NULL || envelope_encode(&envelope, copy, room, &written, NULL) != 0 ||
        envelope_decode(copy, written, &again) != 0 || again.id != envelope.id ||
        again.recipient_count != envelope.recipient_count ||
        strcmp(again.subject, envelope.subject) != 0) {
        abort();
    }
    envelope_free(&again);
    envelope_free(&envelope);
    free(copy);
}

static void try_changes(const uint8_t *bytes, size_t length)
{
    struct change change;
    while (change_next(&bytes, &length, &change) > 0) {
        uint8_t copy[CHANGE_BOUND];
        size_t written = 0;
        if (change_encode(&change, copy, sizeof copy, &written) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct digest_writer writer;
    try_envelope(bytes, length);
    try_changes(bytes, length);
    digest_writer_init(&writer);
    (void)digest_read(bytes, length, 1, on_item, &writer);
    for (unsigned kind = 0; kind <= QUEUE_MOVED + 1; kind++) {
        struct scan_item item = {.payload = bytes,
                                 .head = {.segment = 1,
                                          .id = 1,
                                          .kind = (uint16_t)kind,
                                          .length = (uint32_t)length}};
        (void)digest_record(&item, NULL, on_item, &writer);
    }
    digest_writer_done(&writer);
    return 0;
}
