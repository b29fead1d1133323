#include "policy/match.h"

#include <assert.h>
#include <string.h>

static char lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte + 32);
    }
    return byte;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Bytes above ASCII are letters here: words of other scripts have edges too. */
static bool is_word(char byte)
{
    char small = lower(byte);
    return (small >= 'a' && small <= 'z') || is_digit(byte) ||
           ((unsigned char)byte & 0x80);
}

bool match_glob(const char *glob, const char *text)
{
    size_t length = strlen(text);
    const char *star = NULL;
    size_t retry = 0;
    size_t at = 0;

    if (length > 0 && text[length - 1] == '.') {
        length--;
    }
    while (at < length) {
        if (*glob == '*') {
            star = glob++;
            retry = at;
        } else if (*glob != '\0' && (*glob == '?' || lower(*glob) == lower(text[at]))) {
            glob++;
            at++;
        } else if (star != NULL) {
            glob = star + 1;
            at = ++retry;
        } else {
            return false;
        }
    }
    while (*glob == '*') {
        glob++;
    }
    return *glob == '\0';
}

static uint32_t triple_bit(const char *at)
{
    uint32_t triple = ((uint32_t)(unsigned char)at[0] << 16) |
                      ((uint32_t)(unsigned char)at[1] << 8) | (unsigned char)at[2];
    return (triple * UINT32_C(2654435761)) >> 20;
}

