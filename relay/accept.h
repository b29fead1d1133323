/* One message on its way to the disk: collects the body, writes large ones in pieces,
 * commits header, envelope and body as one accept record, tells the session and core.
 *
 * Worker thread. Memory is bounded: the header block and at most LIMIT_BODY_INLINE of
 * body, and for a large body ACCEPT_PIECES_FLYING pieces on their way to the disk. */

#ifndef RELAY_ACCEPT_H
#define RELAY_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

struct accept;
struct core;
struct envelope;
struct letter;
struct place;
struct worker;

#define ACCEPT_PIECES_FLYING 4

/* What the session hears on the worker's thread. rc is 0 when the message is durable
 * (say 250), -ENOSPC (452) or -EIO (451). The accept is gone for the session. */
typedef void (*accept_done_cb)(void *owner, int rc);

/* There is room for more body again. */
typedef void (*accept_room_cb)(void *owner);

/* Take credits for a message of size_bytes (what the client declared, 0 unknown) to so
 * many recipients. 0, or -ENOSPC, -ENOMEM, -EIO: say no before the first byte. */
int accept_open(struct accept **out, struct worker *worker, uint64_t size_bytes,
                unsigned recipients, accept_room_cb room_cb, void *owner) ATTR_MUST_CHECK;

/* The id that the message will have; its pieces bear it already. */
uint64_t accept_id(const struct accept *accept);

/* More body. 0, or the errno for which the content must be refused. */
int accept_body(struct accept *accept, const char *bytes, size_t length) ATTR_MUST_CHECK;

/* False while too many pieces are on their way: stop reading until room_cb. */
bool accept_wants_more(const struct accept *accept);

/* All of the body is there: write it. envelope is complete but for size_bytes and pieces,
 * bears accept_id, and is copied, as is header. 0 and done_cb follows, or an errno and
 * the accept is gone. */
int accept_commit(struct accept *accept, struct envelope *envelope, const char *header,
                  size_t header_length, accept_done_cb done_cb) ATTR_MUST_CHECK;

/* ---- core's side: the letter that the commit posts there ---- */

struct accept *accept_of_letter(struct letter *letter);
const struct place *accept_place(const struct accept *accept);

struct core *accept_core(const struct accept *accept);

/* The envelope's bytes as they are on disk. */
const void *accept_envelope(const struct accept *accept, size_t *out_length);

/* Core has indexed it: credits go back, the accept is gone for core. */
void accept_indexed(struct accept *accept);

/* The session has gone: a message that is being committed stays (it may be on the disk
 * already), any other is forgotten. No callback comes. NULL is allowed. */
void accept_leave(struct accept *accept);

#endif
