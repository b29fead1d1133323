/* Prints the mail.log of a small day, for check_pflogsumm.py: two messages accepted,
 * three recipients, two delivered, one of them after a deferral, one bounced, one
 * refused. */

#include <stdio.h>

#include "policy/reply.h"

#include "relay/log_mail.h"

#define AT_MS INT64_C(1764000000000)

static char memory[65536];
static struct linebuf buf;
static const struct log_mail_head head = {"relay", 77};

static void write_result(enum log_kind kind, uint64_t id, const struct reply *reply,
                         bool ends)
{
    struct log_event event = {.kind = kind,
                              .unix_ms = AT_MS,
                              .id = id,
                              .recipient = id == 1 ? "b@example.net" : "c@example.org",
                              .remote_host = "mx.example.net",
                              .remote_ip = "192.0.2.1",
                              .remote_port = 25,
                              .reply = reply,
                              .delay_ms = 1400,
                              .message_ends = ends};
    log_mail_event(&buf, &head, &event);
}

static void write_session(enum log_session_kind kind, const char *text)
{
    struct log_session session = {.kind = kind,
                                  .number = 9,
                                  .client_ip = "192.0.2.9",
                                  .client_name = "pc.example.com",
                                  .command = "RCPT",
                                  .sender = "x@example.com",
                                  .recipient = "y@example.org",
                                  .helo = "pc",
                                  .text = text};
    log_mail_session(&buf, &head, AT_MS, &session);
}

int main(void)
{
    struct reply ok = {
        .stage = REPLY_STAGE_DOT, .code = 250, .enhanced = {2, 0, 0}, .text = "OK"};
    struct reply later = {.stage = REPLY_STAGE_RCPT, .code = 451, .text = "try later"};
    struct reply no = {.stage = REPLY_STAGE_RCPT,
                       .code = 550,
                       .enhanced = {5, 1, 1},
                       .text = "no such user"};
    linebuf_init(&buf, memory, sizeof memory);
    write_session(LOG_SESSION_CONNECT, "");
    for (uint64_t id = 1; id <= 2; id++) {
        struct log_event accepted = {.kind = LOG_ACCEPTED,
                                     .unix_ms = AT_MS,
                                     .id = id,
                                     .sender = "a@example.com",
                                     .client_ip = "192.0.2.9",
                                     .client_name = "pc.example.com",
                                     .message_id = "<1@example.com>",
                                     .size_bytes = 4096,
                                     .recipients = 1 + (uint32_t)id % 2};
        log_mail_event(&buf, &head, &accepted);
    }
    write_session(LOG_SESSION_REJECT, "554 5.7.1 <y@example.org>: Relay access denied");
    write_session(LOG_SESSION_DISCONNECT, "");
    write_result(LOG_DEFERRED, 1, &later, false);
    write_result(LOG_DELIVERED, 1, &ok, false);
    write_result(LOG_DELIVERED, 1, &ok, true);
    write_result(LOG_BOUNCED, 2, &no, true);
    return fwrite(memory, 1, buf.used, stdout) == buf.used && !buf.is_full ? 0 : 1;
}
