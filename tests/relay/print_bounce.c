/* For check_bounce.py: writes one notification, header and body, to standard output. */

#include <stdio.h>
#include <string.h>

#include "relay/bounce.h"
#include "relay/smtp/reply_parse.h"

#define ORIGINAL                                                              \
    "Received: by x\r\nFrom: a@x.example\r\nSubject: Invoice\r\nMessage-ID: " \
    "<7@app>\r\n\r\n"

int main(int argc, char **argv)
{
    struct reply failed;
    struct reply delayed;
    struct bounce_result result;
    struct textbuf header;
    struct textbuf body;
    const char *kind = argc > 1 ? argv[1] : "failed";
    bool is_delayed = strcmp(kind, "delayed") == 0;
    bool is_full = strcmp(kind, "full") == 0;

    reply_parse_make(&failed, REPLY_STAGE_RCPT, REPLY_REMOTE, 550, "5.1.1",
                     "no such user");
    reply_parse_make(&delayed, REPLY_STAGE_DOT, REPLY_REMOTE, 451, "4.7.1",
                     "try again later");
    struct bounce_rcpt rcpts[] = {{.address = "b@y.example",
                                   .orcpt = "rfc822;Bee+40y.example",
                                   .action = is_delayed ? BOUNCE_DELAYED : BOUNCE_FAILED,
                                   .reply = is_delayed ? &delayed : &failed,
                                   .remote = "mx.y.example [192.0.2.9]",
                                   .last_attempt_unix_ms = 1795304196000,
                                   .retry_until_unix_ms = 1795404196000,
                                   .attempts = 2},
                                  {.address = "c@y.example",
                                   .orcpt = "",
                                   .action = is_delayed ? BOUNCE_DELAYED : BOUNCE_EXPIRED,
                                   .reply = &delayed,
                                   .remote = "",
                                   .last_attempt_unix_ms = 1795304196000,
                                   .attempts = 9}};
    struct bounce_mail mail = {.hostname = "relay.example",
                               .sender = "a@x.example",
                               .envid = "QQ+2B1",
                               .message_id = "n1@relay.example",
                               .queue_id = "01ABC",
                               .postmaster = "",
                               .original_header = ORIGINAL,
                               .original_header_length = strlen(ORIGINAL),
                               .original_body = is_full ? "the body\r\n" : NULL,
                               .original_body_length = is_full ? 10 : 0,
                               .arrival_unix_ms = 1795204196000,
                               .unix_ms = 1795304200000,
                               .boundary_seed = 7,
                               .rcpts = rcpts,
                               .rcpt_count = 2};
    textbuf_init(&header, 16384);
    textbuf_init(&body, BOUNCE_BODY_BYTES(2));
    bounce_build(&mail, &header, &body, &result);
    (void)fwrite(header.bytes, 1, header.length, stdout);
    (void)fwrite(body.bytes, 1, body.length, stdout);
    int rc = header.failed || body.failed ? 1 : 0;
    textbuf_done(&header);
    textbuf_done(&body);
    return rc;
}
