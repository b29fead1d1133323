#include "relay/config_text.h"

#include <sys/stat.h>

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/config_lint.h"
#include "relay/config_notes.h"
#include "relay/limits.h"

/* Everything here is at most LIMIT_CONFIG_BYTES, so that running out of memory is the
 * machine's end and not the file's fault. */
static void *grow(void *old, size_t bytes)
{
    void *new = realloc(old, bytes);

    if (new == NULL) {
        abort();
    }
    return new;
}

static void text_put(struct config_text *text, const char *bytes, size_t count)
{
    if (text->bytes + count + 1 > text->room) {
        text->room = (text->bytes + count + 1) * 2;
        text->text = grow(text->text, text->room);
    }
    memcpy(text->text + text->bytes, bytes, count);
    text->bytes += count;
    text->text[text->bytes] = '\0';
}

static void place_put(struct config_text *text, uint32_t file, uint32_t line)
{
    if (text->place_count == text->place_room) {
        text->place_room = text->place_room == 0 ? 256 : text->place_room * 2;
        text->places = grow(text->places, text->place_room * sizeof *text->places);
    }
    text->places[text->place_count++] = (struct config_text_place){file, line};
}

static uint32_t file_put(struct config_text *text, const char *name)
{
    char *copy = strdup(name);

    if (copy == NULL) {
        abort();
    }
    text->files = grow(text->files, (text->file_count + 1) * sizeof *text->files);
    text->files[text->file_count] = copy;
    return (uint32_t)text->file_count++;
}

/* A whole regular file, or NULL with the reason. The caller frees it. */
static char *file_bytes(const char *path, size_t *bytes, struct errmsg *err)
{
    char *content = NULL;
    struct stat info;
    size_t got = 0;
    size_t size;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        errmsg_errno(err, errno, "cannot be opened");
        return NULL;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        errmsg_set(err, "is not a file");
        goto out;
    }
    if (info.st_size > (off_t)LIMIT_CONFIG_BYTES) {
        errmsg_set(err, "is larger than %zu MiB", LIMIT_CONFIG_BYTES / 1024 / 1024);
        goto out;
    }
    size = (size_t)info.st_size;
    content = grow(NULL, size + 1);
    while (got < size) {
        ssize_t rc = read(fd, content + got, size - got);

        if (rc < 0 && errno == EINTR) {
            continue;
        }
        if (rc <= 0) {
            break; /* shorter than it was: what is there counts */
        }
        got += (size_t)rc;
    }
    content[got] = '\0';
    *bytes = got;
out:
    (void)close(fd);
    return content;
}

/* If the line is @include "path", its path, in buffer. 0: it is not; -1: it is, but not
 * well written. */
static int include_parse(const char *line, size_t bytes, char *path, size_t room)
{
    static const char word[] = "@include";
    const char *end = line + bytes;
    const char *start;

    while (line < end && (*line == ' ' || *line == '\t')) {
        line++;
    }
    if ((size_t)(end - line) < sizeof word - 1 ||
        memcmp(line, word, sizeof word - 1) != 0) {
        return 0;
    }
    line += sizeof word - 1;
    while (line < end && (*line == ' ' || *line == '\t')) {
        line++;
    }
    if (line == end || *line != '"') {
        return -1;
    }
    start = ++line;
    while (line < end && *line != '"') {
        line++;
    }
    if (line == end || line == start || (size_t)(line - start) >= room) {
        return -1;
    }
    memcpy(path, start, (size_t)(line - start));
    path[line - start] = '\0';
    for (line++; line < end; line++) {
        if (*line == '#') {
            break;
        }
        if (!isspace((unsigned char)*line)) {
            return -1;
        }
    }
    return 1;
}

/* Relative to the folder of the file that includes it. */
static void include_resolve(const char *from, const char *path, char *full, size_t room)
{
    const char *slash = strrchr(from, '/');

    if (path[0] == '/' || slash == NULL) {
        (void)snprintf(full, room, "%s", path);
    } else {
        (void)snprintf(full, room, "%.*s/%s", (int)(slash - from), from, path);
    }
}

/* A file that is being read; those that include it lie below it. */
struct frame {
    char *content; /* owned */
    const char *at;
    const char *end;
    uint32_t file;
    uint32_t line;
};

struct scan {
    struct config_text *text;
    struct config_notes *notes;
    struct config_lint lint;
    struct frame frames[LIMIT_CONFIG_INCLUDE_DEPTH];
    size_t depth;
};

static void on_lint_put(void *owner, const char *bytes, size_t count)
{
    text_put(owner, bytes, count);
}

/* Takes the content. */
static void frame_push(struct scan *scan, char *content, size_t bytes, const char *name)
{
    struct frame *frame;

    assert(scan->depth < LIMIT_CONFIG_INCLUDE_DEPTH);
    frame = &scan->frames[scan->depth++];
    frame->content = content;
    frame->at = content;
    frame->end = content + bytes;
    frame->line = 0;
    frame->file = file_put(scan->text, name);
}

static void frame_pop(struct scan *scan)
{
    struct frame *frame = &scan->frames[--scan->depth];

    if (scan->lint.in_comment) {
        config_notes_error(scan->notes, scan->text->files[frame->file], frame->line,
                           "the file ends within a comment; close it with */");
        scan->lint.in_comment = false;
    }
    free(frame->content);
}

