#include "relay/api_answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_json.h"
#include "relay/api_rows.h"
#include "relay/limits.h"

#define CURSOR_BYTES 256

struct api_answer {
    json_t *root;      /* owned */
    json_t *last_path; /* borrowed: lives in root; where the next gate goes, or NULL */
    bool has_path;
    char *text; /* owned; plain text in place of JSON, or NULL */
    size_t text_length;
    size_t text_room;
    api_answer_done_cb done_cb;
    void *owner;
    enum api_result result;
    bool is_done;
    bool is_orphan; /* freed by the server while core still owes the end */
};

struct api_answer *api_answer_new(api_answer_done_cb done_cb, void *owner)
{
    struct api_answer *answer = calloc(1, sizeof *answer);

    if (answer == NULL) {
        abort(); /* a fixed size */
    }
    answer->root = api_json_object();
    answer->done_cb = done_cb;
    answer->owner = owner;
    return answer;
}

static void answer_destroy(struct api_answer *answer)
{
    json_decref(answer->root);
    free(answer->text);
    free(answer);
}

void api_answer_free(struct api_answer *answer)
{
    if (answer == NULL) {
        return;
    }
    if (!answer->is_done) {
        answer->is_orphan = true;
        return; /* api_answer_done destroys */
    }
    answer_destroy(answer);
}

enum api_result api_answer_result(const struct api_answer *answer)
{
    return answer->result;
}

void api_answer_list(struct api_answer *answer, const char *key)
{
    if (json_object_get(answer->root, key) == NULL) {
        api_json_set(answer->root, key, api_json_array());
    }
}

/* Gives row away. NULL when there are too many and it was not kept. */
static json_t *add_row(struct api_answer *answer, const char *key, json_t *row)
{
    api_answer_list(answer, key);
    json_t *list = json_object_get(answer->root, key);
    if (json_array_size(list) >= LIMIT_API_ROWS) {
        json_decref(row);
        api_json_bool(answer->root, "truncated", true);
        return NULL;
    }
    api_json_push(list, row);
    return row;
}

/* Gives fields away; they become keys of the document itself. */
static void add_fields(struct api_answer *answer, json_t *fields)
{
    if (json_object_update(answer->root, fields) != 0) {
        abort();
    }
    json_decref(fields);
}

void api_answer_status(struct api_answer *answer, const struct api_status *status)
{
    add_fields(answer, api_rows_status(status));
}

void api_answer_wait(struct api_answer *answer, const struct api_wait *wait)
{
    (void)add_row(answer, "waits", api_rows_wait(wait));
}

void api_answer_stream(struct api_answer *answer, const struct api_stream *stream)
{
    (void)add_row(answer, "streams", api_rows_stream(stream));
}

void api_answer_source(struct api_answer *answer, const struct api_source *source)
{
    (void)add_row(answer, "sources", api_rows_source(source));
}

void api_answer_site(struct api_answer *answer, const struct api_site *site)
{
    (void)add_row(answer, "sites", api_rows_site(site));
}

void api_answer_lane(struct api_answer *answer, const struct api_lane *lane)
{
    (void)add_row(answer, "lanes", api_rows_lane(lane));
}

void api_answer_block(struct api_answer *answer, const struct api_block *block)
{
    (void)add_row(answer, "blocks", api_rows_block(block));
}

void api_answer_freeze(struct api_answer *answer, const struct api_freeze *freeze)
{
    (void)add_row(answer, "freezes", api_rows_freeze(freeze));
}

void api_answer_plan(struct api_answer *answer, const struct api_plan_row *row)
{
    (void)add_row(answer, "plan", api_rows_plan(row));
}

void api_answer_warmup(struct api_answer *answer, const struct api_warmup *warmup)
{
    (void)add_row(answer, "warmup", api_rows_warmup(warmup));
}

void api_answer_user(struct api_answer *answer, const struct api_user *user)
{
    (void)add_row(answer, "users", api_rows_user(user));
}

void api_answer_id(struct api_answer *answer, const char *id)
{
    api_json_text(answer->root, "id", id);
}

void api_answer_code(struct api_answer *answer, unsigned code)
{
    api_json_count(answer->root, "code", code);
}

