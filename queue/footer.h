/* Sealing a segment that the writer has left, and reading what sealing wrote. */

#ifndef QUEUE_FOOTER_H
#define QUEUE_FOOTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/digest.h"
#include "queue/disk.h"
#include "queue/seal.h"
#include "queue/segment.h"

/* Scan the records up to end (0: as far as they go) and write footer and trailer, synced.
 * -EBADMSG when something in it is damaged: it then stays unsealed, and start-up will
 * scan it and say so. past_damage: that was said already; seal what can be read. */
int footer_write(const struct disk *disk, int handle, const struct segment_header *header,
                 const struct seal *seal, uint64_t end, bool past_damage);

/* Read the trailer. -ENOENT when the segment is not sealed. */
int footer_find(const struct disk *disk, int handle, const struct segment_header *header,
                struct segment_trailer *out_trailer);

/* What a footer holds, opened. */
struct footer_digest {
    uint8_t *bytes;
    size_t length;
};

/* Read the footer and check it: its digest, opened when it is sealed. The bytes are owned
 * by the caller. -EBADMSG when it is damaged, -ENOMEM. */
int footer_load(const struct disk *disk, int handle, const struct segment_header *header,
                const struct seal *seal, const struct segment_trailer *trailer,
                struct footer_digest *out_digest);

/* The same, and hand out its items. -EBADMSG when it is damaged. */
int footer_read(const struct disk *disk, int handle, const struct segment_header *header,
                const struct seal *seal, const struct segment_trailer *trailer,
                const struct digest_sink *sink);

#endif
