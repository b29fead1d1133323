#include <string.h>

#include "queue/attr.h"

#include "tests/support/test.h"

/* What is written is read back, in order, whatever the tags. */
TEST(attr, round_trip)
{
    uint8_t bytes[256];
    struct attr_writer writer;
    attr_writer_init(&writer, bytes, sizeof bytes);
    attr_put_u64(&writer, 1, 0);
    attr_put_u64(&writer, 2, UINT64_MAX);
    size_t mark = attr_begin(&writer, 3);
    attr_put_text(&writer, 4, "inside");
    attr_end(&writer, mark);
    attr_put_text(&writer, 5, "");
    cr_assert(!writer.full);

    struct attr_reader reader;
    struct attr attr;
    uint64_t value = 7;
    attr_reader_init(&reader, bytes, writer.used);
    cr_assert(attr_next(&reader, &attr));
    cr_assert(attr_u64(&attr, &value));
    cr_assert_eq(value, 0);
    cr_assert(attr_next(&reader, &attr));
    cr_assert(attr_u64(&attr, &value));
    cr_assert_eq(value, UINT64_MAX);
    cr_assert(attr_next(&reader, &attr));
    cr_assert_eq(attr.tag, 3);
    struct attr_reader inner;
    const char *text = NULL;
    attr_reader_init(&inner, attr.bytes, attr.length);
    cr_assert(attr_next(&inner, &attr));
    cr_assert(attr_text(&attr, 6, &text));
    cr_assert_str_eq(text, "inside");
    cr_assert(!attr_text(&attr, 5, &text));
    cr_assert(!attr_next(&reader, &attr));
    cr_assert(!reader.broken);
}

/* Every cut of a good row is seen as broken, or ends between two values. */
TEST(attr, cuts)
{
    uint8_t bytes[64];
    struct attr_writer writer;
    attr_writer_init(&writer, bytes, sizeof bytes);
    attr_put(&writer, 1, "abc", 3);
    attr_put(&writer, 2, "defg", 4);
    for (size_t length = 0; length < writer.used; length++) {
        struct attr_reader reader;
        struct attr attr;
        attr_reader_init(&reader, bytes, length);
        while (attr_next(&reader, &attr)) {
        }
        cr_assert_eq(reader.broken, length != 0 && length != ATTR_HEAD_BYTES + 3,
                     "length %zu", length);
    }
}

/* What does not fit marks the writer full and leaves no half value. */
TEST(attr, full)
{
    uint8_t bytes[ATTR_HEAD_BYTES + 3];
    struct attr_writer writer;
    attr_writer_init(&writer, bytes, sizeof bytes);
    attr_put(&writer, 1, "abcd", 4);
    cr_assert(writer.full);
    cr_assert_eq(writer.used, 0);
}

/* Control bytes and a missing NUL are no text. */
TEST(attr, texts)
{
    struct attr attr = {.tag = 1, .length = 4, .bytes = (const uint8_t *)"ab\nc"};
    const char *text = NULL;
    cr_assert(!attr_text(&attr, 10, &text));
    attr.bytes = (const uint8_t *)"a\0b";
    cr_assert(!attr_text(&attr, 10, &text));
    attr.length = 2;
    cr_assert(attr_text(&attr, 10, &text));
    cr_assert(attr_text_is_clean("h\xc3\xa9", 3));
    cr_assert(!attr_text_is_clean("abcd", 3));
    cr_assert(!attr_text_is_clean("a\r", 3));
}
