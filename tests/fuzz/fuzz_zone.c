/* A time zone file: no bytes crash the parser, and what it takes gives days without gap.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone *zone = NULL;
    struct errmsg err;
    if (zone_parse(&zone, data, size, &err) < 0) {
        return 0;
    }
    int64_t at = 1764000000;
    for (int i = 0; i < 10; i++) {
        int32_t offset = zone_offset_s(zone, at);
        assert(offset >= -26 * 3600 && offset <= 26 * 3600);
        struct zone_day day = zone_day_at(zone, at, 3600);
        assert(day.starts_unix_s <= at);
        assert(day.ends_unix_s > at);
        at = day.ends_unix_s;
    }
    zone_free(zone);
    return 0;
}
