/* Good path: list the directory, every message whole, as many as the manifest says; read
 * some envelopes; remember their ids; read each content once, checking it on the way:
 * small ones into their record, large ones in pieces; wait for all records of the batch.
 *
 * Failure modes: half of a message, or a directory without manifest: nothing is taken at
 * all. A file that was changed, an envelope that is none: that message is refused. No
 * room, or the queue has failed: it ends there; what was written before is whole. A crash
 * between remembering and writing: that id is refused later, in words that say so. */

#include "relay/unpacker.h"

#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/crc32c.h"
#include "queue/list.h"

#include "relay/arena.h"
#include "relay/id.h"
#include "relay/limits.h"
#include "relay/porter.h"
#include "relay/unpacker_dir.h"
#include "relay/vault.h"

#define NAME_BYTES 32

/* One record or piece on its way to the disk. */
struct parcel_write {
    struct queue_write write;
    uint8_t prefix[QUEUE_RESTORED_PREFIX];
    uint8_t *sealed;   /* owned */
    uint8_t *envelope; /* owned */
    char *content;     /* owned: header block and inline body */
    sem_t done;
    int rc;
};

/* Writer thread. */
static void on_done(struct queue_write *write, int rc)
{
    struct parcel_write *flying = write->owner;
    flying->rc = rc;
    (void)sem_post(&flying->done);
}

static void begin_flight(struct parcel_write *flying)
{
    (void)sem_init(&flying->done, 0, 0);
}

static int launch(struct queue *queue, struct parcel_write *flying,
                  enum queue_level level)
{
    flying->write.owner = flying;
    int rc = vault_wrap(queue, &flying->write, &flying->sealed);
    if (rc == 0) {
        queue_submit(queue, &flying->write, level, on_done);
    }
    return rc;
}

static int land(struct parcel_write *flying)
{
    while (sem_wait(&flying->done) != 0) {
        /* EINTR: there is nothing else */
    }
    return flying->rc;
}

static void end_flight(struct parcel_write *flying)
{
    free(flying->sealed);
    free(flying->envelope);
    free(flying->content);
    (void)sem_destroy(&flying->done);
}

/* ---- the content ---- */

/* Read exactly that many bytes, and their checksum. */
static int read_exactly(int fd, char *out, size_t length, uint32_t *checksum)
{
    size_t got = 0;
    while (got < length) {
        ssize_t more = read(fd, out + got, length - got);
        if (more < 0 && errno == EINTR) {
            continue;
        }
        if (more <= 0) {
            return more < 0 ? -errno : -EBADMSG;
        }
        got += (size_t)more;
    }
    *checksum = crc32c(*checksum, out, length);
    return 0;
}

static int write_piece(struct queue *queue, uint64_t id, const char *bytes, size_t length,
                       struct place *out_place)
{
    struct parcel_write flying = {.rc = 0};
    begin_flight(&flying);
    queue_write_piece(&flying.write, id, bytes, length);
    int rc = launch(queue, &flying, QUEUE_WRITTEN);
    if (rc == 0) {
        rc = land(&flying);
    }
    *out_place = flying.write.place;
    end_flight(&flying);
    return rc;
}

/* A body too large for its record, piece by piece. */
static int write_pieces(struct queue *queue, struct unpacker_item *item, int fd,
                        uint64_t length, uint32_t *checksum)
{
    uint64_t count = (length + LIMIT_PIECE_BYTES - 1) / LIMIT_PIECE_BYTES;
    if (count > ENVELOPE_PIECES) {
        return -EMSGSIZE;
    }
    char *bytes = arena_must(1, LIMIT_PIECE_BYTES);
    item->pieces = arena_must(count, sizeof *item->pieces);
    queue_upload_begin(queue, &item->upload);
    item->is_uploading = true;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        size_t part = length > LIMIT_PIECE_BYTES ? LIMIT_PIECE_BYTES : (size_t)length;
        rc = read_exactly(fd, bytes, part, checksum);
        if (rc == 0) {
            rc = write_piece(queue, item->id, bytes, part, &item->pieces[i]);
        }
        length -= part;
    }
    free(bytes);
    if (rc == 0) {
        item->parcel.envelope.pieces = item->pieces;
        item->parcel.envelope.piece_count = (unsigned)count;
    }
    return rc;
}

