/* Bounded, case-blind matching of names and of what servers say.
 *
 * Two little languages. A glob ("*.google.com") matches a whole name. A phrase pattern
 * ("blocked using|listed*rbl>") is searched for anywhere in a text: alternatives apart by
 * '|', each a row of words apart by '*' that must come in that order. Neither backtracks
 * further than one position, so the worst case is length of text times length of pattern.
 * Any thread; no state. */

#ifndef POLICY_MATCH_H
#define POLICY_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_TEXT_BYTES   1280 /* a reply's text, and room for what folding adds */
#define MATCH_TRIPLE_WORDS 64   /* 4,096 bits: a reply has some 200 triples */

/* How far apart two words of one phrase may be; further apart they are two sentences. */
#define MATCH_GAP_BYTES 160

/* Does the whole of text match glob? '*' is any run, '?' any one byte, letters of ASCII
 * match whatever their case. A trailing dot of text is not looked at. */
bool match_glob(const char *glob, const char *text);

/* A text made ready to be searched by many patterns. */
struct match_text {
    char folded[MATCH_TEXT_BYTES]; /* see match_fold */
    size_t length;
    uint64_t triples[MATCH_TRIPLE_WORDS]; /* which rows of three bytes occur: most
                                             patterns end here */
};

/* Fold and index. Text beyond MATCH_TEXT_BYTES - 1 folded bytes is not looked at. */
void match_prepare(struct match_text *text, const char *raw);

/* Find the phrase pattern in the text. In a pattern '<' stands for the start of a word,
 * '>' for the end of one (where scripts
 * meet, too), '#' for one or more digits, '^' for the start of the text and
 * '$' for its end; everything else is itself, in folded form. True when an alternative
 * was found. An empty alternative is found everywhere. */
bool match_phrase(const char *pattern, const struct match_text *text);

/* Write text in the form that phrases are written in: ASCII lower case, Latin letters
 * without their accents, Cyrillic and Greek in lower case, runs of blanks as one, control
 * bytes as blanks. Bytes that are no UTF-8 are kept as Latin-1 letters are. At most
 * size - 1 bytes are written, and a terminator. Returns the length written. size >= 1. */
size_t match_fold(const char *text, char *out_folded, size_t size);

#endif
