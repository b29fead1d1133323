#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "relay/units.h"

#include "tools/mesura_http.h"
#include "tools/mesura_text.h"
#include "tools/mesura_user.h"

#define DEFAULT_USERS "/etc/mesura/users"
#define LOCK_WAIT_MS  5000
#define LINE_BYTES    8192 /* of a user in the file */

/* What the daemon reads; false when it does not answer. */
static bool ask_path(const struct mesura_args *args, char *out, size_t size)
{
    json_t *document = NULL;
    if (access(args->socket, R_OK | W_OK) != 0) {
        return false; /* not running, or not ours to ask: nothing to say about it */
    }
    bool is_known = mesura_http_get(args, "/v1/users", NULL, &document) == MESURA_DONE &&
                    mesura_text_get(document, "file")[0] == '/';
    if (is_known) {
        (void)snprintf(out, size, "%s", mesura_text_get(document, "file"));
    }
    json_decref(document);
    return is_known;
}

static void find_path(struct mesura_user_edit *edit)
{
    const char *named = mesura_args_get(edit->args, "users");
    const char *set = getenv("MESURA_USERS");
    if (named[0] == '\0' && set != NULL) {
        named = set;
    }
    if (named[0] != '\0') {
        (void)snprintf(edit->path, sizeof edit->path, "%s", named);
    } else if (!ask_path(edit->args, edit->path, sizeof edit->path)) {
        (void)snprintf(edit->path, sizeof edit->path, "%s", DEFAULT_USERS);
    }
}

static enum mesura_exit say(int rc, const char *text)
{
    (void)fprintf(stderr, "mesura: %s\n", text);
    return rc == -EACCES || rc == -EPERM ? MESURA_DENIED : MESURA_NOTHING;
}

enum mesura_exit mesura_user_open(struct mesura_user_edit *edit,
                                  const struct mesura_args *args)
{
    struct errmsg err = {.text = ""};
    struct users_errors errors = {0};
    *edit = (struct mesura_user_edit){.args = args, .lock = -1};
    if (sodium_init() < 0) {
        return say(-EIO, "the cryptographic library does not start");
    }
    find_path(edit);
    edit->lock = users_lock(edit->path, LOCK_WAIT_MS, &err);
    if (edit->lock < 0) {
        return say(edit->lock, err.text);
    }
    int rc = users_load(&edit->users, edit->path, &errors);
    if (rc == -ENOENT) {
        edit->users = users_new();
        return MESURA_DONE;
    }
    for (unsigned i = 0; i < errors.count && i < USERS_ERRORS; i++) {
        (void)say(0, errors.told[i].text);
    }
    return rc == 0 ? MESURA_DONE : rc == -EACCES ? MESURA_DENIED : MESURA_NOTHING;
}

void mesura_user_close(struct mesura_user_edit *edit)
{
    users_free(edit->users);
    if (edit->lock >= 0) {
        users_unlock(edit->lock);
    }
}

enum mesura_exit mesura_user_commit(struct mesura_user_edit *edit, const char *done)
{
    const struct mesura_args *args = edit->args;
    struct errmsg err = {.text = ""};
    int rc = users_save(edit->users, edit->path, &err);
    if (rc != 0) {
        return say(rc, err.text);
    }
    if (access(args->socket, F_OK) != 0) {
        mesura_text_line("%s; no daemon runs here: it is in force when one starts", done);
        return MESURA_DONE;
    }
    json_t *document = NULL;
    enum mesura_exit result = mesura_http_post(args, "/v1/users/reload", NULL, &document);
    json_decref(document);
    if (result == MESURA_DONE) {
        mesura_text_line("%s, and in force", done);
        return MESURA_DONE;
    }
    (void)fprintf(stderr, "mesura: %s is written, but the daemon has not taken it\n",
                  edit->path);
    return result;
}

/* The key of the file for an option. */
static const char *key_of(const char *option)
{
    static const char *const keys[][2] = {
        {"streams", "streams"},         {"from", "from"},
        {"networks", "networks"},       {"per-minute", "per_minute"},
        {"per-hour", "per_hour"},       {"per-day", "per_day"},
        {"max-message", "max_message"}, {"priority", "priority"},
        {"certificate", "certificate"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i][0], option) == 0) {
            return keys[i][1];
        }
    }
    return NULL;
}

static bool is_none(const char *value)
{
    return strcmp(value, "any") == 0 || strcmp(value, "none") == 0;
}