/* Header and body out of ID.eml, and nothing behind them. */
static int read_content(struct queue *queue, struct unpacker_item *item, int fd,
                        struct parcel_write *flying, size_t *out_body)
{
    const struct parcel *parcel = &item->parcel;
    uint64_t body = parcel->eml_bytes - parcel->header_bytes;
    uint32_t checksum = 0;
    char behind = 0;
    if (parcel->header_bytes > QUEUE_RECORD_BYTES) {
        return -EMSGSIZE;
    }
    size_t inline_body = body <= LIMIT_BODY_INLINE ? (size_t)body : 0;
    flying->content = malloc((size_t)parcel->header_bytes + inline_body + 1);
    if (flying->content == NULL) {
        return -ENOMEM;
    }
    int rc = read_exactly(fd, flying->content, (size_t)parcel->header_bytes + inline_body,
                          &checksum);
    if (rc == 0 && inline_body < body) {
        rc = write_pieces(queue, item, fd, body, &checksum);
    }
    if (rc == 0 && (checksum != parcel->checksum || read(fd, &behind, 1) != 0)) {
        rc = -EBADMSG;
    }
    *out_body = inline_body;
    return rc;
}

/* ---- the record ---- */

static int encode_states(struct unpacker_item *item)
{
    const struct parcel *parcel = &item->parcel;
    size_t room = 0;
    for (unsigned i = 0; i < parcel->envelope.recipient_count; i++) {
        size_t length = 0;
        if (room - item->states_length < CHANGE_BOUND) {
            room = room * 2 + CHANGE_BOUND;
            uint8_t *bigger = realloc(item->states, room);
            if (bigger == NULL) {
                return -ENOMEM;
            }
            item->states = bigger;
        }
        /* Texts come in a record of their own, where they are looked for. */
        struct change change = parcel->states[i];
        change.text = change.host = change.address = change.tls = "";
        change.actor = change.reason = "";
        int rc = change_encode(&change, item->states + item->states_length,
                               room - item->states_length, &length);
        if (rc != 0) {
            return rc;
        }
        item->states_length += length;
    }
    return 0;
}

static int fill_write(struct unpacker_item *item, struct parcel_write *flying,
                      size_t body_length)
{
    const struct parcel *parcel = &item->parcel;
    size_t bound = envelope_bound(&parcel->envelope);
    size_t length = 0;
    flying->envelope = malloc(bound);
    int rc = flying->envelope == NULL
                 ? -ENOMEM
                 : envelope_encode(&parcel->envelope, flying->envelope, bound, &length,
                                   &item->err);
    if (rc == 0) {
        rc = encode_states(item);
    }
    if (rc != 0) {
        return rc;
    }
    const struct iovec parts[3] = {{item->states, item->states_length},
                                   {flying->envelope, length},
                                   {flying->content, (size_t)parcel->header_bytes}};
    const struct iovec body = {flying->content + parcel->header_bytes, body_length};
    queue_write_restored(&flying->write, item->id, flying->prefix, parts, &body,
                         body_length > 0 ? 1 : 0);
    return flying->write.length > QUEUE_RECORD_BYTES ? -EMSGSIZE : 0;
}

static void refuse(struct unpacker_item *item, int rc)
{
    item->is_refused = true;
    switch (rc) {
    case -EBADMSG:
        errmsg_set(&item->err, "its .eml is not the one that its .json describes");
        return;
    case -EMSGSIZE: errmsg_set(&item->err, "it is too large for a queue"); return;
    case -EINVAL:
        errmsg_wrap(&item->err, "its .json has what no envelope may have");
        return;
    default: errmsg_errno(&item->err, rc, "its files cannot be read"); return;
    }
}

/* Is it the queue that cannot take any more? */
static bool ends_all(int rc)
{
    return rc == -ENOSPC || rc == -EAGAIN || rc == -ENOMEM || rc == -EIO;
}

static int start_item(struct unpacker_ask *ask, int dir, struct unpacker_item *item,
                      struct parcel_write *flying)
{
    char id[ID_BYTES];
    char name[NAME_BYTES];
    size_t body = 0;
    unsigned recipients = item->parcel.envelope.recipient_count;
    int rc = queue_reserve(ask->queue, item->parcel.eml_bytes, recipients);
    if (rc != 0) {
        return rc;
    }
    item->reserved_bytes = item->parcel.eml_bytes;
    id_print(item->id, id);
    (void)snprintf(name, sizeof name, "%s.eml", id);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    rc = fd < 0 ? -errno : read_content(ask->queue, item, fd, flying, &body);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (rc == 0) {
        rc = fill_write(item, flying, body);
    }
    if (rc == 0) {
        rc = launch(ask->queue, flying, QUEUE_SYNCED);
    }
    if (rc != 0) {
        queue_unreserve(ask->queue, item->reserved_bytes, recipients);
        item->reserved_bytes = 0;
    }
    return rc;
}

