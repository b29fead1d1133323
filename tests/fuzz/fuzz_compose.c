/* What applications post: no bytes crash the composer, and no text of theirs begins a
 * header line of its own. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/compose.h"
#include "relay/entropy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compose composed;
    struct errmsg err = {""};
    if (entropy_start(&err) != 0) {
        abort();
    }
    if (compose_json(&composed, (const char *)data, size, &err) == 0) {
        const char *end = strstr(composed.content.bytes, "\r\n\r\n");
        assert(end != NULL);
        assert(composed.recipient_count > 0);
        for (const char *at = composed.content.bytes; at < end;) {
            const char *next = strstr(at, "\r\n");
            assert(next != NULL);
            assert(memchr(at, '\r', (size_t)(next - at)) == NULL);
            assert(memchr(at, '\n', (size_t)(next - at)) == NULL);
            at = next + 2;
        }
    } else {
        assert(err.text[0] != '\0');
    }
    compose_done(&composed);
    if (compose_message(&composed, "", "", (const char *)data, size, &err) == 0) {
        assert(composed.content.length == size);
    }
    compose_done(&composed);
    return 0;
}
