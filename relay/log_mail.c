#include "relay/log_mail.h"

#include <assert.h>
#include <string.h>

#include "policy/reply.h"

#include "relay/id.h"

/* The words Postfix has for where a conversation stood. */
static const char *const asked[] = {
    [REPLY_STAGE_DNS] = "name service",
    [REPLY_STAGE_CONNECT] = "connection establishment",
    [REPLY_STAGE_GREETING] = "initial server greeting",
    [REPLY_STAGE_EHLO] = "EHLO command",
    [REPLY_STAGE_STARTTLS] = "STARTTLS command",
    [REPLY_STAGE_AUTH] = "AUTH command",
    [REPLY_STAGE_MAIL] = "MAIL FROM command",
    [REPLY_STAGE_RCPT] = "RCPT TO command",
    [REPLY_STAGE_DATA] = "DATA command",
    [REPLY_STAGE_BODY] = "message body",
    [REPLY_STAGE_DOT] = "end of DATA command",
    [REPLY_STAGE_QUIT] = "QUIT command",
};

static const char *text_or(const char *text, const char *instead)
{
    return text == NULL || text[0] == '\0' ? instead : text;
}

static void add(struct linebuf *buf, const char *text)
{
    linebuf_line(buf, text_or(text, ""), LOG_TEXT_BYTES, "");
}

/* An address must not be able to end its own brackets. */
static void add_address(struct linebuf *buf, const char *key, const char *address)
{
    linebuf_text(buf, key);
    linebuf_text(buf, "=<");
    linebuf_line(buf, text_or(address, ""), LOG_TEXT_BYTES, "<>");
    linebuf_char(buf, '>');
}

/* "name[ip]", where neither may hold what ends it. */
static void add_peer(struct linebuf *buf, const char *name, const char *ip)
{
    linebuf_line(buf, text_or(name, "unknown"), LOG_TEXT_BYTES, " ,[]");
    linebuf_char(buf, '[');
    linebuf_line(buf, text_or(ip, "unknown"), LOG_TEXT_BYTES, " ,[]");
    linebuf_char(buf, ']');
}

struct line_head {
    int64_t unix_ms;
    const char *daemon;
    uint64_t process;
};

static void add_head(struct linebuf *buf, const struct log_mail_head *head,
                     struct line_head line)
{
    linebuf_time(buf, line.unix_ms, "+00:00 ");
    linebuf_line(buf, text_or(head->hostname, "localhost"), LOG_TEXT_BYTES, " ");
    linebuf_text(buf, " postfix/");
    linebuf_text(buf, line.daemon);
    linebuf_char(buf, '[');
    linebuf_unsigned(buf, line.process);
    linebuf_text(buf, "]: ");
}

static void begin(struct linebuf *buf, const struct log_mail_head *head,
                  const char *daemon, const struct log_event *event)
{
    char id[ID_BYTES];
    id_print(event->id, id);
    add_head(buf, head, (struct line_head){event->unix_ms, daemon, head->process});
    linebuf_text(buf, id);
    linebuf_text(buf, ": ");
}

static void add_accepted(struct linebuf *buf, const struct log_mail_head *head,
                         const struct log_event *event)
{
    bool is_from_socket = event->client_ip != NULL && event->client_ip[0] != '\0';
    if (is_from_socket) {
        begin(buf, head, "smtpd", event);
        linebuf_text(buf, "client=");
        add_peer(buf, event->client_name, event->client_ip);
        if (text_or(event->user, "")[0] != '\0') {
            linebuf_text(buf, ", sasl_username=");
            add(buf, event->user);
        }
    } else {
        begin(buf, head, "pickup", event);
        linebuf_text(buf, "uid=");
        linebuf_line(buf, text_or(event->user, "0"), LOG_TEXT_BYTES, " ");
        add_address(buf, " from", event->sender);
    }
    linebuf_char(buf, '\n');

    begin(buf, head, "cleanup", event);
    linebuf_text(buf, "message-id=");
    add(buf, event->message_id);
    linebuf_char(buf, '\n');

    begin(buf, head, "qmgr", event);
    add_address(buf, "from", event->sender);
    linebuf_text(buf, ", size=");
    linebuf_unsigned(buf, event->size_bytes);
    linebuf_text(buf, ", nrcpt=");
    linebuf_unsigned(buf, event->recipients);
    linebuf_text(buf, " (queue active)\n");
}

