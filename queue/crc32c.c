#include "queue/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define CRC32C_POLYNOMIAL 0x82f63b78U /* reflected */

static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ CRC32C_POLYNOMIAL : crc >> 1;
        }
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int row = 1; row < 8; row++) {
            uint32_t above = tables[row - 1][i];
            tables[row][i] = (above >> 8) ^ tables[0][above & 0xff];
        }
    }
}

uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t length)
{
    (void)pthread_once(&tables_once, fill_tables);
    const uint8_t *at = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 |
                              (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^
              tables[5][(low >> 16) & 0xff] ^ tables[4][low >> 24] ^ tables[3][at[4]] ^
              tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
        at += 8;
        length -= 8;
    }
    while (length > 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
        at++;
        length--;
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(uint32_t crc,
                                                             const void *bytes,
                                                             size_t length)
{
    const uint8_t *at = bytes;
    uint64_t sum = (uint32_t)~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        sum = __builtin_ia32_crc32di(sum, word);
        at += 8;
        length -= 8;
    }
    uint32_t narrow = (uint32_t)sum;
    while (length > 0) {
        narrow = __builtin_ia32_crc32qi(narrow, *at);
        at++;
        length--;
    }
    return ~narrow;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t length)
{
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_sse(crc, bytes, length);
    }
    return crc32c_portable(crc, bytes, length);
}
#else
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length)
{
    return crc32c_portable(crc, bytes, length);
}
#endif
