#include "relay/log_json.h"

#include <assert.h>
#include <string.h>

#include "policy/reply.h"

#include "relay/id.h"

static const char *const stage_names[] = {
    [REPLY_STAGE_DNS] = "dns",           [REPLY_STAGE_CONNECT] = "connect",
    [REPLY_STAGE_GREETING] = "greeting", [REPLY_STAGE_EHLO] = "ehlo",
    [REPLY_STAGE_STARTTLS] = "starttls", [REPLY_STAGE_AUTH] = "auth",
    [REPLY_STAGE_MAIL] = "mail",         [REPLY_STAGE_RCPT] = "rcpt",
    [REPLY_STAGE_DATA] = "data",         [REPLY_STAGE_BODY] = "body",
    [REPLY_STAGE_DOT] = "dot",           [REPLY_STAGE_QUIT] = "quit",
};

static const char *const origin_names[] = {
    [REPLY_REMOTE] = "remote",       [REPLY_NETWORK] = "network",
    [REPLY_MALFORMED] = "malformed", [REPLY_DNS_FAILURE] = "dns",
    [REPLY_LOCAL] = "local",
};

static void add_key(struct linebuf *buf, const char *key)
{
    linebuf_text(buf, ",\"");
    linebuf_text(buf, key);
    linebuf_text(buf, "\":");
}

static void add_text(struct linebuf *buf, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        add_key(buf, key);
        linebuf_json(buf, value, LOG_TEXT_BYTES);
    }
}

static void add_number(struct linebuf *buf, const char *key, uint64_t value)
{
    if (value != 0) {
        add_key(buf, key);
        linebuf_unsigned(buf, value);
    }
}

static void add_ms(struct linebuf *buf, const char *key, int64_t value_ms)
{
    add_key(buf, key);
    linebuf_int(buf, value_ms);
}

static bool is_result(enum log_kind kind)
{
    return kind == LOG_DELIVERED || kind == LOG_DEFERRED || kind == LOG_BOUNCED ||
           kind == LOG_EXPIRED;
}

static void add_enhanced(struct linebuf *buf, const uint16_t enhanced[3])
{
    for (size_t i = 0; i < 3; i++) {
        if (i > 0) {
            linebuf_char(buf, '.');
        }
        linebuf_unsigned(buf, enhanced[i]);
    }
}

/* The reply as the other side said it: "451 4.7.1 try later"; without a code, the words.
 */
static void add_reply(struct linebuf *buf, const struct reply *reply)
{
    char whole[REPLY_TEXT_BYTES + 32];
    struct linebuf words;
    linebuf_init(&words, whole, sizeof whole - 1);
    if (reply->code != 0) {
        linebuf_unsigned(&words, reply->code);
        linebuf_char(&words, ' ');
    }
    if (reply->enhanced[0] != 0) {
        add_enhanced(&words, reply->enhanced);
        linebuf_char(&words, ' ');
    }
    linebuf_add(&words, reply->text, strnlen(reply->text, sizeof reply->text));
    while (words.used > 0 && whole[words.used - 1] == ' ') {
        words.used--;
    }
    whole[words.used] = '\0';

    add_key(buf, "reply");
    linebuf_json(buf, whole, sizeof whole);
    add_number(buf, "code", reply->code);
    if (reply->enhanced[0] != 0) {
        add_key(buf, "enhanced");
        linebuf_char(buf, '"');
        add_enhanced(buf, reply->enhanced);
        linebuf_char(buf, '"');
    }
    add_text(buf, "stage", stage_names[reply->stage]);
    add_text(buf, "origin", origin_names[reply->origin]);
}

static void add_message(struct linebuf *buf, const struct log_event *event)
{
    if (event->id != 0) {
        char id[ID_BYTES];
        id_print(event->id, id);
        add_text(buf, "id", id);
    }
    add_text(buf, "stream", event->stream);
    add_text(buf, "source", event->source);
    add_text(buf, "site", event->site);
    if (event->id != 0 && event->sender != NULL && event->sender[0] == '\0') {
        add_key(buf, "sender");
        linebuf_text(buf, "\"\"");
    }
    add_text(buf, "sender", event->sender);
    add_text(buf, "recipient", event->recipient);
    add_text(buf, "user", event->user);
    add_text(buf, "job", event->job);
    add_number(buf, "size", event->size_bytes);
    add_number(buf, "recipients", event->recipients);
    add_text(buf, "message_id", event->message_id);
    add_text(buf, "client_ip", event->client_ip);
    add_text(buf, "client_name", event->client_name);
    add_text(buf, "helo", event->helo);
}

static void add_attempt(struct linebuf *buf, const struct log_event *event)
{
    add_text(buf, "remote_host", event->remote_host);
    add_text(buf, "remote_ip", event->remote_ip);
    add_number(buf, "remote_port", event->remote_port);
    add_text(buf, "tls", event->tls);
    add_text(buf, "tls_policy", event->tls_policy);
    add_text(buf, "tls_subject", event->tls_subject);
    add_text(buf, "tls_issuer", event->tls_issuer);
    if (event->reply != NULL) {
        add_reply(buf, event->reply);
    }
    add_text(buf, "class", event->class);
    add_text(buf, "scope", event->scope);
    add_text(buf, "dnsbl", event->dnsbl);
    add_number(buf, "attempt", event->attempt);
    if (is_result(event->kind)) {
        add_ms(buf, "delay_ms", event->delay_ms);
        add_ms(buf, "accept_ms", event->accept_ms);
        add_ms(buf, "queued_ms", event->queued_ms);
        add_ms(buf, "connect_ms", event->connect_ms);
        add_ms(buf, "transmit_ms", event->transmit_ms);
    }
}

static void add_decision(struct linebuf *buf, const struct log_event *event)
{
    add_text(buf, "actor", event->actor);
    add_text(buf, "gate", event->gate);
    add_text(buf, "subject", event->subject);
    add_text(buf, "before", event->before);
    add_text(buf, "after", event->after);
    add_text(buf, "text", event->text);
    if (event->next_unix_ms != 0) {
        add_key(buf, "next");
        linebuf_char(buf, '"');
        linebuf_time(buf, event->next_unix_ms, "Z\"");
    }
}

void log_json_write(struct linebuf *buf, const struct log_event *event)
{
    assert(event != NULL);
    linebuf_text(buf, "{\"time\":\"");
    linebuf_time(buf, event->unix_ms, "Z\"");
    add_text(buf, "event", log_kind_name(event->kind));
    add_message(buf, event);
    add_attempt(buf, event);
    add_decision(buf, event);
    linebuf_text(buf, "}\n");
}
