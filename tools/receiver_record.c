#include "tools/receiver_record.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/escape.h"
#include "tools/grab.h"
#include "tools/receiver_keys.h"

#define FIRST_BYTES 8192
#define NAME_BYTES  64
#define TEXT_BYTES  2048 /* longest text that goes into the JSON, before escaping */

struct receiver_record {
    int directory_fd; /* owned */
    uint64_t written;
};

struct receiver_record *receiver_record_open(const char *path, struct errmsg *err)
{
    struct receiver_record *record = NULL;
    int fd = -1;

    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        errmsg_errno(err, errno, "make directory %s", path);
        return NULL;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        errmsg_errno(err, errno, "open directory %s", path);
        return NULL;
    }
    record = grab_zeroed(1, sizeof *record);
    record->directory_fd = fd;
    return record;
}

void receiver_record_close(struct receiver_record *record)
{
    if (record != NULL) {
        (void)close(record->directory_fd);
        free(record);
    }
}

void receiver_record_add(struct receiver_record_part *part, const char *bytes,
                         size_t size)
{
    while (part->used + size > part->size) {
        part->size = part->size > 0 ? 2 * part->size : FIRST_BYTES;
        part->bytes = grab_resized(part->bytes, part->size, 1);
    }
    if (size > 0) {
        memcpy(part->bytes + part->used, bytes, size);
    }
    part->used += size;
}

void receiver_record_drop(struct receiver_record_part *part)
{
    free(part->bytes);
    *part = (struct receiver_record_part){0};
}

static int put_file(const struct receiver_record *record, const char *name,
                    const char *bytes, size_t size, struct errmsg *err)
{
    int fd = openat(record->directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0666);
    int rc = 0;

    if (fd < 0) {
        rc = -errno;
    }
    while (rc == 0 && size > 0) {
        ssize_t put = write(fd, bytes, size);

        if (put < 0) {
            rc = -errno;
        } else {
            bytes += put;
            size -= (size_t)put;
        }
    }
    if (fd >= 0 && close(fd) != 0 && rc == 0) {
        rc = -errno;
    }
    if (rc != 0) {
        errmsg_errno(err, rc, "write %s", name);
    }
    return rc;
}

/* The message that stuffed bytes mean: the first dot of a line away, the last line (a
 * lone dot) away. In place. */
static size_t unstuff(char *bytes, size_t size)
{
    size_t used = 0;
    bool line_start = true;

    if (size >= 3) {
        size -= 3; /* ".\r\n" */
    }
    for (size_t i = 0; i < size; i++) {
        if (line_start && bytes[i] == '.') {
            line_start = false;
            continue;
        }
        line_start = i > 0 && bytes[i] == '\n' && bytes[i - 1] == '\r';
        bytes[used++] = bytes[i];
    }
    return used;
}

/* Any bytes as a JSON string: those that are not ASCII as U+0080 to U+00FF. */
static json_t *safe_text(const char *text)
{
    json_t *value = NULL;
    char utf8[2 * TEXT_BYTES + 1];
    size_t used = 0;

    for (size_t i = 0; text[i] != '\0' && i < TEXT_BYTES; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte < 0x80) {
            utf8[used++] = (char)byte;
        } else {
            utf8[used++] = (char)(0xc0 | (byte >> 6));
            utf8[used++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    utf8[used] = '\0';
    value = json_string(utf8);
    return value;
}

static json_t *recipients_json(const struct receiver_record_facts *facts)
{
    json_t *list = json_array();
    const char *text = facts->recipients;

    for (size_t i = 0; i < facts->recipients_count; i++) {
        json_t *one = json_object();

        (void)json_object_set_new(one, "address", safe_text(text));
        text += strlen(text) + 1;
        (void)json_object_set_new(one, "parameters", safe_text(text));
        text += strlen(text) + 1;
        (void)json_array_append_new(list, one);
    }
    return list;
}

static int put_facts(const struct receiver_record *record, const char *name,
                     const struct receiver_record_facts *facts, struct errmsg *err)
{
    const struct receiver_decision *decision = facts->decision;
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:b, s:b}", "provider",
        decision->provider->spec.name, "source", decision->source->text, "verdict",
        receiver_book_verdict(decision->class, decision->code), "class",
        receiver_keys_classes[decision->class], "time_ns", (json_int_t)decision->now_ns,
        "connection", (json_int_t)decision->connection, "code", decision->code, "tls",
        (int)facts->tls, "chunked", (int)facts->chunked);
    char *text = NULL;
    int rc = -ENOMEM;

    (void)json_object_set_new(root, "helo", safe_text(facts->helo));
    (void)json_object_set_new(root, "sender", safe_text(decision->sender));
    (void)json_object_set_new(root, "sender_parameters",
                              safe_text(facts->sender_parameters));
    (void)json_object_set_new(root, "recipients", recipients_json(facts));
    (void)json_object_set_new(root, "msgid", safe_text(decision->message_id));
    (void)json_object_set_new(root, "reply", safe_text(decision->reply));
    text = json_dumps(root, JSON_INDENT(1));
    if (text != NULL) {
        rc = put_file(record, ".next.json", text, strlen(text), err);
    }
    if (rc == 0 &&
        renameat(record->directory_fd, ".next.json", record->directory_fd, name) != 0) {
        rc = -errno;
        errmsg_errno(err, rc, "rename to %s", name);
    }
    free(text);
    json_decref(root);
    return rc;
}

int receiver_record_write(struct receiver_record *record,
                          struct receiver_record_part *part,
                          const struct receiver_record_facts *facts, struct errmsg *err)
{
    uint64_t number = ++record->written;
    size_t size = part->used;
    char name[NAME_BYTES];
    int rc = 0;

    (void)snprintf(name, sizeof name, "%" PRIu64 ".wire", number);
    rc = put_file(record, name, part->bytes, part->used, err);
    if (rc == 0) {
        if (!facts->chunked) {
            size = unstuff(part->bytes, part->used);
        }
        (void)snprintf(name, sizeof name, "%" PRIu64 ".eml", number);
        rc = put_file(record, name, part->bytes, size, err);
    }
    if (rc == 0) {
        (void)snprintf(name, sizeof name, "%" PRIu64 ".json", number);
        rc = put_facts(record, name, facts, err);
    }
    receiver_record_drop(part);
    if (rc != 0) {
        errmsg_wrap(err, "record message %" PRIu64, number);
    }
    return rc;
}
