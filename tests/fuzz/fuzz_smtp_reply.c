/* Replies: the same in one read and byte by byte, within their bounds, free of controls.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/smtp/ehlo.h"
#include "relay/smtp/reply_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ehlo ehlo;

static void on_line(void *owner, unsigned index, const char *text, size_t length)
{
    (void)owner;
    (void)index;
    ehlo_line(&ehlo, text, length);
}

static void check(const struct reply *reply)
{
    size_t length = strlen(reply->text);
    assert(length < REPLY_TEXT_BYTES);
    for (size_t i = 0; i < length; i++) {
        assert((unsigned char)reply->text[i] >= 0x20 && reply->text[i] != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply_parse parser;
    static struct reply_parse again;
    const char *bytes = (const char *)data;

    reply_parse_init(&parser, on_line, NULL);
    reply_parse_init(&again, NULL, NULL);
    for (size_t at = 0; at < size;) {
        size_t used = reply_parse_feed(&parser, bytes + at, size - at);
        for (size_t i = 0; i < used; i++) {
            (void)reply_parse_feed(&again, bytes + at + i, 1);
        }
        assert(used > 0);
        at += used;
        assert(parser.status == again.status || parser.status == REPLY_PARSE_BAD ||
               again.status == REPLY_PARSE_BAD);
        if (parser.status == REPLY_PARSE_MORE) {
            continue;
        }
        check(&parser.reply);
        if (parser.status == REPLY_PARSE_DONE) {
            assert(parser.reply.code >= 200 && parser.reply.code <= 599);
            assert(again.reply.code == parser.reply.code);
            assert(strcmp(again.reply.text, parser.reply.text) == 0);
        }
        reply_parse_reset(&parser);
        reply_parse_reset(&again);
    }
    return 0;
}
