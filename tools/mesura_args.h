/* The words behind a command of `mesura`: options with values, flags, and names. */

#ifndef TOOLS_MESURA_ARGS_H
#define TOOLS_MESURA_ARGS_H

#include <stdbool.h>

#define MESURA_ARGS_MAX 64

/* Exit statuses of `mesura`, after sysexits. */
enum mesura_exit {
    MESURA_DONE = 0,
    MESURA_NOTHING = 1, /* nothing matched, or the check failed */
    MESURA_USAGE = 2,
    MESURA_UNREACHABLE = 69,
    MESURA_DENIED = 77,
};

struct mesura_option {
    const char *name;  /* without the dashes */
    const char *value; /* "true" for a flag */
};

/* Everything is borrowed from argv. */
struct mesura_args {
    const char *socket; /* of the daemon */
    bool is_json;
    bool is_help;
    unsigned option_count;
    unsigned name_count;
    struct mesura_option options[MESURA_ARGS_MAX];
    const char *names[MESURA_ARGS_MAX];
};

/* Sort the words into args. options and flags are names parted by one space; --json,
 * --socket and --help are always known. False after a sentence on stderr. */
bool mesura_args_parse(struct mesura_args *args, const char *options, const char *flags,
                       int argc, char **argv);

/* "" when it was not given. */
const char *mesura_args_get(const struct mesura_args *args, const char *name);

/* Is name one of those that are parted by one space? */
bool mesura_args_is_one_of(const char *names, const char *name);

#endif
