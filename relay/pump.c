#include "relay/pump.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "queue/list.h"

#include "relay/arena.h"
#include "relay/net/conn.h"

void pump_init(struct pump *pump, struct conn *conn, const struct queue_pin *pin,
               struct queue_message *content, struct mailbox *home)
{
    assert(!pump->is_reading);
    pump->conn = conn;
    pump->pin = pin;
    pump->content = content;
    dot_encode_init(&pump->encoder);
    pump->is_raw = false;
    pump->part = 0;
    pump->at = (const char *)content->header;
    pump->left = content->header_length;
    pump->rc = 0;
    pump->ask.home = home;
}

static void take_piece(struct pump *pump, int rc)
{
    pump->rc = rc;
    pump->at = rc == 0 ? (const char *)pump->piece.bytes : NULL;
    pump->left = rc == 0 ? pump->piece.length : 0;
}

static void on_piece(struct letter *letter)
{
    struct reader_ask *ask = LIST_OWNER(letter, struct reader_ask, letter);
    struct pump *pump = LIST_OWNER(ask, struct pump, ask);
    pump->is_reading = false;
    take_piece(pump, ask->rc);
    pump->read_cb(pump->owner);
}

/* Bring the piece of this part into the buffer. */
static enum pump_state read_piece(struct pump *pump)
{
    unsigned piece = pump->part - 2;
    size_t room = queue_piece_bytes(pump->content, piece);
    if (room > pump->piece.capacity) {
        uint8_t *buffer = realloc(pump->piece.buffer, room);
        if (buffer == NULL) {
            pump->rc = -ENOMEM;
            return PUMP_FAILED;
        }
        pump->piece.buffer = buffer;
        pump->piece.capacity = room;
    }
    int rc = queue_read_piece(pump->pin, pump->content, piece, true, &pump->piece);
    if (rc == -EAGAIN) {
        pump->ask.done_cb = on_piece;
        pump->ask.pin = pump->pin;
        pump->ask.message = pump->content;
        pump->ask.is_piece = true;
        pump->ask.piece = piece;
        pump->ask.out_piece = &pump->piece;
        pump->is_reading = true;
        reader_fetch(&pump->ask);
        return PUMP_WAIT;
    }
    take_piece(pump, rc);
    return rc == 0 ? PUMP_DONE : PUMP_FAILED;
}

/* Step to the next part. PUMP_DONE: it is at hand (or there is none, and *out_end). */
static enum pump_state next_part(struct pump *pump, bool *out_end)
{
    pump->part++;
    if (pump->part == 1) {
        pump->at = (const char *)pump->content->body;
        pump->left = pump->content->body_length;
        return PUMP_DONE;
    }
    if (pump->part - 2 >= pump->content->envelope.piece_count) {
        *out_end = true;
        return PUMP_DONE;
    }
    return read_piece(pump);
}

static bool is_clean(const struct pump *pump, struct dot_encoder *encoder,
                     const char *bytes, size_t length)
{
    return pump->is_raw || dot_is_clean(encoder, bytes, length);
}

/* Header and inline body in one go, when neither needs stuffing. True when it was done;
 * *out_rc is conn_write_slices' answer then. */
static bool send_whole(struct pump *pump, int *out_rc)
{
    struct dot_encoder encoder = pump->encoder;
    const char *body = (const char *)pump->content->body;
    size_t body_length = pump->content->body_length;
    if (pump->part != 0 || body_length == 0 ||
        pump->at != (const char *)pump->content->header ||
        !is_clean(pump, &encoder, pump->at, pump->left) ||
        !is_clean(pump, &encoder, body, body_length)) {
        return false;
    }
    struct conn_slice slices[2] = {{pump->at, pump->left}, {body, body_length}};
    pump->encoder = encoder;
    pump->part = 1;
    pump->left = 0;
    *out_rc = conn_write_slices(pump->conn, slices, 2);
    return true;
}

/* Send some of the part at hand. As conn_write_slices: 0 taken, 1 borrowed, or negative.
 */
static int send_some(struct pump *pump)
{
    int rc = 0;
    if (send_whole(pump, &rc)) {
        return rc;
    }
    if (is_clean(pump, &pump->encoder, pump->at, pump->left)) {
        struct conn_slice slice = {pump->at, pump->left};
        pump->left = 0;
        return conn_write_slices(pump->conn, &slice, 1);
    }
    if (pump->coded == NULL) {
        pump->coded = arena_must(1, PUMP_CODED_BYTES);
    }
    size_t used = 0;
    size_t length = dot_encode(&pump->encoder, pump->at, pump->left, &used, pump->coded,
                               PUMP_CODED_BYTES);
    pump->at += used;
    pump->left -= used;
    struct conn_slice slice = {pump->coded, length};
    return length == 0 ? 0 : conn_write_slices(pump->conn, &slice, 1);
}

enum pump_state pump_go(struct pump *pump)
{
    for (;;) {
        if (pump->rc != 0) {
            return PUMP_FAILED;
        }
        if (pump->is_reading || conn_write_pending(pump->conn) > 0) {
            return PUMP_WAIT;
        }
        if (pump->left == 0) {
            bool end = false;
            enum pump_state state = next_part(pump, &end);
            if (state != PUMP_DONE || end) {
                return state;
            }
            continue;
        }
        int rc = send_some(pump);
        if (rc < 0) {
            return PUMP_LOST;
        }
        if (rc > 0) {
            return PUMP_WAIT;
        }
    }
}

bool pump_ends_in_crlf(const struct pump *pump)
{
    return pump->encoder.at_line_start;
}

void pump_done(struct pump *pump)
{
    assert(!pump->is_reading);
    free(pump->piece.buffer);
    pump->piece = (struct queue_piece){0};
    free(pump->coded);
    pump->coded = NULL;
}
