#include "relay/config_lint.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_notes.h"
#include "relay/limits.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

/* Behind the closing quote of the string that opens at `at`. */
static size_t lint_string(struct config_lint *lint, const struct config_lint_line *line,
                          size_t at, struct config_notes *notes)
{
    for (at++; at < line->count; at++) {
        if (line->bytes[at] == '"') {
            return at + 1;
        }
        if (line->bytes[at] != '\\') {
            continue;
        }
        at++;
        if (at < line->count && line->bytes[at] != '"' && line->bytes[at] != '\\') {
            config_notes_error(notes, line->file, line->number,
                               "\\%c means nothing here; write \\\\ for a backslash and "
                               "\\\" for a quote",
                               line->bytes[at]);
        }
    }
    config_notes_error(notes, line->file, line->number,
                       "a text that starts on this line has no closing quote");
    lint->is_unfit = true;
    return line->count;
}

/* Behind the comment's end, or the line's; in_comment says which. */
static size_t lint_comment(struct config_lint *lint, const struct config_lint_line *line,
                           size_t at)
{
    for (; at + 1 < line->count; at++) {
        if (line->bytes[at] == '*' && line->bytes[at + 1] == '/') {
            lint->in_comment = false;
            return at + 2;
        }
    }
    lint->in_comment = true;
    return line->count;
}

static size_t number_end(const struct config_lint_line *line, size_t at)
{
    size_t start = at;

    for (at++; at < line->count; at++) {
        char c = line->bytes[at];
        bool exponent = (c == '+' || c == '-') && at > start + 1 &&
                        (line->bytes[at - 1] == 'e' || line->bytes[at - 1] == 'E');

        if (!isalnum((unsigned char)c) && c != '.' && !exponent) {
            break;
        }
    }
    return at;
}

enum number {
    NUMBER_GOOD,
    NUMBER_BARE, /* a whole number without its L */
    NUMBER_HUGE,
    NUMBER_OCTAL,
    NUMBER_UNIT, /* 10M, 20/s: text without quotes */
};

static enum number number_kind(const char *token)
{
    const char *digits = token + (*token == '-' || *token == '+');
    size_t count = strspn(digits, "0123456789");
    const char *rest = digits + count;

    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        unsigned long long hex;

        errno = 0;
        hex = strtoull(digits, NULL, 16);
        return errno != 0 || hex > INT32_MAX ? NUMBER_HUGE : NUMBER_GOOD;
    }
    if (*rest == '.' || *rest == 'e' || *rest == 'E') {
        char *end;

        (void)strtod(token, &end);
        return *end == '\0' ? NUMBER_GOOD : NUMBER_UNIT;
    }
    if (*rest != '\0' && strcmp(rest, "L") != 0 && strcmp(rest, "LL") != 0) {
        return NUMBER_UNIT;
    }
    if (digits[0] == '0' && count > 1) {
        return NUMBER_OCTAL;
    }
    errno = 0;
    (void)strtoll(token, NULL, 10);
    if (errno != 0) {
        return NUMBER_HUGE;
    }
    return *rest == '\0' ? NUMBER_BARE : NUMBER_GOOD;
}

/* Behind the number at `at`, which is handed on with its L. */
static size_t lint_number(struct config_lint *lint, const struct config_lint_line *line,
                          size_t at, struct config_notes *notes)
{
    char token[64];
    size_t end = number_end(line, at);
    size_t count = end - at < sizeof token ? end - at : sizeof token - 1;

    memcpy(token, line->bytes + at, count);
    token[count] = '\0';
    lint->put_cb(lint->owner, line->bytes + at, end - at);
    switch (number_kind(token)) {
    case NUMBER_GOOD: break;
    case NUMBER_BARE: lint->put_cb(lint->owner, "L", 1); break;
    case NUMBER_HUGE:
        config_notes_error(notes, line->file, line->number, "%s is too large a number",
                           token);
        break;
    case NUMBER_OCTAL:
        config_notes_error(
            notes, line->file, line->number,
            "%s starts with a zero; write it without, it is read as decimal", token);
        break;
    case NUMBER_UNIT:
        config_notes_error(
            notes, line->file, line->number,
            "%s is not a number; a value with a unit stands in quotes, such "
            "as \"10M\", \"5m\" or \"20/s\"",
            token);
        break;
    }
    return end;
}

static void lint_bracket(struct config_lint *lint, const struct config_lint_line *line,
                         char c, struct config_notes *notes)
{
    if (strchr(")]}", c) != NULL) {
        lint->nesting -= lint->nesting > 0;
        return;
    }
    lint->nesting++;
    if (lint->nesting > LIMIT_CONFIG_NESTING && !lint->is_unfit) {
        lint->is_unfit = true;
        config_notes_error(notes, line->file, line->number,
                           "more than %d brackets are open here; was one not closed?",
                           LIMIT_CONFIG_NESTING);
    }
}

/* Behind the token at `at`, which is handed on. */
static size_t lint_token(struct config_lint *lint, const struct config_lint_line *line,
                         size_t at, struct config_notes *notes)
{
    const char *bytes = line->bytes;
    char c = bytes[at];
    char next = '\0';
    size_t end = at + 1;

    if (end < line->count) {
        next = bytes[end];
    }
    if (c == '#' || (c == '/' && next == '/')) {
        return line->count; /* a comment: libconfig need not see it */
    }
    if (c == '/' && next == '*') {
        return lint_comment(lint, line, at + 2);
    }
    if (isdigit((unsigned char)c) ||
        ((c == '-' || c == '+') && isdigit((unsigned char)next))) {
        return lint_number(lint, line, at, notes);
    }
    if (c == '"') {
        end = lint_string(lint, line, at, notes);
    } else if (isalpha((unsigned char)c) || c == '*') {
        while (end < line->count && is_word(bytes[end])) {
            end++;
        }
    } else if (c != '\0' && strchr("([{)]}", c) != NULL) {
        lint_bracket(lint, line, c, notes);
    }
    lint->put_cb(lint->owner, bytes + at, end - at);
    return end;
}

void config_lint_line(struct config_lint *lint, const struct config_lint_line *line,
                      struct config_notes *notes)
{
    size_t at = 0;

    assert(lint != NULL);
    assert(line != NULL);
    if (lint->in_comment) {
        at = lint_comment(lint, line, 0);
    }
    while (at < line->count) {
        at = lint_token(lint, line, at, notes);
    }
}
