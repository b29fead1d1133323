/* Entries of the suppression list as comma separated values (RFC 4180), as other senders
 * export them: a first line with the columns' names, of which "address" must be there
 * ("email", "recipient" say the same); stream, cause, since, until and why may be.
 * Unknown columns are left alone. Without such a line the first column is the address.
 * Bytes from outside; pure; any thread. */

#ifndef RELAY_SUPPRESSION_CSV_H
#define RELAY_SUPPRESSION_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/suppression.h"

#define SUPPRESSION_CSV_COLUMNS 32
#define SUPPRESSION_CSV_FIELD   400 /* bytes of one value; a longer one is an error */

enum suppression_csv_column {
    SUPPRESSION_CSV_ADDRESS,
    SUPPRESSION_CSV_STREAM,
    SUPPRESSION_CSV_CAUSE,
    SUPPRESSION_CSV_SINCE,
    SUPPRESSION_CSV_UNTIL,
    SUPPRESSION_CSV_WHY,
    SUPPRESSION_CSV_KNOWN, /* how many */
};

struct suppression_csv {
    const char *at; /* borrowed */
    const char *end;
    uint64_t line; /* of what was read last; 1 is the first */
    int64_t now_ms;
    uint8_t columns[SUPPRESSION_CSV_COLUMNS]; /* which each is */
    bool is_begun;
};

/* line: the number of the line before the first. */
void suppression_csv_init(struct suppression_csv *csv, const char *text, size_t length,
                          uint64_t line, int64_t now_ms);

/* The next entry: 1; 0 at the end; -EINVAL and what is wrong with this line, go on. */
ATTR_MUST_CHECK int suppression_csv_next(struct suppression_csv *csv,
                                         struct suppression_entry *out_entry,
                                         const char **out_wrong);

#endif