/* The enhanced code of the reply, else one that agrees with what became of the mail. */
static void add_dsn(struct linebuf *buf, const struct log_event *event, char digit)
{
    const struct reply *reply = event->reply;
    if (reply != NULL && reply->enhanced[0] != 0) {
        for (size_t i = 0; i < 3; i++) {
            if (i > 0) {
                linebuf_char(buf, '.');
            }
            linebuf_unsigned(buf, reply->enhanced[i]);
        }
        return;
    }
    linebuf_char(buf, digit);
    const char *rest = ".0.0";
    if (reply != NULL && reply->origin == REPLY_NETWORK) {
        rest = reply->stage <= REPLY_STAGE_CONNECT ? ".4.1" : ".4.2";
    }
    linebuf_text(buf, event->kind == LOG_EXPIRED ? ".4.7" : rest);
}

static void add_said(struct linebuf *buf, const struct log_event *event)
{
    const struct reply *reply = event->reply;
    linebuf_text(buf, "host ");
    add_peer(buf, event->remote_host, event->remote_ip);
    linebuf_text(buf, " said: ");
    linebuf_unsigned(buf, reply->code);
    linebuf_char(buf, ' ');
    if (reply->enhanced[0] != 0) {
        add_dsn(buf, event, '0');
        linebuf_char(buf, ' ');
    }
    add(buf, reply->text);
    linebuf_text(buf, " (in reply to ");
    linebuf_text(buf, asked[reply->stage]);
    linebuf_char(buf, ')');
}

/* What Postfix puts in brackets behind the status. */
static void add_reason(struct linebuf *buf, const struct log_event *event)
{
    const struct reply *reply = event->reply;
    bool is_told = text_or(event->text, "")[0] != '\0';
    if (is_told && (event->kind != LOG_DELIVERED || reply == NULL)) {
        add(buf, event->text);
        linebuf_text(buf, reply == NULL ? "" : "; ");
    }
    if (reply == NULL) {
        linebuf_text(buf, is_told ? "" : log_kind_name(event->kind));
        return;
    }
    bool is_spoken = reply->origin == REPLY_REMOTE && reply->code != 0;
    if (is_spoken && event->kind == LOG_DELIVERED) {
        linebuf_unsigned(buf, reply->code);
        linebuf_char(buf, ' ');
        if (reply->enhanced[0] != 0) {
            add_dsn(buf, event, '2');
            linebuf_char(buf, ' ');
        }
        add(buf, reply->text);
    } else if (is_spoken) {
        add_said(buf, event);
    } else if (reply->origin == REPLY_NETWORK && reply->stage == REPLY_STAGE_CONNECT) {
        linebuf_text(buf, "connect to ");
        add_peer(buf, event->remote_host, event->remote_ip);
        linebuf_char(buf, ':');
        linebuf_unsigned(buf, event->remote_port);
        linebuf_text(buf, ": ");
        add(buf, reply->text);
    } else if (reply->origin == REPLY_NETWORK || reply->origin == REPLY_MALFORMED) {
        linebuf_text(buf, "conversation with ");
        add_peer(buf, event->remote_host, event->remote_ip);
        linebuf_text(buf, " failed: ");
        add(buf, reply->text);
        linebuf_text(buf, " (");
        linebuf_text(buf, asked[reply->stage]);
        linebuf_char(buf, ')');
    } else {
        add(buf, reply->text);
    }
}

static void add_relay(struct linebuf *buf, const struct log_event *event)
{
    linebuf_text(buf, ", relay=");
    if (text_or(event->remote_ip, "")[0] == '\0') {
        linebuf_text(buf, "none");
        return;
    }
    add_peer(buf, text_or(event->remote_host, event->remote_ip), event->remote_ip);
    linebuf_char(buf, ':');
    linebuf_unsigned(buf, event->remote_port);
}

struct outcome {
    const char *status;
    char digit; /* the class of a dsn code that nobody gave */
};

static void add_result(struct linebuf *buf, const struct log_mail_head *head,
                       const struct log_event *event, struct outcome outcome)
{
    begin(buf, head, "smtp", event);
    add_address(buf, "to", event->recipient);
    add_relay(buf, event);
    linebuf_text(buf, ", delay=");
    linebuf_seconds(buf, event->delay_ms);
    linebuf_text(buf, ", delays=");
    linebuf_seconds(buf, event->accept_ms);
    linebuf_char(buf, '/');
    linebuf_seconds(buf, event->queued_ms);
    linebuf_char(buf, '/');
    linebuf_seconds(buf, event->connect_ms);
    linebuf_char(buf, '/');
    linebuf_seconds(buf, event->transmit_ms);
    linebuf_text(buf, ", dsn=");
    add_dsn(buf, event, outcome.digit);
    linebuf_text(buf, ", status=");
    linebuf_text(buf, outcome.status);
    linebuf_text(buf, " (");
    add_reason(buf, event);
    linebuf_text(buf, ")\n");
}

