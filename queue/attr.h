/* Tagged values: how envelopes and changes are written, so that old readers skip what new
 * writers add. A value is u16 tag, u32 length, bytes; little-endian, unaligned.
 *
 * The writer appends to a buffer the caller has; the first value that does not fit marks
 * the writer full and everything after it is dropped, so one check at the end is enough.
 * The reader never reads outside its bytes. No allocation. Any thread. */

#ifndef QUEUE_ATTR_H
#define QUEUE_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTR_HEAD_BYTES 6

struct attr_writer {
    uint8_t *bytes; /* borrowed */
    size_t capacity;
    size_t used;
    bool full; /* something did not fit */
};

struct attr_reader {
    const uint8_t *at; /* borrowed */
    size_t left;
    bool broken; /* a length pointed past the end */
};

struct attr {
    uint16_t tag;
    uint32_t length;
    const uint8_t *bytes; /* borrowed from the reader's bytes */
};

void attr_writer_init(struct attr_writer *writer, void *bytes, size_t capacity);
void attr_put(struct attr_writer *writer, uint16_t tag, const void *bytes, size_t length);
void attr_put_u64(struct attr_writer *writer, uint16_t tag,
                  uint64_t value); /* shortest form */

/* Write text with its terminating NUL; NULL and "" write nothing. */
void attr_put_text(struct attr_writer *writer, uint16_t tag, const char *text);

/* Begin a value that holds values; give the mark to attr_end when its content is written.
 */
size_t attr_begin(struct attr_writer *writer, uint16_t tag);
void attr_end(struct attr_writer *writer, size_t mark);

void attr_reader_init(struct attr_reader *reader, const void *bytes, size_t length);

/* False at the end, and when the next value is cut off (then broken is set). */
bool attr_next(struct attr_reader *reader, struct attr *out_attr);

/* False when the value is longer than 8 bytes. */
bool attr_u64(const struct attr *attr, uint64_t *out_value);

/* False when it does not end in its only NUL, is longer than limit bytes without it, or
 * holds a control byte (below 0x20, or 0x7f). */
bool attr_text(const struct attr *attr, size_t limit, const char **out_text);

/* True when text may be stored under attr_text's rules. */
bool attr_text_is_clean(const char *text, size_t limit);

#endif
