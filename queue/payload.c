#include "queue/payload.h"

#include "queue/bytes.h"

bool payload_accept_decode(bool copy, const uint8_t *bytes, size_t length,
                           struct payload_accept *out_accept)
{
    struct payload_accept accept = {0};
    if (copy) {
        if (length < PAYLOAD_PREFIX || bytes_u32(bytes + 8) > length - PAYLOAD_PREFIX) {
            return false;
        }
        accept.origin = bytes_u64(bytes);
        accept.states = bytes + PAYLOAD_PREFIX;
        accept.states_length = bytes_u32(bytes + 8);
        bytes += PAYLOAD_PREFIX + accept.states_length;
        length -= PAYLOAD_PREFIX + accept.states_length;
    }
    if (length < PAYLOAD_PREFIX) {
        return false;
    }
    accept.envelope_length = bytes_u32(bytes);
    accept.header_length = bytes_u32(bytes + 4);
    accept.body_length = bytes_u32(bytes + 8);
    if (accept.envelope_length + accept.header_length + accept.body_length !=
        length - PAYLOAD_PREFIX) {
        return false;
    }
    accept.envelope = bytes + PAYLOAD_PREFIX;
    accept.header = accept.envelope + accept.envelope_length;
    accept.body = accept.header + accept.header_length;
    *out_accept = accept;
    return true;
}

void payload_accept_prefix(size_t envelope_length, size_t header_length,
                           size_t body_length, uint8_t out_prefix[PAYLOAD_PREFIX])
{
    bytes_put_u32(out_prefix, (uint32_t)envelope_length);
    bytes_put_u32(out_prefix + 4, (uint32_t)header_length);
    bytes_put_u32(out_prefix + 8, (uint32_t)body_length);
    bytes_put_u32(out_prefix + 12, 0);
}

void payload_copy_prefix(uint64_t origin, size_t states_length,
                         uint8_t out_prefix[PAYLOAD_PREFIX])
{
    bytes_put_u64(out_prefix, origin);
    bytes_put_u32(out_prefix + 8, (uint32_t)states_length);
    bytes_put_u32(out_prefix + 12, 0);
}