void api_answer_file(struct api_answer *answer, const char *path)
{
    api_json_text(answer->root, "file", path);
}

void api_answer_recipient(struct api_answer *answer, const struct api_queue_row *row)
{
    (void)add_row(answer, "recipients", api_rows_recipient(row));
}

void api_answer_message(struct api_answer *answer, const struct api_message *message)
{
    add_fields(answer, api_rows_message(message));
}

void api_answer_attempt(struct api_answer *answer, const struct api_attempt *attempt)
{
    (void)add_row(answer, "attempts", api_rows_attempt(attempt));
}

void api_answer_why(struct api_answer *answer, const struct api_why *why)
{
    json_t *path = api_rows_why(why);

    api_json_set(path, "gates", api_json_array());
    answer->has_path = true;
    answer->last_path = add_row(answer, "paths", path);
}

void api_answer_gate(struct api_answer *answer, const struct api_gate *gate)
{
    assert(answer->has_path);
    if (answer->last_path == NULL) {
        return; /* its path was one too many */
    }
    json_t *gates = json_object_get(answer->last_path, "gates");

    if (json_array_size(gates) < LIMIT_API_ROWS) {
        api_json_push(gates, api_rows_gate(gate));
    }
}

void api_answer_journal(struct api_answer *answer, const struct api_journal_row *row)
{
    (void)add_row(answer, "journal", api_rows_journal(row));
}

void api_answer_summary(struct api_answer *answer, const struct api_summary_row *row)
{
    (void)add_row(answer, "summary", api_rows_summary(row));
}

void api_answer_note(struct api_answer *answer, const char *line)
{
    (void)add_row(answer, "notes", api_json_string(line));
}

void api_answer_field(struct api_answer *answer, const char *key, const char *text)
{
    api_json_text(answer->root, key, text);
}

void api_answer_number(struct api_answer *answer, const char *key, uint64_t value)
{
    api_json_count(answer->root, key, value);
}

void api_answer_count(struct api_answer *answer, uint64_t recipients)
{
    api_json_count(answer->root, "count", recipients);
}

void api_answer_more(struct api_answer *answer, const char *cursor)
{
    assert(strlen(cursor) < CURSOR_BYTES);
    api_json_text(answer->root, "cursor", cursor);
}

void api_answer_text(struct api_answer *answer, const char *bytes, size_t length)
{
    size_t needed = answer->text_length + length + 1;

    if (needed > LIMIT_API_TEXT) {
        return;
    }
    if (needed > answer->text_room || answer->text == NULL) {
        size_t room = needed * 2 > 4096 ? needed * 2 : 4096;
        char *grown = realloc(answer->text, room);
        if (grown == NULL) {
            abort(); /* at most twice LIMIT_API_TEXT */
        }
        answer->text = grown;
        answer->text_room = room;
    }
    memcpy(answer->text + answer->text_length, bytes, length);
    answer->text_length += length;
    answer->text[answer->text_length] = '\0';
}

void api_answer_done(struct api_answer *answer, enum api_result result, const char *text)
{
    assert(!answer->is_done);
    const char *sentence = text == NULL ? "" : text;

    answer->is_done = true;
    answer->result = result;
    if (result != API_DONE) {
        free(answer->text);
        answer->text = NULL;
        api_json_text(answer->root, "error", sentence);
    } else if (sentence[0] != '\0') {
        api_json_text(answer->root, "text", sentence);
    }
    if (answer->is_orphan) {
        answer_destroy(answer);
        return;
    }
    if (answer->done_cb != NULL) {
        answer->done_cb(answer, answer->owner);
    }
}

char *api_answer_body(const struct api_answer *answer, size_t *out_length,
                      bool *out_is_text)
{
    char *body = NULL;

    if (answer->text != NULL) {
        body = strdup(answer->text);
    } else {
        body = json_dumps(answer->root, JSON_COMPACT | JSON_REAL_PRECISION(6));
    }
    if (body == NULL) {
        abort(); /* bounded by the caps on rows and text */
    }
    *out_length = strlen(body);
    *out_is_text = answer->text != NULL;
    return body;
}