void log_mail_event(struct linebuf *buf, const struct log_mail_head *head,
                    const struct log_event *event)
{
    assert(head != NULL);
    assert(event != NULL);
    switch (event->kind) {
    case LOG_ACCEPTED: add_accepted(buf, head, event); break;
    case LOG_DELIVERED:
        add_result(buf, head, event, (struct outcome){"sent", '2'});
        break;
    case LOG_DEFERRED:
    case LOG_HELD: add_result(buf, head, event, (struct outcome){"deferred", '4'}); break;
    case LOG_BOUNCED:
    case LOG_SUPPRESSED:
        add_result(buf, head, event, (struct outcome){"bounced", '5'});
        break;
    case LOG_EXPIRED:
        add_result(buf, head, event, (struct outcome){"bounced", '4'});
        break;
    case LOG_RELEASED:
    case LOG_LIMIT:
    case LOG_BLOCKED:
    case LOG_UNBLOCKED:
    case LOG_LISTED:
    case LOG_DELISTED:
    case LOG_WARMUP:
    case LOG_ALERT:
    case LOG_ADMIN:
    case LOG_KINDS: break;
    }
    if (event->message_ends && event->id != 0) {
        begin(buf, head, "qmgr", event);
        linebuf_text(buf, "removed\n");
    }
}

/* A refusal's words may repeat a client's: what would read as a field of the line's own
 * ("from=<") does not. */
static void add_words(struct linebuf *buf, const char *text)
{
    size_t left = LOG_TEXT_BYTES;
    for (const char *at = strstr(text, "=<"); at != NULL && left > 0;
         at = strstr(text, "=<")) {
        size_t part = (size_t)(at - text) + 1;
        part = part < left ? part : left;
        linebuf_line(buf, text, part, "");
        linebuf_char(buf, '?');
        left -= part;
        text = at + 2;
    }
    linebuf_line(buf, text, left, "");
}

static void add_reject(struct linebuf *buf, const struct log_session *session)
{
    linebuf_text(buf, "NOQUEUE: reject: ");
    linebuf_line(buf, text_or(session->command, "CONNECT"), LOG_TEXT_BYTES, " ");
    linebuf_text(buf, " from ");
    add_peer(buf, session->client_name, session->client_ip);
    linebuf_text(buf, ": ");
    add_words(buf, text_or(session->text, ""));
    linebuf_char(buf, ';');
    if (session->sender != NULL) {
        add_address(buf, " from", session->sender);
    }
    if (text_or(session->recipient, "")[0] != '\0') {
        add_address(buf, " to", session->recipient);
    }
    linebuf_text(buf, " proto=ESMTP");
    add_address(buf, " helo", session->helo);
}

void log_mail_session(struct linebuf *buf, const struct log_mail_head *head,
                      int64_t unix_ms, const struct log_session *session)
{
    assert(head != NULL);
    assert(session != NULL);
    uint64_t process = session->number == 0 ? head->process : session->number;
    add_head(buf, head, (struct line_head){unix_ms, "smtpd", process});
    switch (session->kind) {
    case LOG_SESSION_CONNECT:
        linebuf_text(buf, "connect from ");
        add_peer(buf, session->client_name, session->client_ip);
        break;
    case LOG_SESSION_DISCONNECT:
        linebuf_text(buf, "disconnect from ");
        add_peer(buf, session->client_name, session->client_ip);
        break;
    case LOG_SESSION_REJECT: add_reject(buf, session); break;
    case LOG_SESSION_AUTH_FAILED:
        linebuf_text(buf, "warning: ");
        add_peer(buf, session->client_name, session->client_ip);
        linebuf_text(buf, ": SASL ");
        linebuf_line(buf, text_or(session->text, "PLAIN"), LOG_TEXT_BYTES, " ");
        linebuf_text(buf, " authentication failed: authentication failure");
        if (text_or(session->user, "")[0] != '\0') {
            linebuf_text(buf, ", sasl_username=");
            add(buf, session->user);
        }
        break;
    }
    linebuf_char(buf, '\n');
}
