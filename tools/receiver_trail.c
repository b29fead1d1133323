#include "tools/receiver_trail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/escape.h"
#include "tools/grab.h"
#include "tools/receiver_keys.h"

#define BUFFER_BYTES  ((size_t)262144)
#define ADDRESS_BYTES 512 /* of an escaped address or id; longer ones are cut */
#define REPLY_BYTES   1024

struct receiver_trail {
    FILE *file;   /* owned */
    char *buffer; /* owned; used by file */
    bool failed;
};

struct receiver_trail *receiver_trail_open(const char *path, struct errmsg *err)
{
    FILE *file = fopen(path, "ae");
    struct receiver_trail *trail = NULL;

    if (file == NULL) {
        errmsg_errno(err, errno, "open %s", path);
        return NULL;
    }
    trail = grab_zeroed(1, sizeof *trail);
    trail->file = file;
    trail->buffer = grab_zeroed(1, BUFFER_BYTES);
    if (setvbuf(file, trail->buffer, _IOFBF, BUFFER_BYTES) != 0) {
        trail->failed = true;
    }
    return trail;
}

void receiver_trail_write(struct receiver_trail *trail,
                          const struct receiver_decision *decision)
{
    char sender[ADDRESS_BYTES];
    char recipient[ADDRESS_BYTES];
    char message_id[ADDRESS_BYTES];
    char reply[REPLY_BYTES];

    if (trail == NULL) {
        return;
    }
    (void)escape_json(decision->sender, sender, sizeof sender);
    (void)escape_json(decision->recipient, recipient, sizeof recipient);
    (void)escape_json(decision->message_id, message_id, sizeof message_id);
    (void)escape_json(decision->reply, reply, sizeof reply);
    if (fprintf(
            trail->file,
            "{\"time_ns\":%" PRId64 ",\"model_s\":%.3f,\"begun_ns\":%" PRId64
            ",\"provider\":\"%s\",\"source\":\"%s\",\"connection\":%" PRIu64
            ",\"stage\":\"%s\",\"verdict\":\"%s\",\"class\":\"%s\",\"code\":%d,"
            "\"sender\":\"%s\",\"recipient\":\"%s\",\"msgid\":\"%s\",\"reply\":\"%s\"}\n",
            decision->now_ns, (double)decision->model_ns / 1e9, decision->begun_ns,
            decision->provider->spec.name, decision->source->text, decision->connection,
            receiver_keys_stages[decision->stage],
            receiver_book_verdict(decision->class, decision->code),
            receiver_keys_classes[decision->class], decision->code, sender, recipient,
            message_id, reply) < 0) {
        trail->failed = true;
    }
}

void receiver_trail_flush(struct receiver_trail *trail)
{
    if (trail != NULL && fflush(trail->file) != 0) {
        trail->failed = true;
    }
}

int receiver_trail_close(struct receiver_trail *trail)
{
    bool failed = false;

    if (trail == NULL) {
        return 0;
    }
    failed = trail->failed;
    if (fclose(trail->file) != 0) {
        failed = true;
    }
    free(trail->buffer);
    free(trail);
    return failed ? -EIO : 0;
}
