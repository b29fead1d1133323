#include "tests/support/view_rig.h"

#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/api_filter.h"
#include "relay/arena.h"
#include "relay/core_start.h"
#include "relay/entropy.h"
#include "relay/id.h"
#include "relay/net/loop.h"
#include "relay/notice.h"
#include "relay/now.h"
#include "relay/porter.h"
#include "relay/reader.h"
#include "relay/snapshot.h"
#include "relay/store.h"
#include "relay/view.h"

#include "tests/support/test.h"

static const char config_text[] =
    "hostname = \"relay.test\";\n"
    "spool = \"%s\";\n"
    "control = \"%s/control.sock\";\n"
    "delivery = { enabled = false; };\n"
    "sources = ( { name = \"tx1\"; address = \"127.0.0.2\"; },\n"
    "            { name = \"bulk1\"; address = \"127.0.0.3\"; warmup = \"mine\"; } );\n"
    "streams = ( { name = \"transactional\"; sources = [ \"tx1\" ]; lifetime = \"3d\"; "
    "},\n"
    "            { name = \"bulk\"; sources = [ \"bulk1\" ]; lifetime = \"2d\"; } );\n"
    "warmups = ( { name = \"mine\"; start = 30; growth = 1.5; days = 10; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"20/s\"; max_connections = 10; },\n"
    "          { name = \"gmail\"; match = [ \"gmail.test\" ]; max_rate = \"50/s\"; } "
    ");\n"
    "routes = ( { domain = \"*\"; host = \"127.0.0.1\"; port = 9; tls = \"none\"; } );\n";

