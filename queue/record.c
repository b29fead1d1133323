#include "queue/record.h"

#include "queue/bytes.h"
#include "queue/crc32c.h"

#define RECORD_MAGIC UINT32_C(0x3152514d) /* "MQR1" */

static uint32_t head_sum(const uint8_t *bytes, uint64_t salt)
{
    uint8_t salted[8];
    bytes_put_u64(salted, salt);
    return crc32c(crc32c(0, salted, sizeof salted), bytes + 8, RECORD_HEAD - 8);
}

void record_encode(const struct record_head *head, uint64_t salt, uint8_t *out_bytes)
{
    bytes_put_u32(out_bytes, RECORD_MAGIC);
    bytes_put_u64(out_bytes + 8, head->segment);
    bytes_put_u64(out_bytes + 16, head->id);
    bytes_put_u32(out_bytes + 24, head->sequence);
    bytes_put_u32(out_bytes + 28, head->batch);
    bytes_put_u32(out_bytes + 32, head->length);
    bytes_put_u32(out_bytes + 36, head->checksum);
    bytes_put_u16(out_bytes + 40, head->kind);
    bytes_put_u16(out_bytes + 42, head->flags);
    bytes_put_u32(out_bytes + 44, 0);
    bytes_put_u32(out_bytes + 4, head_sum(out_bytes, salt));
}

bool record_decode(const uint8_t *bytes, uint64_t segment, uint64_t salt,
                   struct record_head *out_head)
{
    if (bytes_u32(bytes) != RECORD_MAGIC || bytes_u64(bytes + 8) != segment ||
        bytes_u32(bytes + 4) != head_sum(bytes, salt)) {
        return false;
    }
    *out_head = (struct record_head){
        .segment = segment,
        .id = bytes_u64(bytes + 16),
        .sequence = bytes_u32(bytes + 24),
        .batch = bytes_u32(bytes + 28),
        .length = bytes_u32(bytes + 32),
        .checksum = bytes_u32(bytes + 36),
        .kind = bytes_u16(bytes + 40),
        .flags = bytes_u16(bytes + 42),
    };
    return true;
}
