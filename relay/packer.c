/* Good path: the directory is made; each message is read through its pin and written as
 * two files, the .json last; a batch ends with one syncfs; the manifest is written under
 * another name, synced, renamed, synced.
 *
 * Failure modes: a message that cannot be read: its item says so, the others go on. A
 * file that cannot be written (full, no permission): it and the rest of the batch say so;
 * what is half there is removed. A crash: the manifest is missing. */

#include "relay/packer.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/crc32c.h"
#include "queue/list.h"

#include "relay/api_json.h"
#include "relay/arena.h"
#include "relay/id.h"
#include "relay/parcel.h"
#include "relay/porter.h"

#define NAME_BYTES 32

/* ---- files ---- */

static int write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t wrote = write(fd, at, length);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return wrote < 0 ? -errno : -EIO;
        }
        at += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

static int make_file(int dir, const char *name)
{
    int fd =
        openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : fd;
}

static int write_file(int dir, const char *name, const char *bytes, size_t length)
{
    int fd = make_file(dir, name);
    if (fd < 0) {
        return fd;
    }
    int rc = write_all(fd, bytes, length);
    if (close(fd) != 0 && rc == 0) {
        rc = -errno;
    }
    return rc;
}

static int open_dir(const struct packer_ask *ask)
{
    int dir = open(ask->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -errno : dir;
}

/* ---- one message ---- */

/* The content, piece by piece, into the file. */
struct content {
    int fd;
    uint32_t checksum;
    uint64_t bytes;
};

static int put(struct content *content, const void *bytes, size_t length)
{
    content->checksum = crc32c(content->checksum, bytes, length);
    content->bytes += length;
    return write_all(content->fd, bytes, length);
}

static int put_pieces(struct content *content, const struct queue_pin *pin,
                      const struct queue_message *message)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < message->envelope.piece_count; i++) {
        size_t room = queue_piece_bytes(message, i);
        struct queue_piece piece = {.buffer = malloc(room), .capacity = room};
        rc = piece.buffer == NULL ? -ENOMEM
                                  : queue_read_piece(pin, message, i, false, &piece);
        if (rc == 0) {
            rc = put(content, piece.bytes, piece.length);
        }
        free(piece.buffer);
    }
    return rc;
}

static int write_eml(int dir, const char *name, const struct queue_pin *pin,
                     const struct queue_message *message, struct parcel *parcel)
{
    struct content content = {.fd = make_file(dir, name)};
    if (content.fd < 0) {
        return content.fd;
    }
    int rc = put(&content, message->header, message->header_length);
    if (rc == 0) {
        rc = put(&content, message->body, message->body_length);
    }
    if (rc == 0) {
        rc = put_pieces(&content, pin, message);
    }
    if (close(content.fd) != 0 && rc == 0) {
        rc = -errno;
    }
    parcel->header_bytes = message->header_length;
    parcel->eml_bytes = content.bytes;
    parcel->checksum = content.checksum;
    return rc;
}

/* Recipients that go, as they are; all others are gone. */
static void fill_states(const struct packer_item *item, struct parcel *parcel)
{
    unsigned count = parcel->envelope.recipient_count;
    const uint8_t *at = item->changes;
    size_t left = item->changes_length;
    struct change change;
    parcel->states = arena_must(count, sizeof *parcel->states);
    for (unsigned i = 0; i < count; i++) {
        change_init(&parcel->states[i]);
        parcel->states[i].state = CHANGE_PURGED;
        parcel->states[i].ended = true;
    }
    while (change_next(&at, &left, &change) > 0) {
        if (change.number < count) {
            parcel->states[change.number] = change;
            parcel->here++;
        }
    }
}

static int write_json(int dir, const char *name, const struct parcel *parcel)
{
    size_t length = 0;
    char *text = parcel_print(parcel, &length);
    int rc = text == NULL ? -EILSEQ : write_file(dir, name, text, length);
    free(text);
    return rc;
}

