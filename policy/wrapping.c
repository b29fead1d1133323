#include "policy/wrapping.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Of a mailbox in angle brackets; longer ones are no mailboxes (RFC 5321 4.5.3.1). */
#define MAILBOX_MOST 320

/* The length of "<local@domain>" at this place, 0 when it is none. */
static size_t mailbox_length(const char *at)
{
    size_t length = 1;
    size_t ats = 0;

    while (length < MAILBOX_MOST && at[length] != '\0' && at[length] != '>' &&
           at[length] != '<' && at[length] != ' ') {
        ats += at[length] == '@' ? 1 : 0;
        length++;
    }
    return at[length] == '>' && ats > 0 ? length + 1 : 0;
}

/* Where the note of a log begins, or the end of the text. */
static size_t note_begin(const char *text)
{
    static const char words[] = "(in reply to ";
    size_t length = strlen(text);
    const char *note = NULL;

    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words)) {
        note = at;
    }
    if (note == NULL || text[length - 1] != ')' ||
        strchr(note, ')') != text + length - 1) {
        return length;
    }
    return (size_t)(note - text);
}

void wrapping_strip(const char *text, char *out, size_t size)
{
    static const char anybody[] = "<a@b>";
    size_t end = note_begin(text);
    size_t used = 0;
    assert(size >= 1);

    for (size_t i = 0; i < end && used + 1 < size;) {
        size_t mailbox = text[i] == '<' ? mailbox_length(text + i) : 0;
        if (mailbox > 0 && i + mailbox <= end && used + sizeof(anybody) < size) {
            memcpy(out + used, anybody, sizeof(anybody) - 1);
            used += sizeof(anybody) - 1;
            i += mailbox;
        } else {
            char byte = text[i++];
            bool is_blank = byte == ' ' || byte == '\t';
            if (is_blank) {
                byte = ' ';
            }
            if (!is_blank || used == 0 || out[used - 1] != ' ') {
                out[used++] = byte;
            }
        }
    }
    out[used] = '\0';
}