static void finish_item(struct unpacker_ask *ask, struct unpacker_item *item,
                        struct parcel_write *flying, int *rc)
{
    int landed = land(flying);
    item->is_written = landed == 0;
    item->place = flying->write.place;
    if (landed != 0) {
        queue_unreserve(ask->queue, item->reserved_bytes,
                        item->parcel.envelope.recipient_count);
        item->reserved_bytes = 0;
        if (ends_all(landed)) {
            *rc = *rc != 0 ? *rc : landed;
        } else {
            refuse(item, landed);
        }
    }
}

/* ---- the steps ---- */

static int step_write(struct unpacker_ask *ask)
{
    struct parcel_write *flying = arena_must(UNPACKER_AT_ONCE, sizeof *flying);
    bool is_flying[UNPACKER_AT_ONCE] = {false};
    int dir = open(ask->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = dir < 0 ? -errno : unpacker_dir_remember(ask);
    for (unsigned i = 0; i < ask->item_count; i++) {
        begin_flight(&flying[i]);
        if (rc != 0 || ask->items[i].is_refused) {
            continue;
        }
        int started = start_item(ask, dir, &ask->items[i], &flying[i]);
        is_flying[i] = started == 0;
        if (started != 0 && ends_all(started)) {
            rc = started;
        } else if (started != 0) {
            refuse(&ask->items[i], started);
        }
    }
    for (unsigned i = 0; i < ask->item_count; i++) {
        if (is_flying[i]) {
            finish_item(ask, &ask->items[i], &flying[i], &rc);
        }
        if (!ask->items[i].is_written && ask->items[i].is_uploading) {
            queue_upload_end(ask->queue, &ask->items[i].upload);
            ask->items[i].is_uploading = false;
        }
        end_flight(&flying[i]);
    }
    if (dir >= 0) {
        (void)close(dir);
    }
    free(flying);
    if (rc != 0 && ask->err.text[0] == '\0') {
        errmsg_errno(&ask->err, rc, "write into the queue");
    }
    return rc;
}

static int step_load(struct unpacker_ask *ask)
{
    int dir = open(ask->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        int rc = -errno;
        errmsg_errno(&ask->err, rc, "open %s", ask->dir);
        return rc;
    }
    while (ask->next < ask->id_count && ask->item_count < UNPACKER_AT_ONCE) {
        struct unpacker_item *item = &ask->items[ask->item_count++];
        *item = (struct unpacker_item){.id = ask->ids[ask->next++]};
        if (unpacker_dir_parcel(dir, item->id, &item->parcel, &item->err) != 0) {
            item->is_refused = true;
        } else if (!ask->again && unpacker_dir_knows(ask, item->id)) {
            item->is_refused = true;
            errmsg_set(&item->err,
                       "it was imported here before, or an import of it was cut off; "
                       "--again takes it all the same");
        }
    }
    (void)close(dir);
    return 0;
}

static void on_ask(struct letter *letter)
{
    struct unpacker_ask *ask = LIST_OWNER(letter, struct unpacker_ask, letter);
    ask->err.text[0] = '\0';
    switch (ask->step) {
    case UNPACKER_OPEN: ask->rc = unpacker_dir_open(ask); break;
    case UNPACKER_LOAD: ask->rc = step_load(ask); break;
    case UNPACKER_WRITE: ask->rc = step_write(ask); break;
    }
    mailbox_post(ask->home, &ask->letter, ask->done_cb);
}

void unpacker_post(struct unpacker_ask *ask)
{
    porter_post(&ask->letter, on_ask);
}

void unpacker_drop_items(struct unpacker_ask *ask)
{
    for (unsigned i = 0; i < ask->item_count; i++) {
        struct unpacker_item *item = &ask->items[i];
        assert(!item->is_uploading);
        parcel_done(&item->parcel);
        free(item->pieces);
        free(item->states);
    }
    ask->item_count = 0;
}

void unpacker_done(struct unpacker_ask *ask)
{
    unpacker_drop_items(ask);
    free(ask->ids);
    free(ask->known);
}
