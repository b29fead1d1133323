/* A server session from any bytes. In one read with answers at once and byte by byte with
 * late answers it says the same, completes the same messages, and ends each transaction
 * it opened exactly once. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/smtp/smtp_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A session and what it did, as two running sums. */
struct run {
    struct smtp_in *engine;
    bool is_late;
    bool asked;
    unsigned code;
    unsigned turn; /* of the owner's answers: some are no */
    uint64_t said;
    uint64_t content; /* of messages that came to their end */
    uint64_t message;
    unsigned open;
};

static void sum(uint64_t *value, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        *value = *value * 1099511628211ULL + (unsigned char)bytes[i] + 1;
    }
}

static void reply(struct run *run, unsigned yes, unsigned no)
{
    run->turn++;
    run->code = run->turn % 7 == 0 ? no : yes;
    if (run->is_late) {
        run->asked = true;
    } else {
        smtp_in_answer(run->engine, run->code, "2.0.0 text");
    }
}

static void on_mail(void *owner, const struct address *sender,
                    const struct mail_params *params)
{
    struct run *run = owner;
    assert(run->open == 0);
    assert(strlen(sender->text) == sender->length);
    (void)params;
    reply(run, 250, 550);
    run->open = run->code == 250 ? 1 : 0;
}

static void on_rcpt(void *owner, const struct address *recipient,
                    const struct rcpt_params *params)
{
    struct run *run = owner;
    assert(run->open == 1);
    assert(recipient->length > 0);
    (void)params;
    reply(run, 250, 451);
}

static void on_data(void *owner)
{
    struct run *run = owner;
    assert(run->open == 1);
    reply(run, 354, 451);
}

static void on_content(void *owner, const char *bytes, size_t length)
{
    struct run *run = owner;
    assert(run->open == 1);
    sum(&run->message, bytes, length);
}

static void on_content_end(void *owner, const struct smtp_in_content *content)
{
    struct run *run = owner;
    assert(run->open == 1);
    assert(!content->facts.has_nul);
    sum(&run->content, (const char *)&run->message, sizeof run->message);
    reply(run, 250, 554);
}

static void on_reset(void *owner, enum smtp_in_end end)
{
    struct run *run = owner;
    (void)end;
    assert(run->open == 1);
    run->open = 0;
    run->message = 0;
}

static void on_starttls(void *owner)
{
    (void)owner;
}

static void on_auth(void *owner, const char *user, const char *password)
{
    struct run *run = owner;
    sum(&run->content, user, strlen(user));
    sum(&run->content, password, strlen(password));
    reply(run, 235, 535);
}

static const struct smtp_in_ops ops = {.on_mail = on_mail,
                                       .on_rcpt = on_rcpt,
                                       .on_data = on_data,
                                       .on_content = on_content,
                                       .on_content_end = on_content_end,
                                       .on_reset = on_reset,
                                       .on_starttls = on_starttls,
                                       .on_auth = on_auth};

static void drain(struct run *run)
{
    size_t length = 0;
    const char *bytes = smtp_in_output(run->engine, &length);
    assert(length < 2 || bytes[length - 1] == '\n');
    sum(&run->said, bytes, length);
    smtp_in_sent(run->engine, length);
}

static void settle(struct run *run)
{
    while (run->asked) {
        run->asked = false;
        smtp_in_answer(run->engine, run->code, "2.0.0 text");
        drain(run);
    }
}

static void talk(struct run *run, const struct smtp_in_options *options,
                 const char *bytes, size_t length, size_t step)
{
    run->engine = smtp_in_new(options, &ops, run, false);
    smtp_in_start(run->engine);
    size_t at = 0;
    while (at < length && !smtp_in_closing(run->engine)) {
        size_t part = step < length - at ? step : length - at;
        size_t used = smtp_in_feed(run->engine, bytes + at, part);
        drain(run);
        settle(run);
        if (used == 0 && !smtp_in_wants_input(run->engine)) {
            break; /* TLS: nobody makes the handshake here */
        }
        at += used;
    }
    smtp_in_free(run->engine);
    assert(run->open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    unsigned bits = data[0];
    const struct smtp_in_options options = {.hostname = "relay.example",
                                            .size_max_bytes = (bits & 1) != 0 ? 100 : 0,
                                            .rcpt_max = 3,
                                            .errors_max = (bits & 2) != 0 ? 5 : 0,
                                            .idle_commands_max = (bits & 2) != 0 ? 5 : 0,
                                            .offer_auth = true,
                                            .auth_in_clear = (bits & 4) != 0,
                                            .offer_smtputf8 = (bits & 8) != 0,
                                            .offer_dsn = true,
                                            .offer_priority = true,
                                            .offer_chunking = (bits & 16) != 0,
                                            .normalise_lines = (bits & 32) != 0,
                                            .accept_long_lines = (bits & 64) != 0};
    struct run at_once = {0};
    struct run slowly = {.is_late = true};
    talk(&at_once, &options, (const char *)data + 1, size - 1, size);
    talk(&slowly, &options, (const char *)data + 1, size - 1, 1);
    assert(at_once.said == slowly.said);
    assert(at_once.content == slowly.content);
    return 0;
}
