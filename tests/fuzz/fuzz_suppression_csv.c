/* A file of suppressed recipients: every line is an entry or refused, none goes on for
 * ever. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/suppression_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct suppression_csv csv;
    struct suppression_entry entry;
    const char *wrong = "";
    size_t rounds = 0;
    int rc = 0;

    suppression_csv_init(&csv, (const char *)data, size, 0, 1700000000000);
    while ((rc = suppression_csv_next(&csv, &entry, &wrong)) != 0) {
        assert(rounds++ <= size);
        assert((rc == 1) == (wrong[0] == '\0'));
        assert(rc != 1 || strlen(entry.address) < SUPPRESSION_ADDRESS);
    }
    return 0;
}
