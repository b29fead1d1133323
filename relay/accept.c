/* Good path: accept_open takes credits; accept_body fills a buffer; accept_commit encodes
 * the envelope and submits the record; on_written (writer thread) posts two letters; the
 * worker says 250, core indexes; whoever is last frees.
 *
 * A body above LIMIT_BODY_INLINE: each full buffer becomes a piece of its own and flies;
 * commit waits until all have landed.
 *
 * Failure: a piece or the record that is not written makes rc stick; the session hears it
 * at the end, core never does. A session that leaves before commit: pieces land, then all
 * is freed; what they left on disk belongs to no message and goes with its segment. */

#include "relay/accept.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/limits.h"
#include "relay/now.h"
#include "relay/vault.h"
#include "relay/worker.h"

struct piece {
    struct queue_write write;
    struct letter letter;
    struct accept *accept; /* borrowed: it waits for its pieces */
    unsigned number;
    char *bytes;     /* owned */
    uint8_t *sealed; /* owned: written in their place; NULL plain */
};

struct accept {
    struct queue_write write;
    struct letter to_worker;
    struct letter to_core;
    struct queue_upload upload;
    uint64_t id;
    struct worker *worker; /* borrowed */
    accept_room_cb room_cb;
    accept_done_cb done_cb;
    void *owner; /* borrowed; NULL once the session has left */
    char *body;  /* owned: the inline body, or the piece being filled */
    size_t body_length;
    size_t body_room;
    struct place *pieces; /* owned; places as they land */
    unsigned piece_count;
    unsigned piece_room;
    unsigned flying;     /* pieces submitted and not landed */
    uint64_t body_bytes; /* in all */
    uint64_t reserved_bytes;
    unsigned reserved_rcpts;
    int rc;             /* sticks */
    bool is_uploading;  /* queue_upload_begin was called */
    bool is_committing; /* the record is complete and waits for its pieces, or flies */
    uint8_t *envelope;  /* owned: encoded */
    size_t envelope_length;
    uint8_t *sealed; /* owned: the record, when the queue is encrypted */
    char *header;    /* owned */
    size_t header_length;
    unsigned refs; /* atomic: the worker's side and core's */
};

static void accept_free(struct accept *accept)
{
    free(accept->body);
    free(accept->pieces);
    free(accept->envelope);
    free(accept->sealed);
    free(accept->header);
    free(accept);
}

