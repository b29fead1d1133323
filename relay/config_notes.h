/* What is wrong or doubtful in a configuration, each with its file and line.
 *
 * Loading goes on after an error, so that one run of `mesurad -t` tells all of them. A
 * list holds at most LIMIT_CONFIG_NOTES notes; what comes after is only counted.
 * Owned by one thread. */

#ifndef RELAY_CONFIG_NOTES_H
#define RELAY_CONFIG_NOTES_H

#include <stddef.h>
#include <stdio.h>

#include "queue/errmsg.h"

enum config_note_kind {
    CONFIG_NOTE_ERROR,   /* the file cannot be used */
    CONFIG_NOTE_WARNING, /* it can, but the administrator may not mean it */
};

#define CONFIG_NOTE_FILE_BYTES 256
#define CONFIG_NOTE_TEXT_BYTES 512

struct config_note {
    enum config_note_kind kind;
    unsigned line; /* 0: no line, the file as a whole */
    char file[CONFIG_NOTE_FILE_BYTES];
    char text[CONFIG_NOTE_TEXT_BYTES]; /* what is wrong and what would be right */
};

struct config_notes {
    struct config_note *items; /* owned */
    size_t count;
    size_t room;
    size_t errors;   /* all of them, those that found no room included */
    size_t warnings; /* likewise */
};

void config_notes_init(struct config_notes *notes);

/* Frees the notes; the list is empty and usable afterwards. */
void config_notes_clear(struct config_notes *notes);

void config_notes_error(struct config_notes *notes, const char *file, unsigned line,
                        const char *format, ...) ATTR_PRINTF(4, 5);
void config_notes_warn(struct config_notes *notes, const char *file, unsigned line,
                       const char *format, ...) ATTR_PRINTF(4, 5);

/* One note a line, "FILE:LINE: text" or "FILE:LINE: warning: text", in the order of files
 * as first met and lines, then how many found no room. */
void config_notes_print(const struct config_notes *notes, FILE *out);

#endif
