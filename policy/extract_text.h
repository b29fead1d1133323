/* A reply's text in small letters, place for place. Only for the extract_ files. */

#ifndef POLICY_EXTRACT_TEXT_H
#define POLICY_EXTRACT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define EXTRACT_TEXT_BYTES 1100 /* a reply's text; what is beyond is not looked at */

struct extract_text {
    char text[EXTRACT_TEXT_BYTES]; /* same places as in the original, ASCII letters small
                                    */
    size_t length;
};

static inline bool extract_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool extract_is_letter(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static inline void extract_lower(const char *text, struct extract_text *out)
{
    size_t i = 0;
    for (; i < EXTRACT_TEXT_BYTES - 1 && text[i] != '\0'; i++) {
        out->text[i] = text[i];
        if (text[i] >= 'A' && text[i] <= 'Z') {
            out->text[i] = (char)(text[i] + 32);
        }
    }
    out->text[i] = '\0';
    out->length = i;
}

/* A list's name in words, by how the sentence goes: "blocked using Trend Micro RBL+."
 * when is_using; else "listed by Invaluement", "is on the Acme Mail blacklist".
 * extract_name.c
 */
bool extract_name(const char *text, const struct extract_text *low, bool is_using,
                  char *out, size_t size);

/* At most size - 1 bytes of from[0..length), and a terminator. */
static inline void extract_copy(const char *from, size_t length, char *out, size_t size)
{
    size_t kept = length < size - 1 ? length : size - 1;
    memcpy(out, from, kept);
    out[kept] = '\0';
}

#endif