static int pack(int dir, struct packer_ask *ask, const struct packer_item *item)
{
    char id[ID_BYTES];
    char eml[NAME_BYTES];
    char json[NAME_BYTES];
    struct queue_message message;
    int rc = queue_read_message(&item->pin, false, &message);
    if (rc != 0) {
        return rc;
    }
    id_print(item->id, id);
    (void)snprintf(eml, sizeof eml, "%s.eml", id);
    (void)snprintf(json, sizeof json, "%s.json", id);
    struct parcel parcel = {.envelope = message.envelope};
    fill_states(item, &parcel);
    rc = write_eml(dir, eml, &item->pin, &message, &parcel);
    if (rc == 0) {
        rc = write_json(dir, json, &parcel);
    }
    if (rc == 0) {
        ask->messages++;
        ask->recipients += parcel.here;
        ask->bytes += parcel.eml_bytes;
    } else if (rc != -EEXIST) {
        (void)unlinkat(dir, json, 0);
        (void)unlinkat(dir, eml, 0);
    }
    free(parcel.states);
    queue_message_free(&message);
    return rc;
}

/* ---- the steps ---- */

static bool is_empty(int dir)
{
    DIR *stream = fdopendir(dup(dir));
    bool found = false;
    if (stream == NULL) {
        return false;
    }
    const struct dirent *entry = NULL;
    while (!found &&
           (entry = readdir(stream)) != /* NOLINT(concurrency-mt-unsafe): own stream */
               NULL) {
        found = entry->d_name[0] != '.';
    }
    (void)closedir(stream);
    return !found;
}

/* The directory itself must survive, too. */
static int sync_above(int dir)
{
    int above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0) {
        return -errno;
    }
    int rc = fsync(above) != 0 ? -errno : 0;
    (void)close(above);
    return rc;
}

/* SPOOL/exports, the first time. */
static void make_above(const char *path)
{
    char above[4096];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof above) {
        return;
    }
    (void)snprintf(above, sizeof above, "%.*s", (int)(slash - path), path);
    if (mkdir(above, 0700) == 0) {
        int dir = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0) {
            (void)sync_above(dir);
            (void)close(dir);
        }
    }
}

static int step_open(struct packer_ask *ask)
{
    make_above(ask->dir);
    if (mkdir(ask->dir, 0700) != 0 && errno != EEXIST) {
        int rc = -errno;
        errmsg_errno(&ask->err, rc, "mesurad (user id %u) cannot make %s",
                     (unsigned)geteuid(), ask->dir);
        return rc;
    }
    int dir = open_dir(ask);
    if (dir < 0) {
        errmsg_errno(&ask->err, dir, "open %s", ask->dir);
        return dir;
    }
    int rc = 0;
    if (!is_empty(dir)) {
        errmsg_set(&ask->err, "%s is not empty", ask->dir);
        rc = -ENOTEMPTY;
    } else if (faccessat(dir, ".", W_OK, AT_EACCESS) != 0) {
        rc = -errno;
        errmsg_errno(&ask->err, rc, "mesurad (user id %u) cannot write into %s",
                     (unsigned)geteuid(), ask->dir);
    } else {
        rc = sync_above(dir);
    }
    (void)close(dir);
    return rc;
}

static uint64_t bytes_of(const struct packer_ask *ask)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < ask->item_count; i++) {
        bytes += ask->items[i].pin.place.length;
    }
    return bytes;
}

/* What is exported to the spool stays until somebody removes it: it must not take the
 * room that new mail needs. */
