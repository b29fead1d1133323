#include "tools/mesura_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SOCKET "/run/mesura/control.sock"

static bool has_word(const char *words, const char *word, size_t length)
{
    for (const char *at = words; *at != '\0'; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strcspn(at, " ") == length && strncmp(at, word, length) == 0) {
            return length > 0;
        }
    }
    return false;
}

bool mesura_args_is_one_of(const char *names, const char *name)
{
    return has_word(names, name, strlen(name));
}

const char *mesura_args_get(const struct mesura_args *args, const char *name)
{
    for (unsigned i = 0; i < args->option_count; i++) {
        if (strcmp(args->options[i].name, name) == 0) {
            return args->options[i].value;
        }
    }
    return "";
}

/* The option's name in the list, so that it is terminated even for --name=value. */
static const char *own_name(const char *names, const char *word, size_t length,
                            char *room, size_t size)
{
    if (!has_word(names, word, length) || length >= size) {
        return NULL;
    }
    memcpy(room, word, length);
    room[length] = '\0';
    return room;
}

static bool set_option(struct mesura_args *args, const char *name, const char *value)
{
    if (strcmp(name, "socket") == 0) {
        args->socket = value;
        return true;
    }
    if (mesura_args_get(args, name)[0] != '\0') {
        (void)fprintf(stderr, "mesura: --%s is given twice\n", name);
        return false;
    }
    args->options[args->option_count++] =
        (struct mesura_option){.name = name, .value = value};
    return true;
}

/* One word that begins with "--". Takes the next word as its value where it has to. */
static bool parse_option(struct mesura_args *args, const char *options, const char *flags,
                         char **words, int *at)
{
    char *word = words[*at] + 2;
    size_t length = strcspn(word, "=");
    char name[64];

    if (own_name("json help", word, length, name, sizeof name) != NULL &&
        word[length] == '\0') {
        args->is_json = args->is_json || strcmp(name, "json") == 0;
        args->is_help = args->is_help || strcmp(name, "help") == 0;
        return true;
    }
    if (own_name(flags, word, length, name, sizeof name) != NULL &&
        word[length] == '\0') {
        return set_option(args, word, "true");
    }
    if (!has_word("socket", word, length) && !has_word(options, word, length)) {
        (void)fprintf(stderr,
                      "mesura: --%s is not known here; known: %s%s%s json socket help\n",
                      word, options, options[0] == '\0' ? "" : " ", flags);
        return false;
    }
    const char *value = word + length + 1;
    if (word[length] == '\0') {
        if (words[*at + 1] == NULL) {
            (void)fprintf(stderr, "mesura: --%s needs a value\n", word);
            return false;
        }
        (*at)++;
        value = words[*at];
    }
    word[length] = '\0';
    if (value[0] == '\0') {
        (void)fprintf(stderr, "mesura: --%s needs a value that is not empty\n", word);
        return false;
    }
    return set_option(args, word, value);
}

bool mesura_args_parse(struct mesura_args *args, const char *options, const char *flags,
                       int argc, char **argv)
{
    const char *from_environment = getenv("MESURA_SOCKET");
    bool only_names = false;

    *args = (struct mesura_args){.socket = DEFAULT_SOCKET};
    if (from_environment != NULL && from_environment[0] != '\0') {
        args->socket = from_environment;
    }
    for (int i = 0; i < argc; i++) {
        if (args->name_count == MESURA_ARGS_MAX ||
            args->option_count == MESURA_ARGS_MAX) {
            (void)fprintf(stderr, "mesura: too many words\n");
            return false;
        }
        if (!only_names && strcmp(argv[i], "--") == 0) {
            only_names = true;
        } else if (!only_names && strcmp(argv[i], "-h") == 0) {
            args->is_help = true;
        } else if (!only_names && strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(args, options, flags, argv, &i)) {
                return false;
            }
        } else {
            args->names[args->name_count++] = argv[i];
        }
    }
    return true;
}
