/* CRC-32C (Castagnoli), by hardware where the processor has it. Any thread. */

#ifndef QUEUE_CRC32C_H
#define QUEUE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Extend crc (0 to begin) over length bytes. crc32c(crc32c(0, a), b) is the sum of ab. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

/* The same without the hardware; for tests and for processors that have none. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t length);

#endif