static int check_room(int dir, struct packer_ask *ask)
{
    struct statvfs info;
    if (ask->keep_free == 0) {
        return 0;
    }
    if (fstatvfs(dir, &info) != 0) {
        int rc = -errno;
        errmsg_errno(&ask->err, rc, "room in %s", ask->dir);
        return rc;
    }
    uint64_t room = (uint64_t)info.f_bavail * info.f_frsize;
    if (room < ask->keep_free + bytes_of(ask)) {
        errmsg_set(
            &ask->err,
            "the disk of the spool has %" PRIu64 " MB left, and %" PRIu64
            " are kept free of exports (a quarter more than queue.low_space): move "
            "earlier ones away from %s/.. or delete them",
            room / 1000000, ask->keep_free / 1000000, ask->dir);
        return -ENOSPC;
    }
    return 0;
}

static int step_write(struct packer_ask *ask)
{
    int dir = open_dir(ask);
    int rc = dir < 0 ? dir : check_room(dir, ask);
    bool is_said = dir >= 0 && rc != 0;
    for (unsigned i = 0; i < ask->item_count; i++) {
        struct packer_item *item = &ask->items[i];
        item->rc = rc != 0 ? rc : pack(dir, ask, item);
        /* Damage and texts that JSON cannot hold concern one message. */
        if (item->rc != 0 && item->rc != -EBADMSG && item->rc != -EILSEQ) {
            rc = item->rc;
        }
    }
    if (dir >= 0) {
        int synced = syncfs(dir) != 0 || fsync(dir) != 0 ? -errno : 0;
        for (unsigned i = 0; synced != 0 && i < ask->item_count; i++) {
            ask->items[i].rc = synced;
        }
        rc = synced != 0 ? synced : rc;
        (void)close(dir);
    }
    if (rc != 0 && !is_said) {
        errmsg_errno(&ask->err, rc, "write into %s", ask->dir);
    }
    return rc;
}

static char *print_manifest(const struct packer_ask *ask)
{
    json_t *root = api_json_object();
    api_json_text(root, "format", PACKER_FORMAT);
    api_json_text(root, "host", ask->hostname);
    api_json_text(root, "by", ask->by);
    api_json_count(root, "unix_ms", (uint64_t)ask->unix_ms);
    api_json_bool(root, "moved", ask->is_move);
    api_json_count(root, "messages", ask->messages);
    api_json_count(root, "recipients", ask->recipients);
    api_json_count(root, "bytes", ask->bytes);
    char *text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    return text;
}

static int sync_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int rc = fd < 0 || fsync(fd) != 0 ? -errno : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

static int step_close(struct packer_ask *ask)
{
    if (ask->messages == 0) {
        (void)rmdir(ask->dir); /* stays when somebody else has put something into it */
        return 0;
    }
    int dir = open_dir(ask);
    int rc = dir < 0 ? dir : 0;
    char *text = print_manifest(ask);
    if (rc == 0) {
        rc = text == NULL ? -ENOMEM
                          : write_file(dir, PACKER_MANIFEST ".new", text, strlen(text));
    }
    if (rc == 0) {
        rc = sync_file(dir, PACKER_MANIFEST ".new");
    }
    if (rc == 0 && renameat(dir, PACKER_MANIFEST ".new", dir, PACKER_MANIFEST) != 0) {
        rc = -errno;
    }
    if (rc == 0 && fsync(dir) != 0) {
        rc = -errno;
    }
    if (rc != 0) {
        errmsg_errno(&ask->err, rc, "write %s/%s", ask->dir, PACKER_MANIFEST);
    }
    free(text);
    if (dir >= 0) {
        (void)close(dir);
    }
    return rc;
}

static void on_ask(struct letter *letter)
{
    struct packer_ask *ask = LIST_OWNER(letter, struct packer_ask, letter);
    switch (ask->step) {
    case PACKER_OPEN: ask->rc = step_open(ask); break;
    case PACKER_WRITE: ask->rc = step_write(ask); break;
    case PACKER_CLOSE: ask->rc = step_close(ask); break;
    }
    mailbox_post(ask->home, &ask->letter, ask->done_cb);
}

void packer_post(struct packer_ask *ask)
{
    porter_post(&ask->letter, on_ask);
}
