/* A message that comes back: whatever it is, texts stay within their bounds. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/report.h"
#include "relay/verp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct report report;
    struct verp verp;
    char local[256];

    report_read((const char *)data, size, size % 2 == 0, &report);
    assert(report.rcpt_count <= REPORT_RCPTS);
    for (unsigned i = 0; i < report.rcpt_count; i++) {
        assert(strlen(report.rcpts[i].final) < REPORT_ADDRESS);
        assert(strlen(report.rcpts[i].diagnostic) < REPORT_DIAGNOSTIC);
    }
    assert(strlen(report.trace) < REPORT_ADDRESS);
    size_t length = size < sizeof local ? size : sizeof local - 1;
    memcpy(local, data, length);
    local[length] = '\0';
    if (verp_read(local, &verp)) {
        assert(strlen(verp.recipient) < VERP_RCPT_BYTES);
    }
    return 0;
}
