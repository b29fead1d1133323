#include "relay/log_record.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reply.h"

static const size_t event_texts[] = {
    offsetof(struct log_event, stream),      offsetof(struct log_event, source),
    offsetof(struct log_event, site),        offsetof(struct log_event, sender),
    offsetof(struct log_event, recipient),   offsetof(struct log_event, user),
    offsetof(struct log_event, job),         offsetof(struct log_event, remote_host),
    offsetof(struct log_event, remote_ip),   offsetof(struct log_event, tls),
    offsetof(struct log_event, tls_policy),  offsetof(struct log_event, tls_subject),
    offsetof(struct log_event, tls_issuer),  offsetof(struct log_event, class),
    offsetof(struct log_event, scope),       offsetof(struct log_event, dnsbl),
    offsetof(struct log_event, message_id),  offsetof(struct log_event, client_ip),
    offsetof(struct log_event, client_name), offsetof(struct log_event, helo),
    offsetof(struct log_event, actor),       offsetof(struct log_event, gate),
    offsetof(struct log_event, subject),     offsetof(struct log_event, before),
    offsetof(struct log_event, after),       offsetof(struct log_event, text),
};

static const size_t session_texts[] = {
    offsetof(struct log_session, client_ip), offsetof(struct log_session, client_name),
    offsetof(struct log_session, helo),      offsetof(struct log_session, command),
    offsetof(struct log_session, sender),    offsetof(struct log_session, recipient),
    offsetof(struct log_session, user),      offsetof(struct log_session, text),
};

#define EVENT_TEXTS   (sizeof event_texts / sizeof event_texts[0])
#define SESSION_TEXTS (sizeof session_texts / sizeof session_texts[0])

/* The text pointers of an event or a session, whose places are listed above. */
static const char **text_at(void *object, size_t offset)
{
    return (const char **)(void *)((char *)object + offset);
}

static size_t texts_bytes(void *object, const size_t *offsets, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = *text_at(object, offsets[i]);
        bytes += text == NULL ? 0 : strnlen(text, LOG_TEXT_BYTES) + 1;
    }
    return bytes;
}

/* Copy the texts behind the record and let the object point there. */
static void keep_texts(void *object, const size_t *offsets, size_t count, char *at)
{
    for (size_t i = 0; i < count; i++) {
        const char **text = text_at(object, offsets[i]);
        if (*text == NULL) {
            continue;
        }
        size_t size = strnlen(*text, LOG_TEXT_BYTES);
        memcpy(at, *text, size);
        at[size] = '\0';
        *text = at;
        at += size + 1;
    }
}

static struct log_record *record_new(enum log_record_what what, size_t texts_size,
                                     int64_t unix_ms)
{
    size_t size_bytes = sizeof(struct log_record) + texts_size;
    struct log_record *record = malloc(size_bytes);
    if (record == NULL) {
        return NULL;
    }
    record->size_bytes = size_bytes;
    record->reply_bytes = 0;
    record->what = what;
    record->unix_ms = unix_ms;
    return record;
}

/* A reply's fields before its text, and as much text as there is: far less than the
 * struct. */
static size_t reply_bytes(const struct reply *reply)
{
    return reply == NULL ? 0
                         : offsetof(struct reply, text) +
                               strnlen(reply->text, sizeof reply->text - 1) + 1;
}

struct log_record *log_record_event(const struct log_event *event, int64_t unix_ms)
{
    assert(event != NULL);
    struct log_event copy = *event;
    size_t size =
        texts_bytes(&copy, event_texts, EVENT_TEXTS) + reply_bytes(event->reply);
    struct log_record *record = record_new(LOG_RECORD_EVENT, size, unix_ms);
    if (record == NULL) {
        return NULL;
    }
    if (copy.unix_ms == 0) {
        copy.unix_ms = unix_ms;
    }
    record->reply_bytes = reply_bytes(event->reply);
    if (record->reply_bytes > 0) {
        memcpy(record->texts, event->reply, record->reply_bytes - 1);
        record->texts[record->reply_bytes - 1] = '\0';
        copy.reply = NULL; /* until it is unpacked */
    }
    keep_texts(&copy, event_texts, EVENT_TEXTS, record->texts + record->reply_bytes);
    record->about.event = copy;
    return record;
}

const struct log_event *log_record_unpack(struct log_record *record,
                                          struct reply *scratch)
{
    assert(record != NULL);
    assert(record->what == LOG_RECORD_EVENT);
    if (record->reply_bytes > 0) {
        memcpy(scratch, record->texts, record->reply_bytes);
        record->about.event.reply = scratch;
    }
    return &record->about.event;
}

struct log_record *log_record_session(const struct log_session *session, int64_t unix_ms)
{
    assert(session != NULL);
    struct log_session copy = *session;
    size_t size = texts_bytes(&copy, session_texts, SESSION_TEXTS);
    struct log_record *record = record_new(LOG_RECORD_SESSION, size, unix_ms);
    if (record == NULL) {
        return NULL;
    }
    keep_texts(&copy, session_texts, SESSION_TEXTS, record->texts);
    record->about.session = copy;
    return record;
}

struct log_record *log_record_line(enum log_level level, const char *text,
                                   int64_t unix_ms)
{
    assert(text != NULL);
    size_t size = strlen(text) + 1;
    struct log_record *record = record_new(LOG_RECORD_LINE, size, unix_ms);
    if (record == NULL) {
        return NULL;
    }
    record->about.level = level;
    memcpy(record->texts, text, size);
    return record;
}

struct log_record *log_record_reopen(void)
{
    return record_new(LOG_RECORD_REOPEN, 0, 0);
}
