/* A client session against a server that says anything and leaves at any time: each
 * recipient of each transaction gets exactly one result, success only after the dot, no
 * bare CR or LF goes out, and CLOSE comes exactly once. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/smtp/smtp_out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RCPTS 4

struct run {
    struct smtp_out *engine;
    unsigned results[RCPTS];
    unsigned open; /* recipients without a result */
    unsigned closes;
    unsigned begun;
    bool dot_sent;
    char last;
};

static const struct smtp_out_rcpt rcpts[RCPTS] = {
    {"a@x.example", "", "NEVER", "rfc822;a+40x"},
    {"\xc3\xbc@x.example", "", "", ""},
    {"b@\xc3\xbc.example", "b@xn--tda.example", "", ""},
    {"bad>@x", "", "", ""}};

static const struct smtp_out_mail mail = {.sender = "s@y.example",
                                          .ascii_sender = "",
                                          .rcpts = rcpts,
                                          .rcpt_count = RCPTS,
                                          .size_bytes = 1000,
                                          .is_8bit = true,
                                          .chunking = true,
                                          .ret = "HDRS",
                                          .envid = "e"};

static void check_output(struct run *run)
{
    size_t length = 0;
    const char *bytes = smtp_out_output(run->engine, &length);
    assert(length > 0);
    for (size_t i = 0; i < length; i++) {
        assert((bytes[i] == '\n') == (run->last == '\r'));
        run->last = bytes[i];
    }
    smtp_out_sent(run->engine, length);
}

static void take_result(struct run *run)
{
    const struct reply *reply = NULL;
    uint32_t rcpt = smtp_out_result(run->engine, &reply);
    assert(rcpt < RCPTS);
    assert(run->results[rcpt] == 0);
    run->results[rcpt] = 1;
    run->open--;
    assert(strlen(reply->text) < REPLY_TEXT_BYTES);
    if (reply->code >= 200 && reply->code < 300) {
        assert(reply->stage == REPLY_STAGE_DOT);
        assert(reply->origin == REPLY_REMOTE);
        assert(run->dot_sent);
    }
    assert(reply->origin != REPLY_NETWORK || reply->code == 0);
    assert(reply->origin != REPLY_MALFORMED || reply->code == 0);
}

static void begin(struct run *run)
{
    assert(run->open == 0);
    run->begun++;
    if (smtp_out_rcpt_max(run->engine) < RCPTS || run->begun > 20) {
        smtp_out_quit(run->engine);
        return;
    }
    memset(run->results, 0, sizeof run->results);
    run->open = RCPTS;
    run->dot_sent = false;
    smtp_out_begin(run->engine, &mail);
}

static void drive(struct run *run, unsigned choice)
{
    for (;;) {
        enum smtp_out_action action = smtp_out_next(run->engine);
        assert(run->closes == 0 || action == SMTP_OUT_WAIT);
        if (action == SMTP_OUT_WAIT) {
            return;
        }
        if (action == SMTP_OUT_SEND) {
            check_output(run);
        } else if (action == SMTP_OUT_START_TLS) {
            smtp_out_tls_done(run->engine, choice % 3 == 0 ? "no" : NULL, false);
        } else if (action == SMTP_OUT_READY) {
            begin(run);
        } else if (action == SMTP_OUT_SEND_BODY) {
            if (choice % 5 == 0) {
                smtp_out_body_failed(run->engine, "unreadable");
            } else if (choice % 5 != 1) {
                smtp_out_body_done(run->engine, choice % 2 == 0);
            }
        } else if (action == SMTP_OUT_RESULT) {
            take_result(run);
        } else if (action == SMTP_OUT_CLOSE) {
            run->closes++;
        }
    }
}

static void feed(struct run *run, const char *bytes, size_t length, unsigned choice)
{
    for (size_t at = 0; at < length;) {
        at += smtp_out_feed(run->engine, bytes + at, length - at);
        drive(run, choice);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct smtp_out_options options = {.helo = "r.example",
                                       .tls = (enum smtp_out_tls)(data[0] % 4),
                                       .user = (data[0] & 8) != 0 ? "u" : "",
                                       .password = "p",
                                       .auth_in_clear = (data[0] & 16) != 0,
                                       .auth = (enum smtp_out_auth)(data[0] / 32 % 4),
                                       .mail_max = data[0] >> 6};
    struct run run = {.engine = smtp_out_new(&options, NULL, NULL)};
    size_t at = 1;

    drive(&run, 0);
    /* Each step: a control byte, then a line of the server or an event. */
    while (at + 1 < size) {
        unsigned control = data[at++];
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - (data + at)) + 1;
        if (smtp_out_state(run.engine) == SMTP_OUT_STATE_DOT) {
            run.dot_sent = true;
        }
        if (control % 16 == 1) {
            smtp_out_release(run.engine);
        } else if (control % 16 == 2) {
            smtp_out_body_done(run.engine, true);
        } else if (control == 3) {
            smtp_out_quit(run.engine);
        } else if (control == 4) {
            smtp_out_deadline(run.engine);
        }
        drive(&run, control);
        if (smtp_out_state(run.engine) == SMTP_OUT_STATE_DOT) {
            run.dot_sent = true;
        }
        feed(&run, (const char *)data + at, length, control);
        at += length;
    }
    smtp_out_lost(run.engine, "reset");
    drive(&run, 0);
    assert(run.closes == 1);
    assert(run.open == 0);
    smtp_out_free(run.engine);
    return 0;
}
