#include "relay/smtp/command.h"

#include <string.h>
#include <strings.h>

struct verb_row {
    const char *name;
    enum command_verb verb;
};

static const struct verb_row verbs[] = {
    {"HELO", COMMAND_HELO},         {"EHLO", COMMAND_EHLO},
    {"MAIL", COMMAND_MAIL},         {"RCPT", COMMAND_RCPT},
    {"DATA", COMMAND_DATA},         {"BDAT", COMMAND_BDAT},
    {"RSET", COMMAND_RSET},         {"NOOP", COMMAND_NOOP},
    {"QUIT", COMMAND_QUIT},         {"VRFY", COMMAND_VRFY},
    {"EXPN", COMMAND_EXPN},         {"HELP", COMMAND_HELP},
    {"STARTTLS", COMMAND_STARTTLS}, {"AUTH", COMMAND_AUTH},
    {"GET", COMMAND_FOREIGN},       {"POST", COMMAND_FOREIGN},
    {"CONNECT", COMMAND_FOREIGN},   {"HEAD", COMMAND_FOREIGN},
    {"PUT", COMMAND_FOREIGN},       {"OPTIONS", COMMAND_FOREIGN},
};

#define VERBS (sizeof verbs / sizeof verbs[0])

static enum command_verb find_verb(const char *line, size_t length)
{
    for (size_t i = 0; i < VERBS; i++) {
        if (strlen(verbs[i].name) == length &&
            strncasecmp(line, verbs[i].name, length) == 0) {
            return verbs[i].verb;
        }
    }
    /* "Subject: x" where a command belongs: a web form was made to post mail at us. */
    if (length > 1 && line[length - 1] == ':') {
        return COMMAND_FOREIGN;
    }
    return COMMAND_UNKNOWN;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

void command_parse(const char *line, size_t length, struct command *out)
{
    size_t verb = 0;
    while (verb < length && !is_space(line[verb])) {
        verb++;
    }
    size_t start = verb;
    while (start < length && is_space(line[start])) {
        start++;
    }
    size_t end = length;
    while (end > start && is_space(line[end - 1])) {
        end--;
    }
    out->verb = find_verb(line, verb);
    out->argument = line + start;
    out->argument_length = end - start;
    out->has_argument = end > start;
}

bool command_path(const struct command *command, const char **out, size_t *out_length)
{
    const char *keyword = command->verb == COMMAND_MAIL ? "FROM:" : "TO:";
    size_t length = strlen(keyword);

    if (command->argument_length < length ||
        strncasecmp(command->argument, keyword, length) != 0) {
        return false;
    }
    while (length < command->argument_length && is_space(command->argument[length])) {
        length++;
    }
    *out = command->argument + length;
    *out_length = command->argument_length - length;
    return true;
}

bool command_chunk(const struct command *command, uint64_t *out_bytes, bool *out_is_last)
{
    const char *text = command->argument;
    size_t length = command->argument_length;
    uint64_t bytes = 0;
    size_t at = 0;

    while (at < length && text[at] >= '0' && text[at] <= '9') {
        bytes = bytes * 10 + (uint64_t)(text[at] - '0');
        if (bytes > (uint64_t)1 << 48) {
            return false;
        }
        at++;
    }
    if (at == 0) {
        return false;
    }
    size_t digits = at;
    while (at < length && is_space(text[at])) {
        at++;
    }
    bool is_last =
        length - at == 4 && at > digits && strncasecmp(text + at, "LAST", 4) == 0;
    if (at < length && !is_last) {
        return false;
    }
    *out_bytes = bytes;
    *out_is_last = is_last;
    return true;
}

const char *command_name(enum command_verb verb)
{
    for (size_t i = 0; i < VERBS; i++) {
        if (verbs[i].verb == verb && verb != COMMAND_FOREIGN) {
            return verbs[i].name;
        }
    }
    return "?";
}
