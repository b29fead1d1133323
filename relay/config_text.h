/* The files of a configuration as one text, each line knowing its file.
 *
 * Includes are resolved here and not by libconfig, whose lexer ends the process when a
 * file cannot be read and looks for it in the working directory. What libconfig 1.5 reads
 * wrongly without a word is found here too: numbers that overflow, octal
 * look-alikes, escapes it does not know, units without quotes. For loading only. */

#ifndef RELAY_CONFIG_TEXT_H
#define RELAY_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

struct config_notes;

struct config_text_place {
    uint32_t file; /* index into files */
    uint32_t line;
};

struct config_text {
    char *text; /* owned; terminated */
    size_t bytes;
    size_t room;
    struct config_text_place *places; /* owned; one for each line of text */
    size_t place_count;
    size_t place_room;
    char **files; /* owned, each of them too */
    size_t file_count;
    bool may_include;
};

/* Read the file and what it includes. 0, or -EINVAL when the text is not fit to be
 * parsed. An error noted does not always mean -EINVAL: parsing on finds the others.
 * The caller clears *text in both cases. */
ATTR_MUST_CHECK int config_text_read(struct config_text *text, const char *path,
                                     struct config_notes *notes);

/* As config_text_read, of bytes in memory that may not include files. */
ATTR_MUST_CHECK int config_text_scan(struct config_text *text, const char *content,
                                     size_t bytes, const char *name,
                                     struct config_notes *notes);

void config_text_clear(struct config_text *text);

/* The file and the line in it of a line (from 1) of the whole text. The file name is
 * borrowed from *text. */
const char *config_text_place(const struct config_text *text, unsigned line,
                              unsigned *file_line);

#endif
