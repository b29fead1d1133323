/* Messages of the queue into a directory: ID.eml and ID.json each (parcel.h), and at the
 * end manifest.json. Without its manifest a directory is not complete, and nobody may
 * take what is in it for all that left the queue.
 *
 * Each ask runs on the porter's thread and comes back to home. What PACKER_WRITE answers
 * for is durable: files, names and the directory. */

#ifndef RELAY_PACKER_H
#define RELAY_PACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/queue.h"

#include "relay/mailbox.h"

#define PACKER_MANIFEST      "manifest.json"
#define PACKER_FORMAT        "mesura export 1"
#define PACKER_MANIFEST_MOST 4096

/* One message. */
struct packer_item {
    uint64_t id;
    struct queue_pin pin; /* core's to unpin */
    uint8_t *changes;     /* owned by the asker: change_encode of each recipient to go */
    size_t changes_length;
    size_t changes_room;
    unsigned count; /* recipients in changes */
    int rc;         /* out: why this one is not in the directory */
};

enum packer_step {
    PACKER_OPEN,  /* make the directory; it must be empty */
    PACKER_WRITE, /* items */
    PACKER_CLOSE, /* the manifest; or, when nothing was packed, no directory */
};

struct packer_ask {
    struct letter letter;
    struct mailbox *home; /* borrowed */
    letter_cb done_cb;    /* letter is &ask->letter */
    enum packer_step step;
    const char *dir; /* absolute */
    struct packer_item *items;
    unsigned item_count;

    /* of all items of all asks: kept by the packer, written into the manifest */
    uint64_t messages;
    uint64_t recipients;
    uint64_t bytes;

    /* for the manifest */
    bool is_move; /* they are taken out of the queue */
    const char *hostname;
    const char *by;
    int64_t unix_ms;

    uint64_t keep_free; /* bytes of the disk that are left alone; 0: all may be used */

    int rc; /* out: 0, or why the step was not done; items keep theirs */
    struct errmsg err;
};

void packer_post(struct packer_ask *ask);

#endif
