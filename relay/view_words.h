/* What a gate says, in words: its value against its limit, whose decision it is, since
 * when, on which reply. Core thread. */

#ifndef RELAY_VIEW_WORDS_H
#define RELAY_VIEW_WORDS_H

#include "policy/gate.h"

#include "queue/errmsg.h"

struct api_gate;
struct view_path;
struct view_words;

/* Fill words, and since_unix_ms of the gate. The path has been asked; its lane is there
 * when the gate is a lane's. words begins empty. */
void view_words_of(const struct view_path *path, enum gate gate, struct view_words *words,
                   struct api_gate *gate_row);

/* Print into one of the texts of words (VIEW_TEXT bytes), cut. */
void view_words_put(char *out, const char *format, ...) ATTR_PRINTF(2, 3);

#endif
