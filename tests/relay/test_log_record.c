#include <stdlib.h>
#include <string.h>

#include "policy/reply.h"

#include "relay/log_record.h"

#include "tests/support/test.h"

TEST(log_record, keeps_an_event_when_its_owner_is_gone)
{
    /* Everything the event pointed to is copied: texts, the reply, and what was absent.
     */
    char stream[] = "bulk";
    char text[] = "because";
    struct reply reply = {.stage = REPLY_STAGE_RCPT, .code = 451, .text = "later"};
    struct log_event event = {.kind = LOG_DEFERRED,
                              .id = 7,
                              .stream = stream,
                              .text = text,
                              .sender = "",
                              .reply = &reply};
    struct log_record *record = log_record_event(&event, 123);
    cr_assert_not_null(record);
    memset(stream, 'x', sizeof stream - 1);
    memset(text, 'x', sizeof text - 1);
    memset(&reply, 0xff, sizeof reply);
    struct reply unpacked;
    const struct log_event *kept = log_record_unpack(record, &unpacked);
    cr_assert_eq(record->what, LOG_RECORD_EVENT);
    cr_assert_eq(kept->unix_ms, 123);
    cr_assert_eq(kept->id, 7);
    cr_assert_str_eq(kept->stream, "bulk");
    cr_assert_str_eq(kept->text, "because");
    cr_assert_str_eq(kept->sender, "");
    cr_assert_null(kept->recipient);
    cr_assert_eq(kept->reply->code, 451);
    cr_assert_str_eq(kept->reply->text, "later");
    free(record);
}

TEST(log_record, cuts_texts_from_outside)
{
    /* A text is kept up to its cap; a reply that fills its buffer is kept with its end.
     */
    static char large[4096];
    memset(large, 'a', sizeof large - 1);
    struct reply reply = {.code = 250};
    memset(reply.text, 'b', sizeof reply.text);
    struct log_event event = {
        .kind = LOG_DELIVERED, .unix_ms = 5, .text = large, .reply = &reply};
    struct log_record *record = log_record_event(&event, 123);
    cr_assert_not_null(record);
    struct reply unpacked;
    const struct log_event *kept = log_record_unpack(record, &unpacked);
    cr_assert_eq(kept->unix_ms, 5);
    cr_assert_eq(strlen(kept->text), LOG_TEXT_BYTES);
    cr_assert_eq(strlen(kept->reply->text), sizeof reply.text - 1);
    cr_assert_gt(record->size_bytes, LOG_TEXT_BYTES + sizeof reply.text);
    free(record);
}

TEST(log_record, keeps_sessions_and_lines)
{
    /* The same for what a client did, and for a line of the operator's log. */
    char ip[] = "192.0.2.1";
    struct log_session session = {.kind = LOG_SESSION_CONNECT, .client_ip = ip};
    struct log_record *record = log_record_session(&session, 9);
    cr_assert_not_null(record);
    ip[0] = 'x';
    cr_assert_str_eq(record->about.session.client_ip, "192.0.2.1");
    cr_assert_null(record->about.session.helo);
    cr_assert_eq(record->unix_ms, 9);
    free(record);

    record = log_record_line(LOG_LEVEL_WARN, "careful", 9);
    cr_assert_not_null(record);
    cr_assert_str_eq(record->texts, "careful");
    cr_assert_eq(record->about.level, LOG_LEVEL_WARN);
    free(record);
    free(log_record_reopen());
}
