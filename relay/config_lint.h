/* Reads a line of configuration before libconfig does, for what libconfig 1.5 takes
 * without a word and understands wrongly.
 *
 * 3000000000 becomes negative there unless an L follows, and an array must have all of
 * its numbers with an L or none: every whole number gets its L here. 010 is ten and
 * not eight, \x00 ends a value, a string may swallow the next lines, and brackets nest
 * until the stack ends: these are errors here. Lines come in order, without their ends.
 */

#ifndef RELAY_CONFIG_LINT_H
#define RELAY_CONFIG_LINT_H

#include <stdbool.h>
#include <stddef.h>

struct config_notes;

/* Takes the bytes that libconfig shall see. */
typedef void (*config_lint_cb)(void *owner, const char *bytes, size_t count);

struct config_lint {
    config_lint_cb put_cb;
    void *owner;     /* borrowed: handed to put_cb */
    bool in_comment; /* within slash-star; the line ended before it did */
    unsigned nesting;
    bool is_unfit; /* libconfig must not see the text: it would overflow or leak */
};

struct config_lint_line {
    const char *file;
    unsigned number;
    const char *bytes;
    size_t count;
};

void config_lint_line(struct config_lint *lint, const struct config_lint_line *line,
                      struct config_notes *notes);

#endif
