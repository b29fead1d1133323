/* The thread that carries messages between the queue and directories of files: packer and
 * unpacker work on it, because every step of theirs may wait for a disk. */

#ifndef RELAY_PORTER_H
#define RELAY_PORTER_H

#include "queue/errmsg.h"

#include "relay/mailbox.h"

int porter_start(struct errmsg *err) ATTR_MUST_CHECK;

/* run_cb runs on the porter's thread. Any thread. */
void porter_post(struct letter *letter, letter_cb run_cb);

/* Nobody may post any more; what was posted is done. */
void porter_stop(void);

#endif
