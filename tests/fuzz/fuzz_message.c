/* Headers: the same block, facts and body in any cut; the built block has only fields, no
 * private ones, and keeps its bounds. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "relay/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct message_trace trace = {.hostname = "r.example",
                                           .helo = "x\r\ny",
                                           .client_ip = "::1",
                                           .client_name = "",
                                           .protocol = "ESMTP",
                                           .id = "1",
                                           .tls = "",
                                           .only_rcpt = "a@b",
                                           .unix_ms = 1};

static size_t read_message(struct message *message, const char *bytes, size_t size,
                           size_t step)
{
    size_t at = 0;
    message_init(message);
    while (at < size && !message->header_done) {
        size_t part = step < size - at ? step : size - at;
        at += message_feed(message, bytes + at, part);
    }
    message_end(message);
    return at;
}

static void check_built(const struct message *message)
{
    struct textbuf out;
    struct message_field field;
    size_t at = 0;
    size_t end = 0;

    textbuf_init(&out, 2 * LIMIT_HEADER_BYTES);
    message_build(message, &trace, "X-Extra: y\r\n", &out);
    assert(!out.failed);
    assert(strncmp(out.bytes, "Received: ", 10) == 0);
    while (message_next_field(out.bytes, out.length, &at, &field)) {
        assert(!message_field_is(&field, "Bcc"));
        assert(field.name_length < 9 || strncasecmp(field.name, "X-Mesura-", 9) != 0);
        end = field.end;
    }
    assert(end > 0);
    textbuf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct message at_once;
    static struct message slowly;
    const char *bytes = (const char *)data;
    size_t prefix = 0;
    size_t slow_prefix = 0;

    size_t taken = read_message(&at_once, bytes, size, size + 1);
    size_t slow_taken = read_message(&slowly, bytes, size, 1);
    assert(taken == slow_taken);
    assert(at_once.block_length == slowly.block_length);
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): both began as zeros */
    assert(memcmp(&at_once.facts, &slowly.facts, sizeof at_once.facts) == 0);
    assert(at_once.refusal.code == slowly.refusal.code);
    const char *body = message_prefix(&at_once, &prefix);
    (void)message_prefix(&slowly, &slow_prefix);
    assert(prefix == slow_prefix);
    assert(prefix <= taken);
    assert(prefix == 0 || memcmp(body, bytes + taken - prefix, prefix) == 0);
    if (message_check(&at_once).code == 0) {
        check_built(&at_once);
    }
    message_done(&at_once);
    message_done(&slowly);
    return 0;
}