void match_prepare(struct match_text *text, const char *raw)
{
    text->length = match_fold(raw, text->folded, sizeof(text->folded));
    memset(text->triples, 0, sizeof(text->triples));
    for (size_t i = 0; i + 2 < text->length; i++) {
        uint32_t bit = triple_bit(text->folded + i);
        text->triples[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
}

static bool is_special(char byte)
{
    return byte == '<' || byte == '>' || byte == '#' || byte == '^' || byte == '$';
}

/* Can the word be in the text at all? Looks at its first three plain bytes in a row. */
static bool may_occur(const char *word, const char *end, const struct match_text *text)
{
    for (const char *at = word; end - at >= 3; at++) {
        if (is_special(at[2])) {
            at += 2;
        } else if (!is_special(at[0]) && !is_special(at[1])) {
            uint32_t bit = triple_bit(at);
            return (text->triples[bit / 64] >> (bit % 64)) & 1;
        }
    }
    return true;
}

/* Do a script that sets no blanks between words (Chinese, Japanese, Korean: U+3000 and
 * beyond) and another one meet here? "IP地址" is two words. Not at the ends of the text.
 */
static bool scripts_meet(const char *begin, const char *at)
{
    const char *before = at - 1;

    if (at == begin) {
        return false;
    }
    while (before > begin && ((unsigned char)*before & 0xC0) == 0x80) {
        before--;
    }
    return ((unsigned char)*before >= 0xE3) != ((unsigned char)*at >= 0xE3);
}

/* Match one word of a phrase at this place; returns where it ends, or NULL. */
static const char *match_here(const char *word, const char *word_end,
                              const struct match_text *text, const char *at)
{
    const char *begin = text->folded;
    const char *end = text->folded + text->length;

    for (; word < word_end; word++) {
        bool good = false;
        switch (*word) {
        case '<':
            good = at == begin || !is_word(at[-1]) || scripts_meet(begin, at);
            break;
        case '>': good = at == end || !is_word(*at) || scripts_meet(begin, at); break;
        case '^': good = at == begin; break;
        case '$': good = at == end; break;
        case '#':
            good = at < end && is_digit(*at);
            while (good && at < end && is_digit(*at)) {
                at++;
            }
            break;
        default:
            good = at < end && *at == *word;
            at += good ? 1 : 0;
            break;
        }
        if (!good) {
            return NULL;
        }
    }
    return at;
}

/* The first place from `at` on, not beyond `last`, where the word matches. */
static const char *find_word(const char *word, const char *word_end,
                             const struct match_text *text, const char *at,
                             const char *last, const char **out_end)
{
    bool plain = word < word_end && !is_special(*word);

    for (; at <= last; at++) {
        if (plain) {
            at = memchr(at, *word,
                        (size_t)(last - at) + (last < text->folded + text->length));
            if (at == NULL) {
                return NULL;
            }
        }
        const char *end = match_here(word, word_end, text, at);
        if (end != NULL) {
            *out_end = end;
            return at;
        }
    }
    return NULL;
}

static const char *word_end_of(const char *word, const char *end)
{
    const char *star = memchr(word, '*', (size_t)(end - word));
    return star != NULL ? star : end;
}

/* The words after the first, each as near as can be. */
static bool match_rest(const char *word, const char *end, const struct match_text *text,
                       const char *at)
{
    const char *text_end = text->folded + text->length;

    while (word < end) {
        const char *word_end = word_end_of(word, end);
        const char *last =
            text_end - at > MATCH_GAP_BYTES ? at + MATCH_GAP_BYTES : text_end;
        if (find_word(word, word_end, text, at, last, &at) == NULL) {
            return false;
        }
        word = word_end < end ? word_end + 1 : end;
    }
    return true;
}

static bool match_alternative(const char *word, const char *end,
                              const struct match_text *text)
{
    const char *text_end = text->folded + text->length;
    const char *word_end = word_end_of(word, end);
    const char *rest = word_end < end ? word_end + 1 : end;
    const char *at = text->folded;
    const char *after = NULL;

    if (!may_occur(word, word_end, text) ||
        (rest < end && !may_occur(rest, word_end_of(rest, end), text))) {
        return false;
    }
    while ((at = find_word(word, word_end, text, at, text_end, &after)) != NULL) {
        if (match_rest(rest, end, text, after)) {
            return true;
        }
        at++;
        if (at > text_end) {
            return false;
        }
    }
    return false;
}

/* Most alternatives end here: their first three bytes are plain and not in the text. */
static bool begins_elsewhere(const char *alternative, const struct match_text *text)
{
    for (int i = 0; i < 3; i++) {
        char byte = alternative[i];
        if (byte == '\0' || byte == '|' || byte == '*' || is_special(byte)) {
            return false;
        }
    }
    uint32_t bit = triple_bit(alternative);
    return ((text->triples[bit / 64] >> (bit % 64)) & 1) == 0;
}

bool match_phrase(const char *pattern, const struct match_text *text)
{
    const char *alternative = pattern;

    for (;;) {
        bool is_elsewhere = begins_elsewhere(alternative, text);
        const char *end = strchr(alternative, '|');
        const char *last = end != NULL ? end : alternative + strlen(alternative);
        if (!is_elsewhere && match_alternative(alternative, last, text)) {
            return true;
        }
        if (end == NULL) {
            return false;
        }
        alternative = end + 1;
    }
}

/* U+00C0 .. U+017F without their marks, one letter each; '.' keeps the character. */
static const char latin[] =
    "aaaaaaaceeeeiiiidnooooo.ouuuuy..aaaaaaaceeeeiiiidnooooo.ouuuuy.y"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkk.lllllll"
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/* The code point at text[0]; *out_bytes is how many bytes it has. What is no UTF-8 is
 * taken as a byte of Latin-1. */
static uint32_t decode(const unsigned char *text, size_t *out_bytes)
{
    *out_bytes = 1;
    if (text[0] >= 0xC2 && text[0] <= 0xDF && (text[1] & 0xC0) == 0x80) {
        *out_bytes = 2;
        return ((uint32_t)(text[0] & 0x1F) << 6) | (text[1] & 0x3FU);
    }
    if (text[0] >= 0xE0 && text[0] <= 0xEF && (text[1] & 0xC0) == 0x80 &&
        (text[2] & 0xC0) == 0x80) {
        *out_bytes = 3;
        return ((uint32_t)(text[0] & 0x0F) << 12) | ((uint32_t)(text[1] & 0x3F) << 6) |
               (text[2] & 0x3FU);
    }
    if (text[0] >= 0xF0 && text[0] <= 0xF4 && (text[1] & 0xC0) == 0x80 &&
        (text[2] & 0xC0) == 0x80 && (text[3] & 0xC0) == 0x80) {
        *out_bytes = 4;
        return 0x10000; /* nothing beyond the basic plane is folded */
    }
    return text[0];
}

/* One code point -> its folded one; 0: leave it out. */
static uint32_t fold_code(uint32_t code)
{
    if (code < 0x80) {
        return code <= 0x20 || code == 0x7F ? ' '
                                            : (uint32_t)(unsigned char)lower((char)code);
    }
    if (code >= 0xC0 && code <= 0x17F && latin[code - 0xC0] != '.') {
        return (uint32_t)(unsigned char)latin[code - 0xC0];
    }
    if ((code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F)) {
        return code + 32;
    }
    if (code == 0x401 || code == 0x451) {
        return 0x435; /* io is written as ie by most */
    }
    if (code >= 0x400 && code <= 0x40F) {
        return code + 80;
    }
    if (code >= 0x300 && code <= 0x36F) {
        return 0;
    }
    if (code == 0x2018 || code == 0x2019) {
        return '\'';
    }
    return code == 0xA0 || code == 0x3000 ? ' ' : code;
}

static size_t encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | (code >> 6));
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    out[0] = (char)(0xE0 | (code >> 12));
    out[1] = (char)(0x80 | ((code >> 6) & 0x3F));
    out[2] = (char)(0x80 | (code & 0x3F));
    return 3;
}

size_t match_fold(const char *text, char *out_folded, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length = 0;
    assert(size >= 1);

    while (*at != '\0' && length + 4 < size) {
        size_t bytes = 1;
        uint32_t code = decode(at, &bytes);
        if (bytes == 4) {
            memcpy(out_folded + length, at, 4);
            length += 4;
        } else {
            code = fold_code(code);
            bool blank = code == ' ' && (length == 0 || out_folded[length - 1] == ' ');
            if (code == 0xDF) {
                out_folded[length++] = 's'; /* and below once more: sharp s is two */
                code = 's';
            }
            if (code != 0 && !blank) {
                length += encode(code, out_folded + length);
            }
        }
        at += bytes;
    }
    out_folded[length] = '\0';
    return length;
}
