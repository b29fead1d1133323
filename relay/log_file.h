/* One file that is only appended to: buffered, reopened by name, and never in the way.
 *
 * A failed write costs the lines in the buffer, which are counted; the next write begins
 * with a line end when a line was torn. One thread. */

#ifndef RELAY_LOG_FILE_H
#define RELAY_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

struct log_file {
    char *path; /* owned; NULL for a file that is not wanted, or given as a descriptor */
    int fd;     /* -1: none */
    char *data; /* owned; lines not yet written */
    size_t used;
    size_t size;
    uint64_t waiting; /* lines in data */
    uint64_t written; /* lines, since the start */
    uint64_t failed;  /* lines lost */
    int last_errno;   /* of the last write; 0 when it went well */
    bool is_torn;     /* the file ends in a piece of a line */
};

/* Open path for appending, made with mode 0640; "" wants no file. Lines are gathered in
 * size_bytes. Returns 0, or a negative errno. */
ATTR_MUST_CHECK int log_file_open(struct log_file *file, const char *path,
                                  size_t size_bytes, struct errmsg *err);

/* Append to a descriptor the caller keeps (stderr). */
void log_file_init_fd(struct log_file *file, int fd, size_t size_bytes);

/* Open the path again; on an error the old file stays in use. Flushes first. */
ATTR_MUST_CHECK int log_file_reopen(struct log_file *file, struct errmsg *err);

/* Take size bytes holding lines whole lines. At most the size given at the start. */
void log_file_add(struct log_file *file, const char *data, size_t size, uint64_t lines);

/* Write what is gathered. */
void log_file_flush(struct log_file *file);

/* Flush, close, free. */
void log_file_done(struct log_file *file);

#endif