static void open_queue(struct view_rig *rig)
{
    struct errmsg err;
    char path[128];
    struct queue_options options = {.segment_bytes = QUEUE_SEGMENT_MIN * 4,
                                    .now_unix_ms = (uint64_t)now_wall_ms(),
                                    .salt = 117,
                                    .wake_core_cb = core_wake,
                                    .owner = &rig->call};
    options.directory = folder_path(&rig->folder, "queue", path, sizeof path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(queue_open(&rig->queue, &options, &err), 0, "%s", err.text);
}

static struct snapshot *open_config(struct view_rig *rig)
{
    const struct config *config = NULL;
    struct config_notes notes;
    struct snapshot *snapshot = NULL;
    struct errmsg err;
    char text[sizeof config_text + 256];
    int length =
        snprintf(text, sizeof text, config_text, rig->folder.path, rig->folder.path);
    folder_write(&rig->folder, "mesura.conf", text, (size_t)length);
    (void)folder_path(&rig->folder, "mesura.conf", rig->config_path,
                      sizeof rig->config_path);
    config_notes_init(&notes);
    if (config_load(rig->config_path, &config, &notes) != 0) {
        config_notes_print(&notes, stderr);
        cr_assert_fail("the rig's configuration is bad");
    }
    config_notes_clear(&notes);
    cr_assert_eq(snapshot_make(&snapshot, config, now_wall_ms(), &err), 0, "%s",
                 err.text);
    config_unref(config);
    return snapshot;
}

void view_rig_open(struct view_rig *rig)
{
    struct errmsg err = {.text = ""};
    *rig = (struct view_rig){.last_id = 0};
    folder_make(&rig->folder);
    cr_assert_eq(entropy_start(&err), 0);
    struct snapshot *snapshot = open_config(rig);
    open_queue(rig);
    struct store_options store = {.dir = rig->folder.path, .unix_ms = now_wall_ms()};
    struct store_opened opened = {0};
    cr_assert_eq(store_open(&rig->store, &store, &opened, &err), 0, "%s", err.text);
    (void)now_start(0);
    rig->core = arena_must(1, sizeof *rig->core);
    struct core_options options = {.snapshot = snapshot,
                                   .config_path = rig->config_path,
                                   .queue = rig->queue,
                                   .store = rig->store,
                                   .call = &rig->call,
                                   .floor_unix_ms = 0};
    cr_assert_eq(core_start_open(rig->core, &options, &err), 0, "%s", err.text);
    cr_assert_eq(core_start_workers(rig->core, &options, &err), 0, "%s", err.text);
    rig->view = view_table(rig->core->view);
}

void view_rig_close(struct view_rig *rig)
{
    while (rig->core->records.open != NULL || rig->core->records.flying > 0) {
        view_rig_turn(rig);
    }
    list_each (node, &rig->core->ramps.entries) {
        while (LIST_OWNER(node, struct ramp_entry, node)->is_leasing) {
            view_rig_turn(rig); /* core itself waits only when it has workers */
        }
    }
    reader_stop();
    porter_stop();
    core_start_close(rig->core);
    queue_close(rig->queue);
    store_close(rig->store);
    folder_remove(&rig->folder);
}

void view_rig_turn(struct view_rig *rig)
{
    struct core *core = rig->core;
    loop_run_once(core->loop);
    agenda_run(&core->agenda, (uint64_t)now_ns(), 1000);
    scheduler_run(core);
    notices_run(core);
    records_flush(core);
    (void)sched_yield();
}

/* ---- mail ---- */

static void on_written(struct queue_write *write, int rc)
{
    write->rc = rc;
    (void)sem_post(write->owner);
}

static void submit(struct view_rig *rig, const struct envelope *envelope, void *bytes,
                   size_t *out_length, struct queue_write *write)
{
    static char header[] = "Subject: test\r\n\r\n";
    static char text[] = "hello\r\n";
    struct errmsg err;
    sem_t done;
    cr_assert_eq(
        envelope_encode(envelope, bytes, envelope_bound(envelope), out_length, &err), 0,
        "%s", err.text);
    struct iovec head = {bytes, *out_length};
    struct iovec block = {header, sizeof header - 1};
    struct iovec body = {text, sizeof text - 1};
    memset(write, 0, sizeof *write);
    queue_write_accept(write, envelope->id, &head, &block, &body, 1);
    cr_assert_eq(sem_init(&done, 0, 0), 0);
    write->owner = &done;
    queue_submit(rig->queue, write, QUEUE_SYNCED, on_written);
    while (sem_wait(&done) != 0) {
    }
    cr_assert_eq(write->rc, 0);
    (void)sem_destroy(&done);
}

static bool is_resolved(struct view_rig *rig, uint64_t id)
{
    struct message_view message;
    struct recipient_view view;
    index_message(rig->core->index, index_find(rig->core->index, id), &message);
    for (uint32_t at = message.first; at != 0; at = view.next) {
        index_recipient(rig->core->index, at, &view);
        const struct lading *lading = view.flow->owner;
        if (lading->dest->site == NULL) {
            return false;
        }
    }
    return true;
}

uint64_t view_rig_accept(struct view_rig *rig, const char *stream,
                         const char *const *recipients)
{
    struct envelope envelope;
    struct envelope_recipient rcpts[8];
    char subject[128];
    struct queue_write write;
    size_t length = 0;
    envelope_init(&envelope);
    while (recipients[envelope.recipient_count] != NULL) {
        const char *address = recipients[envelope.recipient_count];
        cr_assert_lt(envelope.recipient_count, 8);
        rcpts[envelope.recipient_count++] = (struct envelope_recipient){
            .address = address, .domain = strchr(address, '@') + 1, .orcpt = ""};
    }
    (void)snprintf(subject, sizeof subject, "About %s", recipients[0]);
    envelope.id = rig->last_id = core_next_id(rig->core);
    envelope.accepted_unix_ms = (uint64_t)now_unix_ms();
    envelope.expires_unix_ms = envelope.accepted_unix_ms + UINT64_C(172800000);
    envelope.size_bytes = 24;
    envelope.priority = 5;
    envelope.sender = "app@sender.test";
    envelope.from_domain = "sender.test";
    envelope.stream = stream;
    envelope.user = "kim";
    envelope.client = "192.0.2.7";
    envelope.job = "weekly";
    envelope.subject = subject;
    envelope.message_id = "<1@sender.test>";
    envelope.recipients = rcpts;
    uint8_t *bytes = malloc(envelope_bound(&envelope) + 8192);
    cr_assert_not_null(bytes);
    submit(rig, &envelope, bytes, &length, &write);
    core_index(rig->core, bytes, length, &write.place);
    free(bytes);
    for (unsigned turns = 0; !is_resolved(rig, envelope.id); turns++) {
        cr_assert_lt(turns, 10000000);
        view_rig_turn(rig);
    }
    return envelope.id;
}

void view_rig_settle(struct view_rig *rig, uint64_t id, uint16_t number,
                     enum change_state state, const char *text)
{
    struct core *core = rig->core;
    struct message_view message;
    struct recipient_view view;
    struct change change;
    uint32_t handle = index_find(core->index, id);
    index_message(core->index, handle, &message);
    index_recipient(core->index, index_recipient_of(core->index, handle, number), &view);
    change_init(&change);
    change.id = id;
    change.home = message.place.segment;
    change.number = number;
    change.state = state;
    change.ended = change_state_is_final(state);
    change.attempts = (uint16_t)(view.attempts + 1);
    change.when_unix_ms = (uint64_t)now_unix_ms();
    change.next_unix_ms = state == CHANGE_WAITING ? change.when_unix_ms + 3600000 : 0;
    change.source = "tx1";
    change.reply_class = FINDING_THROTTLE;
    change.stage = REPLY_STAGE_RCPT;
    change.code = 451;
    change.enhanced[0] = 4;
    change.enhanced[1] = 7;
    change.enhanced[2] = 1;
    change.text = text;
    change.host = "mx.gmail.test";
    change.address = "192.0.2.25:25";
    change.previous = view.last;
    cr_assert_neq(records_add(core, &change), 0);
    do {
        view_rig_turn(rig);
    } while (core->records.flying > 0);
}

/* ---- answers ---- */

static void on_done(struct api_answer *answer, void *owner)
{
    struct view_rig *rig = owner;
    (void)answer;
    rig->is_done = true;
}

struct api_answer *view_rig_ask(struct view_rig *rig)
{
    rig->is_done = false;
    return api_answer_new(on_done, rig);
}

static json_t *document_of(const struct api_answer *answer)
{
    size_t length = 0;
    bool is_text = false;
    char *body = api_answer_body(answer, &length, &is_text);
    json_t *document = is_text ? json_stringn(body, length) : json_loads(body, 0, NULL);
    cr_assert_not_null(document);
    free(body);
    return document;
}

json_t *view_rig_read(struct view_rig *rig, struct api_answer *answer)
{
    for (unsigned turns = 0; !rig->is_done; turns++) {
        cr_assert_lt(turns, 10000000);
        view_rig_turn(rig);
    }
    json_t *document = document_of(answer);
    rig->result = api_answer_result(answer);
    api_answer_free(answer);
    return document;
}

json_t *view_rig_table(struct view_rig *rig, view_rig_table_cb table)
{
    struct api_answer *answer = view_rig_ask(rig);
    table(rig->view->owner, answer);
    api_answer_done(answer, API_DONE, "");
    return view_rig_read(rig, answer);
}

json_t *view_rig_queue(struct view_rig *rig, const struct api_filter *filter)
{
    struct api_filter all;
    struct api_page page = {.limit = 100, .cursor = ""};
    struct api_answer *answer = view_rig_ask(rig);
    api_filter_init(&all);
    api_answer_list(answer, "recipients");
    rig->view->queue(rig->view->owner, filter != NULL ? filter : &all, &page, answer);
    return view_rig_read(rig, answer);
}

const json_t *view_rig_row(const json_t *document, const char *key, const char *name,
                           const char *value)
{
    size_t index = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(document, key), index, row)
    {
        if (strcmp(view_rig_text(row, name), value) == 0) {
            return row;
        }
    }
    return NULL;
}

const char *view_rig_text(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text != NULL ? text : "";
}

int64_t view_rig_int(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}