static void scan_include(struct scan *scan, uint32_t file, unsigned line,
                         const char *path)
{
    char full[LIMIT_CONFIG_STRING * 2];
    struct errmsg err = {""};
    const char *from = scan->text->files[file];
    size_t bytes = 0;
    char *content;

    if (!scan->text->may_include) {
        config_notes_error(scan->notes, from, line, "@include is not possible here");
        return;
    }
    if (scan->depth == LIMIT_CONFIG_INCLUDE_DEPTH) {
        config_notes_error(
            scan->notes, from, line,
            "@include \"%s\": %d files include each other; does one include "
            "itself?",
            path, LIMIT_CONFIG_INCLUDE_DEPTH);
        return;
    }
    include_resolve(from, path, full, sizeof full);
    content = file_bytes(full, &bytes, &err);
    if (content == NULL) {
        config_notes_error(scan->notes, from, line, "@include \"%s\": %s %s", path, full,
                           err.text);
        return;
    }
    frame_push(scan, content, bytes, full);
}

/* One line without its end. What it includes comes after it. */
static void scan_line(struct scan *scan, const struct config_lint_line *line,
                      uint32_t file)
{
    char path[LIMIT_CONFIG_STRING];
    int rc = scan->lint.in_comment
                 ? 0
                 : include_parse(line->bytes, line->count, path, sizeof path);

    if (rc == 0) {
        config_lint_line(&scan->lint, line, scan->notes);
    } else if (rc < 0) {
        config_notes_error(scan->notes, line->file, line->number,
                           "write @include \"FILE\" alone on its line");
    }
    place_put(scan->text, file, line->number);
    text_put(scan->text, "\n", 1);
    if (rc > 0) {
        scan_include(scan, file, line->number, path);
    }
}

static int scan_frames(struct scan *scan)
{
    size_t total = 0;

    while (scan->depth > 0) {
        struct frame *frame = &scan->frames[scan->depth - 1];
        const char *name = scan->text->files[frame->file];
        struct config_lint_line line = {.file = name, .bytes = frame->at};
        const char *end;

        if (frame->at == frame->end) {
            frame_pop(scan);
            continue;
        }
        end = memchr(frame->at, '\n', (size_t)(frame->end - frame->at));
        end = end == NULL ? frame->end : end;
        line.number = ++frame->line;
        line.count = (size_t)(end - frame->at);
        total += line.count + 1;
        frame->at = end == frame->end ? end : end + 1;
        if (line.count > 0 && memchr(line.bytes, '\0', line.count) != NULL) {
            config_notes_error(scan->notes, name, line.number,
                               "a NUL byte; this is not a text file");
            return -EINVAL;
        }
        if (total > LIMIT_CONFIG_BYTES) {
            config_notes_error(scan->notes, name, line.number,
                               "more than %zu MiB of configuration",
                               LIMIT_CONFIG_BYTES / 1024 / 1024);
            return -EINVAL;
        }
        scan_line(scan, &line, frame->file);
    }
    return scan->lint.is_unfit ? -EINVAL : 0;
}

static int scan_run(struct config_text *text, char *content, size_t bytes,
                    const char *name, struct config_notes *notes)
{
    struct scan scan = {
        .text = text, .notes = notes, .lint = {.put_cb = on_lint_put, .owner = text}};
    int rc;

    text_put(text, "", 0);
    frame_push(&scan, content, bytes, name);
    rc = scan_frames(&scan);
    while (scan.depth > 0) {
        free(scan.frames[--scan.depth].content);
    }
    return rc;
}

int config_text_read(struct config_text *text, const char *path,
                     struct config_notes *notes)
{
    struct errmsg err = {""};
    size_t bytes = 0;
    char *content;

    assert(text != NULL);
    assert(path != NULL);
    *text = (struct config_text){.may_include = true};
    content = file_bytes(path, &bytes, &err);
    if (content == NULL) {
        config_notes_error(notes, path, 0, "the configuration %s", err.text);
        return -EINVAL;
    }
    return scan_run(text, content, bytes, path, notes);
}

int config_text_scan(struct config_text *text, const char *content, size_t bytes,
                     const char *name, struct config_notes *notes)
{
    char *copy;

    assert(text != NULL);
    assert(content != NULL);
    *text = (struct config_text){.may_include = false};
    if (bytes > LIMIT_CONFIG_BYTES) {
        config_notes_error(notes, name, 0, "more than %zu MiB of configuration",
                           LIMIT_CONFIG_BYTES / 1024 / 1024);
        return -EINVAL;
    }
    copy = grow(NULL, bytes + 1);
    memcpy(copy, content, bytes);
    copy[bytes] = '\0';
    return scan_run(text, copy, bytes, name, notes);
}

void config_text_clear(struct config_text *text)
{
    assert(text != NULL);
    for (size_t i = 0; i < text->file_count; i++) {
        free(text->files[i]);
    }
    free(text->files);
    free(text->places);
    free(text->text);
    *text = (struct config_text){0};
}

const char *config_text_place(const struct config_text *text, unsigned line,
                              unsigned *file_line)
{
    const struct config_text_place *place;

    assert(text != NULL);
    assert(file_line != NULL);
    assert(text->file_count > 0);
    if (text->place_count == 0) {
        *file_line = 0;
        return text->files[0];
    }
    if (line == 0 || line > text->place_count) {
        line = (unsigned)text->place_count; /* libconfig counts one past the last line */
    }
    place = &text->places[line - 1];
    *file_line = place->line;
    return text->files[place->file];
}