/* One option as a word of the file. Sizes may have a unit; the file has bytes. */
static bool print_option(const struct mesura_option *option, char *line, size_t size)
{
    const char *key = key_of(option->name);
    const char *value = option->value;
    char bytes[32];
    uint64_t number = 0;
    struct errmsg err;
    if (key == NULL || is_none(value)) {
        return true;
    }
    if (strcmp(key, "max_message") == 0) {
        if (units_size_parse(value, &number, &err) != 0) {
            (void)fprintf(stderr, "mesura: max-message: %s\n", err.text);
            return false;
        }
        (void)snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)number);
        value = bytes;
    }
    size_t used = strlen(line);
    if (strpbrk(value, " \t\r\n#") != NULL) {
        (void)fprintf(stderr, "mesura: --%s: no blanks; a list is parted by commas\n",
                      option->name);
        return false;
    }
    int wrote = snprintf(line + used, size - used, " %s=%s", key, value);
    if (wrote < 0 || (size_t)wrote >= size - used) {
        (void)fprintf(stderr, "mesura: --%s is too long\n", option->name);
        return false;
    }
    return true;
}

static bool has(const struct mesura_args *args, const char *option)
{
    return mesura_args_get(args, option)[0] != '\0';
}

static void take_rights(const struct mesura_args *args, const struct users_user *from,
                        struct users_user *to)
{
    if (has(args, "streams")) {
        to->streams = from->streams;
        to->stream_count = from->stream_count;
    }
    if (has(args, "from")) {
        to->from = from->from;
        to->from_count = from->from_count;
    }
    if (has(args, "networks")) {
        to->networks = from->networks;
        to->network_count = from->network_count;
    }
    if (has(args, "certificate")) {
        to->certificates = from->certificates;
        to->certificate_count = from->certificate_count;
    }
    to->per_minute = has(args, "per-minute") ? from->per_minute : to->per_minute;
    to->per_hour = has(args, "per-hour") ? from->per_hour : to->per_hour;
    to->per_day = has(args, "per-day") ? from->per_day : to->per_day;
    if (has(args, "max-message")) {
        to->max_message_bytes = from->max_message_bytes;
    }
    if (has(args, "priority")) {
        to->priority_low = from->priority_low;
        to->priority_high = from->priority_high;
    }
}

const struct users_user *mesura_user_apply(const struct mesura_args *args,
                                           const struct users_user *user)
{
    static struct users *parsed; /* the last call's: its user's lists point into it */
    static struct users_user changed;
    struct users_errors errors = {0};
    char line[LINE_BYTES] = "rights -";
    for (unsigned i = 0; i < args->option_count; i++) {
        if (!print_option(&args->options[i], line, sizeof line)) {
            return NULL;
        }
    }
    struct users *fresh = NULL;
    if (users_parse(&fresh, "mesura user", line, strlen(line), &errors) != 0) {
        for (unsigned i = 0; i < errors.count && i < USERS_ERRORS; i++) {
            const char *text = strstr(errors.told[i].text, ": ");
            (void)fprintf(stderr, "mesura%s\n", text == NULL ? "" : text);
        }
        return NULL;
    }
    users_free(parsed);
    parsed = fresh;
    changed = *user;
    take_rights(args, users_at(parsed, 0), &changed);
    return &changed;
}

/* ---- passwords ---- */

static bool take_line(FILE *in, char *out, size_t size)
{
    if (fgets(out, (int)size, in) == NULL) {
        return false;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static bool ask_once(FILE *terminal, const char *question, char *out, size_t size)
{
    struct termios before;
    int fd = fileno(terminal);
    if (tcgetattr(fd, &before) != 0) {
        return false;
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(terminal, "%s", question);
    (void)fflush(terminal);
    (void)tcsetattr(fd, TCSAFLUSH, &silent);
    bool is_read = take_line(terminal, out, size);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    (void)fprintf(terminal, "\n");
    return is_read;
}

static bool ask_terminal(char *out, size_t size)
{
    char again[256] = "";
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (terminal == NULL) {
        return false;
    }
    bool is_good = ask_once(terminal, "password: ", out, size) &&
                   ask_once(terminal, "again: ", again, sizeof again);
    (void)fclose(terminal);
    if (is_good && strcmp(out, again) != 0) {
        (void)fprintf(stderr, "mesura: the two are not the same\n");
        is_good = false;
    }
    sodium_memzero(again, sizeof again);
    return is_good;
}

static bool read_file(const char *path, char *out, size_t size)
{
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        perror(path);
        return false;
    }
    bool is_read = take_line(in, out, size);
    (void)fclose(in);
    return is_read;
}

bool mesura_user_password(const struct mesura_args *args, char *out, size_t size)
{
    const char *path = mesura_args_get(args, "password-file");
    bool is_read = path[0] != '\0'        ? read_file(path, out, size)
                   : isatty(STDIN_FILENO) ? ask_terminal(out, size)
                                          : take_line(stdin, out, size);
    if (is_read && strlen(out) >= 8 && strlen(out) < 255) {
        return true;
    }
    (void)fprintf(stderr, "mesura: no password: it has 8 to 254 bytes\n");
    return false;
}
