#include "relay/inject.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/idn.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/sealing.h"
#include "relay/smtp/address.h"
#include "relay/snapshot.h"
#include "relay/vault.h"

#define PRIORITY 5
#define AGAIN_NS (60 * NOW_NS_PER_S)

struct inject {
    struct list_node node; /* in its row of the caller's flight */
    struct queue_write write;
    struct letter letter;
    struct agenda_item again; /* after ENOSPC */
    struct core *core;
    uint64_t id;
    uint64_t about;
    inject_landed_cb landed_cb;
    uint8_t *sealed;   /* owned: the record, when the queue is encrypted */
    uint8_t *envelope; /* owned: encoded */
    size_t envelope_length;
    struct textbuf header;
    struct textbuf body;
};

static void inject_free(struct inject *inject)
{
    textbuf_done(&inject->header);
    textbuf_done(&inject->body);
    free(inject->envelope);
    free(inject->sealed);
    free(inject);
}

/* Ids that follow each other lie in different rows: the multiplier is odd and the row is
 * taken from the high bits, which depend on all the others. */
static struct list *row_of(struct inject_flight *flight, uint64_t about)
{
    return &flight
                ->rows[(about * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (INJECT_ROWS - 1)];
}

void inject_flight_init(struct inject_flight *flight)
{
    for (unsigned i = 0; i < INJECT_ROWS; i++) {
        list_init(&flight->rows[i]);
    }
}

void inject_drop_all(struct inject_flight *flight)
{
    for (unsigned i = 0; i < INJECT_ROWS; i++) {
        list_each_safe (node, &flight->rows[i]) {
            list_remove(node);
            inject_free(LIST_OWNER(node, struct inject, node));
        }
    }
}

bool inject_is_flying(struct inject_flight *flight, uint64_t about)
{
    list_each (node, row_of(flight, about)) {
        if (LIST_OWNER(node, struct inject, node)->about == about) {
            return true;
        }
    }
    return false;
}

static void on_written(struct queue_write *write, int rc);

static void submit(struct inject *inject)
{
    struct iovec head = {inject->envelope, inject->envelope_length};
    struct iovec header = {inject->header.bytes, inject->header.length};
    struct iovec body = {inject->body.bytes, inject->body.length};
    memset(&inject->write, 0, sizeof inject->write);
    queue_write_accept(&inject->write, inject->id, &head, &header, &body, 1);
    inject->write.owner = inject;
    inject->write.may_use_reserve = true;
    free(inject->sealed); /* of a try that met a full disk */
    int rc = vault_wrap(inject->core->queue, &inject->write, &inject->sealed);
    assert(rc == 0); /* at most a bounce's length: our own size */
    inject->core->notices.writing++;
    queue_submit(inject->core->queue, &inject->write, QUEUE_SYNCED, on_written);
}

static void on_again(struct agenda_item *item)
{
    struct inject *inject = LIST_OWNER(item, struct inject, again);
    submit(inject);
}

static void on_landed(struct letter *letter)
{
    struct inject *inject = LIST_OWNER(letter, struct inject, letter);
    struct core *core = inject->core;
    uint64_t about = inject->about;
    inject_landed_cb landed_cb = inject->landed_cb;
    int rc = inject->write.rc;
    core->notices.writing--;
    if (rc == -ENOSPC && !core->is_stopping) {
        log_error("the disk is full: a notice waits to be written; free some space");
        agenda_set(&core->agenda, &inject->again, (uint64_t)(now_ns() + AGAIN_NS));
        return;
    }
    list_remove(&inject->node);
    if (rc == 0) {
        core_index(core, inject->envelope, inject->envelope_length, &inject->write.place);
    } else {
        log_error("a notice could not be written to the queue; it is owed still");
    }
    inject_free(inject);
    if (landed_cb != NULL) {
        landed_cb(core, about, rc);
    }
}

/* Writer thread. */
static void on_written(struct queue_write *write, int rc)
{
    struct inject *inject = write->owner;
    write->rc = rc;
    mailbox_post(&inject->core->mailbox, &inject->letter, on_landed);
}

/* The domain part for the index. */
static bool domain_of(const char *text, char *out, size_t size)
{
    struct address address;
    return address_parse(text, strlen(text), true, &address) == ADDRESS_OK &&
           address.has_domain && address_domain_ascii(&address, idn_to_ascii, out, size);
}

static bool encode(struct inject *inject, const struct inject_letter *letter,
                   struct errmsg *err)
{
    const struct snapshot *snapshot = inject->core->snapshot;
    char domain[LIMIT_DOMAIN + 1];
    struct envelope_recipient recipient = {
        .address = letter->to, .domain = domain, .orcpt = ""};
    struct envelope envelope;
    if (!domain_of(letter->to, domain, sizeof domain)) {
        errmsg_set(err, "that is no address");
        return false;
    }
    envelope_init(&envelope);
    envelope.id = letter->id;
    envelope.accepted_unix_ms = (uint64_t)id_unix_ms(letter->id);
    envelope.expires_unix_ms =
        envelope.accepted_unix_ms +
        (uint64_t)(snapshot->streams[letter->stream].life.lifetime_ns / NOW_NS_PER_MS);
    envelope.size_bytes = inject->header.length + inject->body.length;
    envelope.flags = letter->flags | ENVELOPE_TRUSTED;
    envelope.priority = PRIORITY;
    envelope.stream = snapshot->config->streams[letter->stream].name;
    envelope.from_domain = snapshot->config->hostname;
    envelope.listener = "local";
    envelope.subject = letter->subject;
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    envelope.closes = letter->closes;
    envelope.close_count = letter->close_count;
    size_t bound = envelope_bound(&envelope);
    inject->envelope = malloc(bound);
    if (inject->envelope == NULL || inject->header.failed || inject->body.failed) {
        errmsg_set(err, "out of memory");
        return false;
    }
    return envelope_encode(&envelope, inject->envelope, bound, &inject->envelope_length,
                           err) == 0;
}

bool inject_send(struct core *core, struct inject_flight *flight,
                 const struct inject_letter *letter)
{
    struct inject *inject = arena_must(1, sizeof *inject);
    struct errmsg err = {.text = ""};
    inject->core = core;
    inject->about = letter->about;
    inject->landed_cb = letter->landed_cb;
    inject->header = *letter->header;
    inject->body = *letter->body;
    if (!inject->header.failed && !inject->body.failed) {
        sealing_sign_own(core->snapshot, letter->stream, &inject->body, &inject->header);
    }
    if (!encode(inject, letter, &err)) {
        log_error("a notice to <%s> cannot be made: %s", letter->to, err.text);
        inject_free(inject);
        return false;
    }
    inject->id = letter->id;
    inject->again.due_cb = on_again;
    list_push_back(row_of(flight, inject->about), &inject->node);
    submit(inject);
    return true;
}
