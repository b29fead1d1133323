/* A message that came by another door than SMTP (HTTP, the drop directory), taken in as
 * an SMTP session would be: the same engine, the same intake, the same rights and fixes,
 * without a connection.
 *
 * Its way: core -> a worker (submission_on_take) -> core (done_cb). Durable when it comes
 * back with code 250. */

#ifndef RELAY_SUBMISSION_H
#define RELAY_SUBMISSION_H

#include <stddef.h>
#include <stdint.h>

#include "queue/list.h"

#include "relay/mailbox.h"
#include "relay/net/netaddr.h"
#include "relay/snapshot.h"
#include "relay/users.h"

struct worker;

enum submission_kind {
    SUBMISSION_JSON,    /* content is JSON: relay/compose.h */
    SUBMISSION_MESSAGE, /* content is a message; from and to may be given */
    SUBMISSION_DROP,    /* all of it is in the file `path`: relay/dropfile.h */
};

/* The submission is the worker's until done_cb runs on core's thread. All owned texts are
 * freed by submission_free. */
struct submission {
    struct letter letter;
    struct worker *worker; /* borrowed: which was chosen */
    struct mailbox *home;  /* borrowed: core's */
    letter_cb done_cb;     /* letter is &submission->letter */
    void *owner;           /* for done_cb */
    enum submission_kind kind;
    enum snapshot_door door;
    const char *protocol;        /* of Received: "HTTP"; a constant */
    char user[USERS_NAME_BYTES]; /* "": trusted, without a user */
    struct netaddr remote;
    char *from; /* owned: of the envelope; "" as the content says, "<>" the null sender */
    char *to;   /* owned: addresses parted by commas; "" as the content says */
    char *content;    /* owned */
    const char *path; /* borrowed from the owner, of SUBMISSION_DROP */
    char notify[64];  /* of every recipient (RFC 3461); "" none */
    char ret[64];
    size_t length;

    unsigned code;  /* out: 250 and durable, or the refusal ... */
    char text[512]; /* ... as the client of SMTP would hear it, without the code */
    uint64_t id;    /* out: of the message, with 250 */
};

/* Worker thread. */
void submission_on_take(struct letter *letter);

void submission_free(struct submission *submission);

#endif
