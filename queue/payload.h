/* What is inside the payload of each kind of record: bytes <-> value. No I/O.
 *
 *   ACCEPT  u32 envelope, u32 header block, u32 body, u32 0; then the three
 *   COPY    u64 origin segment, u32 states, u32 0; the states; then an ACCEPT payload
 *   STATE   changes
 *   MOVED   u64 origin segment (0: from memory, always counts); then changes
 *   PIECE   bytes of the body */

#ifndef QUEUE_PAYLOAD_H
#define QUEUE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_PREFIX       16
#define PAYLOAD_MOVED_PREFIX 8

struct payload_accept {
    uint64_t origin;       /* COPY; else 0 */
    const uint8_t *states; /* COPY: changes */
    size_t states_length;
    const uint8_t *envelope;
    size_t envelope_length;
    const uint8_t *header;
    size_t header_length;
    const uint8_t *body;
    size_t body_length;
};

/* False when the lengths do not add up. */
bool payload_accept_decode(bool copy, const uint8_t *bytes, size_t length,
                           struct payload_accept *out_accept);
void payload_accept_prefix(size_t envelope_length, size_t header_length,
                           size_t body_length, uint8_t out_prefix[PAYLOAD_PREFIX]);
void payload_copy_prefix(uint64_t origin, size_t states_length,
                         uint8_t out_prefix[PAYLOAD_PREFIX]);

#endif
