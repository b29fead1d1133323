#include "relay/aliases.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "relay/limits.h"

struct alias {
    const char *name;
    unsigned order;       /* in the file: the first of two counts */
    const char **targets; /* in the table's row of targets */
    size_t count;
};

struct aliases {
    char *text; /* owned: the file's, cut into the texts below */
    struct alias *items;
    size_t count;
    size_t room;
    const char **targets; /* owned: of all, in order */
    size_t target_count;
    size_t target_room;
};

/* A line and what continues it, being read. */
struct reading {
    struct aliases *aliases;
    struct aliases_doubt *doubt;
    unsigned line;
    int rc;
};

void aliases_free(struct aliases *aliases)
{
    if (aliases != NULL) {
        free(aliases->text);
        free(aliases->items);
        free(aliases->targets);
        free(aliases);
    }
}

size_t aliases_count(const struct aliases *aliases)
{
    return aliases->count;
}

static void *grow(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return items;
    }
    size_t more = *room == 0 ? 16 : *room * 2;
    void *bigger = realloc(items, more * size);
    if (bigger != NULL) {
        *room = more;
    }
    return bigger;
}

static void note_doubt(struct reading *reading, const char *text)
{
    if (reading->doubt->count++ == 0) {
        reading->doubt->line = reading->line;
        (void)snprintf(reading->doubt->text, sizeof reading->doubt->text, "%s", text);
    }
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Without blanks around it; in place. */
static char *trim(char *text)
{
    while (is_blank(*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && is_blank(text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

/* Quotes around all of it are the file's, not the name's. */
static char *unquote(char *text)
{
    size_t length = strlen(text);
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"' &&
        strchr(text + 1, '@') == NULL) {
        text[length - 1] = '\0';
        return text + 1;
    }
    return text;
}

static void add_target(struct reading *reading, char *text)
{
    struct aliases *aliases = reading->aliases;
    text = unquote(trim(text));
    if (text[0] == '\0') {
        return;
    }
    if (text[0] == '|' || text[0] == '/' || strncasecmp(text, ":include:", 9) == 0 ||
        strlen(text) > LIMIT_PATH) {
        note_doubt(reading, text);
        return;
    }
    const char **bigger = grow(aliases->targets, aliases->target_count,
                               &aliases->target_room, sizeof *aliases->targets);
    if (bigger == NULL || aliases->target_count == LIMIT_ALIASES) {
        aliases->targets = bigger != NULL ? bigger : aliases->targets;
        reading->rc = -E2BIG;
        return;
    }
    aliases->targets = bigger;
    aliases->targets[aliases->target_count++] = text;
    aliases->items[aliases->count - 1].count++;
}

/* Commas between targets, but for those in quotes. */
static void add_targets(struct reading *reading, char *text)
{
    bool in_quotes = false;
    char *start = text;
    for (char *at = text; reading->rc == 0; at++) {
        in_quotes = in_quotes != (*at == '"');
        if (*at == '\0' || (*at == ',' && !in_quotes)) {
            bool is_last = *at == '\0';
            *at = '\0';
            add_target(reading, start);
            start = at + 1;
            if (is_last) {
                return;
            }
        }
    }
}

static void take_entry(struct reading *reading, char *entry)
{
    struct aliases *aliases = reading->aliases;
    char *colon = strchr(entry, ':');
    if (entry[0] == '"') { /* a quoted name may have a colon */
        char *quote = strchr(entry + 1, '"');
        colon = quote != NULL ? strchr(quote, ':') : NULL;
    }
    if (colon == NULL) {
        if (trim(entry)[0] != '\0') {
            note_doubt(reading, entry);
        }
        return;
    }
    struct alias *bigger =
        grow(aliases->items, aliases->count, &aliases->room, sizeof *aliases->items);
    if (bigger == NULL || aliases->count == LIMIT_ALIASES) {
        aliases->items = bigger != NULL ? bigger : aliases->items;
        reading->rc = -E2BIG;
        return;
    }
    *colon = '\0';
    aliases->items = bigger;
    aliases->items[aliases->count] =
        (struct alias){.name = unquote(trim(entry)), .order = (unsigned)aliases->count};
    aliases->count++;
    add_targets(reading, colon + 1);
}

/* A line that begins with a blank continues the one before: joined in place. */
static void read_lines(struct reading *reading, char *text)
{
    char *entry = NULL; /* where the one being collected begins ... */
    char *end = NULL;   /* ... and ends, so far */
    unsigned number = 0;
    for (char *at = text; at != NULL && reading->rc == 0;) {
        char *lf = strchr(at, '\n');
        if (lf != NULL) {
            *lf = '\0';
        }
        char first = at[strspn(at, " \t\r")];
        bool is_comment = first == '#' || first == '\0';
        bool continues = entry != NULL && is_blank(*at);
        number++;
        if (!is_comment && continues) {
            size_t length = strlen(at);
            memmove(end, at, length + 1);
            end += length;
        } else if (!is_comment) {
            if (entry != NULL) {
                take_entry(reading, entry);
            }
            reading->line = number;
            entry = at;
            end = at + strlen(at);
        }
        at = lf != NULL ? lf + 1 : NULL;
    }
    if (entry != NULL && reading->rc == 0) {
        take_entry(reading, entry);
    }
}

static int by_name(const void *one, const void *other)
{
    const struct alias *a = one;
    const struct alias *b = other;
    int rc = strcasecmp(a->name, b->name);
    return rc != 0 ? rc : (a->order > b->order) - (a->order < b->order);
}

/* The row of targets has stopped moving: each alias finds its part. */
static void place_targets(struct aliases *aliases)
{
    size_t next = 0;
    for (size_t i = 0; i < aliases->count; i++) {
        aliases->items[i].targets = aliases->targets + next;
        next += aliases->items[i].count;
    }
    if (aliases->count > 0) {
        qsort(aliases->items, aliases->count, sizeof *aliases->items, by_name);
    }
}

int aliases_parse(struct aliases **out, const char *text, size_t length,
                  struct aliases_doubt *doubt, struct errmsg *err)
{
    struct aliases_doubt ignored = {0};
    struct aliases *aliases = calloc(1, sizeof *aliases);
    char *copy = calloc(1, length + 1);
    if (aliases == NULL || copy == NULL) {
        free(aliases);
        free(copy);
        errmsg_set(err, "out of memory");
        return -ENOMEM;
    }
    memcpy(copy, text, length);
    aliases->text = copy;
    struct reading reading = {.aliases = aliases, .doubt = doubt ? doubt : &ignored};
    *reading.doubt = (struct aliases_doubt){0};
    read_lines(&reading, copy);
    if (reading.rc != 0) {
        errmsg_set(err, "more than %d aliases", LIMIT_ALIASES);
        aliases_free(aliases);
        return reading.rc;
    }
    place_targets(aliases);
    *out = aliases;
    return 0;
}

/* All of the file into one piece of memory. */
static int read_file(int fd, const char *path, char **out, size_t *out_length,
                     struct errmsg *err)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_size > (off_t)LIMIT_ALIASES_FILE) {
        errmsg_set(err, "%s is no file, or above 1 MiB", path);
        return -EINVAL;
    }
    size_t size = (size_t)facts.st_size;
    char *text = malloc(size + 1);
    size_t got = 0;
    ssize_t part = 1;
    while (text != NULL && got < size && part > 0) {
        part = read(fd, text + got, size - got);
        got += part > 0 ? (size_t)part : 0;
    }
    if (text == NULL || part < 0) {
        free(text);
        errmsg_set(err, "%s cannot be read", path);
        return -EIO;
    }
    *out = text;
    *out_length = got;
    return 0;
}

int aliases_load(struct aliases **out, const char *path, struct aliases_doubt *doubt,
                 struct errmsg *err)
{
    int fd = path[0] == '\0' ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (path[0] == '\0' || (fd < 0 && errno == ENOENT)) {
        return aliases_parse(out, "", 0, doubt, err);
    }
    if (fd < 0) {
        int rc = -errno;
        errmsg_errno(err, rc, "open %s", path);
        return rc;
    }
    char *text = NULL;
    size_t length = 0;
    int rc = read_file(fd, path, &text, &length, err);
    (void)close(fd);
    if (rc == 0) {
        rc = aliases_parse(out, text, length, doubt, err);
        free(text);
    }
    return rc;
}

/* Index of the first of that name, or count. */
static size_t find(const struct aliases *aliases, const char *name)
{
    size_t low = 0;
    size_t high = aliases->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcasecmp(aliases->items[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_there =
        low < aliases->count && strcasecmp(aliases->items[low].name, name) == 0;
    return is_there ? low : aliases->count;
}

size_t aliases_expand(const struct aliases *aliases, const char *name, aliases_cb each_cb,
                      void *owner)
{
    size_t first = find(aliases, name);
    if (first == aliases->count) {
        return 0;
    }
    /* Every alias is opened once at most: the row never outgrows the table. */
    size_t *row = calloc(aliases->count, sizeof *row);
    bool *seen = calloc(aliases->count, sizeof *seen);
    size_t told = 0;
    size_t length = 0;
    if (row != NULL && seen != NULL) {
        row[length++] = first;
        seen[first] = true;
    }
    for (size_t next = 0; next < length; next++) {
        const struct alias *alias = &aliases->items[row[next]];
        for (size_t i = 0; i < alias->count; i++) {
            const char *target = alias->targets[i];
            bool is_final = target[0] == '\\';
            target += is_final ? 1 : 0;
            size_t at = is_final || strchr(target, '@') != NULL ? aliases->count
                                                                : find(aliases, target);
            if (at == aliases->count || strcasecmp(target, alias->name) == 0) {
                each_cb(owner, target);
                told++;
            } else if (!seen[at]) {
                seen[at] = true;
                row[length++] = at;
            }
        }
    }
    free(row);
    free(seen);
    return told;
}
