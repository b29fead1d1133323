#include "relay/config_notes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "relay/limits.h"

void config_notes_init(struct config_notes *notes)
{
    assert(notes != NULL);
    *notes = (struct config_notes){0};
}

void config_notes_clear(struct config_notes *notes)
{
    assert(notes != NULL);
    free(notes->items);
    config_notes_init(notes);
}

/* The next free note, or NULL when there are enough. */
static struct config_note *note_new(struct config_notes *notes)
{
    if (notes->count == LIMIT_CONFIG_NOTES) {
        return NULL;
    }
    if (notes->count == notes->room) {
        size_t room = notes->room == 0 ? 8 : notes->room * 2;
        struct config_note *items = realloc(notes->items, room * sizeof *items);

        if (items == NULL) {
            abort(); /* a bounded allocation: STYLE 3 */
        }
        notes->items = items;
        notes->room = room;
    }
    return &notes->items[notes->count++];
}

static void note_put(struct config_notes *notes, enum config_note_kind kind,
                     const char *file, unsigned line, const char *format, va_list args)
    __attribute__((format(printf, 5, 0)));

static void note_put(struct config_notes *notes, enum config_note_kind kind,
                     const char *file, unsigned line, const char *format, va_list args)
{
    struct config_note *note = note_new(notes);

    if (note == NULL) {
        return;
    }
    note->kind = kind;
    note->line = line;
    (void)snprintf(note->file, sizeof note->file, "%s", file);
    (void)vsnprintf(note->text, sizeof note->text, format, args);
    for (char *at = note->text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = '?'; /* a value of the file may hold anything; a terminal shows this */
        }
    }
}

void config_notes_error(struct config_notes *notes, const char *file, unsigned line,
                        const char *format, ...)
{
    va_list args;

    assert(notes != NULL);
    assert(file != NULL);
    notes->errors++;
    va_start(args, format);
    note_put(notes, CONFIG_NOTE_ERROR, file, line, format, args);
    va_end(args);
}

void config_notes_warn(struct config_notes *notes, const char *file, unsigned line,
                       const char *format, ...)
{
    va_list args;

    assert(notes != NULL);
    assert(file != NULL);
    notes->warnings++;
    va_start(args, format);
    note_put(notes, CONFIG_NOTE_WARNING, file, line, format, args);
    va_end(args);
}

/* The first note, from the start, of the same file: its place orders the files. */
static size_t file_rank(const struct config_notes *notes, const struct config_note *note)
{
    size_t i = 0;

    while (strcmp(notes->items[i].file, note->file) != 0) {
        i++;
    }
    return i;
}

static bool note_is_before(const struct config_notes *notes, const size_t *ranks,
                           size_t one, size_t other)
{
    if (ranks[one] != ranks[other]) {
        return ranks[one] < ranks[other];
    }
    if (notes->items[one].line != notes->items[other].line) {
        return notes->items[one].line < notes->items[other].line;
    }
    return one < other;
}

void config_notes_print(const struct config_notes *notes, FILE *out)
{
    size_t ranks[LIMIT_CONFIG_NOTES];
    size_t order[LIMIT_CONFIG_NOTES];

    assert(notes != NULL);
    assert(out != NULL);
    for (size_t i = 0; i < notes->count; i++) {
        size_t at = i;

        ranks[i] = file_rank(notes, &notes->items[i]);
        for (; at > 0 && note_is_before(notes, ranks, i, order[at - 1]); at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (size_t i = 0; i < notes->count; i++) {
        const struct config_note *note = &notes->items[order[i]];
        const char *label = note->kind == CONFIG_NOTE_WARNING ? "warning: " : "";

        if (note->line == 0) {
            (void)fprintf(out, "%s: %s%s\n", note->file, label, note->text);
        } else {
            (void)fprintf(out, "%s:%u: %s%s\n", note->file, note->line, label,
                          note->text);
        }
    }
    if (notes->errors + notes->warnings > notes->count) {
        (void)fprintf(out, "and %zu more\n",
                      notes->errors + notes->warnings - notes->count);
    }
}
