/* Where a record is: value type, header only. */

#ifndef QUEUE_PLACE_H
#define QUEUE_PLACE_H

#include <stdint.h>

struct place {
    uint64_t segment; /* number of the segment file; 0 = nowhere (numbers begin at 1) */
    uint32_t offset;  /* of the record's header in the file */
    uint32_t
        length; /* header, payload and nothing else; 0 when only the start is known */
};

#endif