static void unref(struct accept *accept)
{
    if (__atomic_sub_fetch(&accept->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        accept_free(accept);
    }
}

/* Nothing of it will be queued: give back what was taken. Worker thread. */
static void give_up(struct accept *accept)
{
    assert(accept->flying == 0);
    if (accept->is_uploading) {
        queue_upload_end(accept->worker->queue, &accept->upload);
        accept->is_uploading = false;
    }
    queue_unreserve(accept->worker->queue, accept->reserved_bytes,
                    accept->reserved_rcpts);
    accept->worker->accepts--;
    unref(accept);
}

int accept_open(struct accept **out, struct worker *worker, uint64_t size_bytes,
                unsigned recipients, accept_room_cb room_cb, void *owner)
{
    uint64_t bytes = size_bytes > LIMIT_BODY_INLINE ? size_bytes : LIMIT_BODY_INLINE;
    int rc = queue_reserve(worker->queue, bytes, recipients);
    if (rc != 0) {
        return rc;
    }
    struct accept *accept = arena_must(1, sizeof *accept);
    accept->worker = worker;
    accept->id = id_next(&worker->ids, now_unix_ms());
    accept->room_cb = room_cb;
    accept->owner = owner;
    accept->reserved_bytes = bytes;
    accept->reserved_rcpts = recipients;
    accept->refs = 1;
    worker->accepts++;
    *out = accept;
    return 0;
}

uint64_t accept_id(const struct accept *accept)
{
    return accept->id;
}

bool accept_wants_more(const struct accept *accept)
{
    return accept->flying < ACCEPT_PIECES_FLYING;
}

static int write_record(struct accept *accept);

static void on_piece_landed(struct letter *letter)
{
    struct piece *piece = LIST_OWNER(letter, struct piece, letter);
    struct accept *accept = piece->accept;
    if (piece->write.rc != 0) {
        accept->rc = piece->write.rc;
    } else {
        accept->pieces[piece->number] = piece->write.place;
    }
    accept->flying--;
    queue_upload_landed(accept->worker->queue, &accept->upload,
                        piece->write.rc == 0 ? &piece->write.place : NULL,
                        accept->flying == 0);
    free(piece->bytes);
    free(piece->sealed);
    free(piece);

    if (accept->flying == 0 && accept->owner == NULL && !accept->is_committing) {
        give_up(accept);
    } else if (accept->is_committing) {
        if (accept->flying == 0) {
            (void)write_record(accept);
        }
    } else if (accept->owner != NULL && accept->flying == ACCEPT_PIECES_FLYING - 1) {
        accept->room_cb(accept->owner);
    }
}

/* Writer thread. */
static void on_piece_written(struct queue_write *write, int rc)
{
    struct piece *piece = write->owner;
    write->rc = rc;
    mailbox_post(&piece->accept->worker->mailbox, &piece->letter, on_piece_landed);
}

static int grow_pieces(struct accept *accept)
{
    if (accept->piece_count < accept->piece_room) {
        return 0;
    }
    unsigned room = accept->piece_room == 0 ? 16 : accept->piece_room * 2;
    struct place *pieces = realloc(accept->pieces, room * sizeof *pieces);
    if (pieces == NULL) {
        return -ENOMEM;
    }
    accept->pieces = pieces;
    accept->piece_room = room;
    return 0;
}

/* The buffer becomes a piece and flies. */
static int launch_piece(struct accept *accept)
{
    if (accept->piece_count == ENVELOPE_PIECES || grow_pieces(accept) != 0) {
        return -ENOMEM;
    }
    if (!accept->is_uploading) {
        queue_upload_begin(accept->worker->queue, &accept->upload);
        accept->is_uploading = true;
    } else if (accept->flying == 0) {
        queue_upload_more(accept->worker->queue, &accept->upload);
    }
    struct piece *piece = arena_must(1, sizeof *piece);
    queue_write_piece(&piece->write, accept->id, accept->body, accept->body_length);
    int rc = vault_wrap(accept->worker->queue, &piece->write, &piece->sealed);
    if (rc != 0) {
        free(piece);
        return rc;
    }
    piece->accept = accept;
    piece->number = accept->piece_count++;
    piece->bytes = accept->body;
    accept->pieces[piece->number] = (struct place){0};
    accept->flying++;
    piece->write.owner = piece;
    accept->body = NULL;
    accept->body_length = 0;
    accept->body_room = 0;
    queue_submit(accept->worker->queue, &piece->write, QUEUE_WRITTEN, on_piece_written);
    return 0;
}

static int make_room(struct accept *accept, size_t want)
{
    if (accept->body_room - accept->body_length >= want) {
        return 0;
    }
    size_t room = accept->body_room == 0 ? 8 * (size_t)1024 : accept->body_room;
    while (room - accept->body_length < want) {
        room *= 2;
    }
    if (room > LIMIT_PIECE_BYTES) {
        room = LIMIT_PIECE_BYTES;
    }
    char *body = realloc(accept->body, room);
    if (body == NULL) {
        return -ENOMEM;
    }
    accept->body = body;
    accept->body_room = room;
    return 0;
}

/* A body larger than was declared needs credits of its own. */
static int more_credit(struct accept *accept)
{
    if (accept->body_bytes <= accept->reserved_bytes) {
        return 0;
    }
    int rc = queue_reserve(accept->worker->queue, LIMIT_CREDIT_STEP, 0);
    if (rc == 0) {
        accept->reserved_bytes += LIMIT_CREDIT_STEP;
    }
    return rc;
}

int accept_body(struct accept *accept, const char *bytes, size_t length)
{
    while (length > 0 && accept->rc == 0) {
        if (accept->body_length == LIMIT_PIECE_BYTES) {
            accept->rc = launch_piece(accept);
            continue;
        }
        size_t take = LIMIT_PIECE_BYTES - accept->body_length;
        take = take < length ? take : length;
        accept->body_bytes += take;
        accept->rc = more_credit(accept);
        if (accept->rc == 0) {
            accept->rc = make_room(accept, take);
        }
        if (accept->rc != 0) {
            break;
        }
        memcpy(accept->body + accept->body_length, bytes, take);
        accept->body_length += take;
        bytes += take;
        length -= take;
    }
    return accept->rc;
}

/* The session's side hears. Worker thread. */
static void on_committed(struct letter *letter)
{
    struct accept *accept = LIST_OWNER(letter, struct accept, to_worker);
    accept_done_cb done_cb = accept->done_cb;
    void *owner = accept->owner;
    int rc = accept->write.rc;
    if (rc != 0) {
        give_up(accept);
    } else {
        accept->worker->accepts--;
        unref(accept);
    }
    if (owner != NULL) {
        done_cb(owner, rc);
    }
}

/* Writer thread. Both letters are posted last: each gives the accept away. */
static void on_written(struct queue_write *write, int rc)
{
    struct accept *accept = write->owner;
    write->rc = rc;
    struct worker *worker = accept->worker;
    if (rc == 0) {
        mailbox_post(worker->core_mailbox, &accept->to_core, core_on_accepted);
    } else {
        __atomic_store_n(&accept->refs, 1, __ATOMIC_RELAXED); /* core will not hear */
    }
    mailbox_post(&worker->mailbox, &accept->to_worker, on_committed);
}

/* A record that cannot be written: the session hears from its mailbox, as ever. */
static int fail(struct accept *accept, int rc)
{
    accept->write.rc = rc;
    mailbox_post(&accept->worker->mailbox, &accept->to_worker, on_committed);
    return rc;
}

static int write_record(struct accept *accept)
{
    if (accept->rc != 0) {
        return fail(accept, accept->rc);
    }
    struct iovec envelope = {accept->envelope, accept->envelope_length};
    struct iovec header = {accept->header, accept->header_length};
    struct iovec body = {accept->body, accept->body_length};
    unsigned body_count = accept->piece_count == 0 && accept->body_length > 0 ? 1 : 0;

    if (accept->piece_count > 0) {
        /* Only now the places are known: encode the envelope again, with them. */
        struct envelope decoded;
        int rc = envelope_decode(accept->envelope, accept->envelope_length, &decoded);
        if (rc != 0) {
            return fail(accept, rc);
        }
        decoded.pieces = accept->pieces;
        decoded.piece_count = accept->piece_count;
        size_t bound = envelope_bound(&decoded);
        uint8_t *bytes = malloc(bound);
        size_t length = 0;
        rc = bytes == NULL ? -ENOMEM
                           : envelope_encode(&decoded, bytes, bound, &length, NULL);
        decoded.pieces = NULL;
        decoded.piece_count = 0;
        envelope_free(&decoded);
        if (rc != 0) {
            free(bytes);
            return fail(accept, rc);
        }
        free(accept->envelope);
        accept->envelope = bytes;
        accept->envelope_length = length;
        envelope = (struct iovec){bytes, length};
    }
    queue_write_accept(&accept->write, accept->id, &envelope, &header, &body, body_count);
    int rc = accept->write.length > QUEUE_RECORD_BYTES
                 ? -EMSGSIZE
                 : vault_wrap(accept->worker->queue, &accept->write, &accept->sealed);
    if (rc != 0) {
        return fail(accept, rc);
    }
    __atomic_store_n(&accept->refs, 2, __ATOMIC_RELAXED);
    accept->write.owner = accept;
    queue_submit(accept->worker->queue, &accept->write, QUEUE_SYNCED, on_written);
    return 0;
}

int accept_commit(struct accept *accept, struct envelope *envelope, const char *header,
                  size_t header_length, accept_done_cb done_cb)
{
    assert(envelope->id == accept->id);
    int rc = accept->rc;
    if (rc == 0 && accept->piece_count > 0 && accept->body_length > 0) {
        rc = launch_piece(accept);
    }
    envelope->size_bytes = header_length + accept->body_bytes;
    size_t bound = envelope_bound(envelope);
    accept->envelope = rc == 0 ? malloc(bound) : NULL;
    accept->header = rc == 0 ? malloc(header_length + 1) : NULL;
    if (rc == 0 && (accept->envelope == NULL || accept->header == NULL)) {
        rc = -ENOMEM;
    }
    struct errmsg err = {.text = ""};
    if (rc == 0) {
        rc = envelope_encode(envelope, accept->envelope, bound, &accept->envelope_length,
                             &err);
    }
    if (rc != 0) {
        accept->rc = rc;
        accept_leave(accept);
        return rc;
    }
    memcpy(accept->header, header, header_length);
    accept->header_length = header_length;
    accept->done_cb = done_cb;
    accept->is_committing = true;
    if (accept->flying == 0) {
        (void)write_record(accept);
    }
    return 0;
}

void accept_leave(struct accept *accept)
{
    if (accept == NULL) {
        return;
    }
    accept->owner = NULL;
    if (!accept->is_committing && accept->flying == 0) {
        give_up(accept);
    }
}

struct accept *accept_of_letter(struct letter *letter)
{
    return LIST_OWNER(letter, struct accept, to_core);
}

const struct place *accept_place(const struct accept *accept)
{
    return &accept->write.place;
}

struct core *accept_core(const struct accept *accept)
{
    return accept->worker->core;
}

const void *accept_envelope(const struct accept *accept, size_t *out_length)
{
    *out_length = accept->envelope_length;
    return accept->envelope;
}

void accept_indexed(struct accept *accept)
{
    struct queue *queue = accept->worker->queue;
    if (accept->is_uploading) {
        queue_upload_end(queue, &accept->upload);
    }
    queue_unreserve(queue, accept->reserved_bytes, accept->reserved_rcpts);
    unref(accept);
}
