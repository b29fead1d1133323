#include "relay/message.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "relay/addresslist.h"
#include "relay/maildate.h"

void message_init(struct message *message)
{
    memset(message, 0, sizeof *message);
    textbuf_init(&message->header, (size_t)LIMIT_HEADER_BYTES);
}

void message_done(struct message *message)
{
    if (message != NULL) {
        textbuf_done(&message->header);
    }
}

static char lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte + ('a' - 'A'));
    }
    return byte;
}

/* The length of a field name that begins a line and is followed by a colon; 0 when the
 * line is no field. White space before the colon is old but seen. */
static size_t name_length(const char *line, size_t length)
{
    size_t name = 0;
    while (name < length && line[name] > ' ' && line[name] < 0x7f && line[name] != ':') {
        name++;
    }
    size_t colon = name;
    while (colon < length && (line[colon] == ' ' || line[colon] == '\t')) {
        colon++;
    }
    return colon < length && line[colon] == ':' ? name : 0;
}

/* Where the line at `at` ends: behind its LF, or at the block's end. */
static size_t line_end(const char *block, size_t length, size_t at)
{
    const char *lf = memchr(block + at, '\n', length - at);
    return lf == NULL ? length : (size_t)(lf - block) + 1;
}

bool message_next_field(const char *block, size_t length, size_t *at,
                        struct message_field *out)
{
    while (*at < length) {
        size_t start = *at;
        size_t end = line_end(block, length, start);
        size_t name = name_length(block + start, end - start);
        while (end < length && (block[end] == ' ' || block[end] == '\t')) {
            end = line_end(block, length, end);
        }
        *at = end;
        if (name == 0) {
            continue;
        }
        const char *colon = memchr(block + start + name, ':', end - start - name);
        assert(colon != NULL);
        size_t value = (size_t)(colon - block) + 1;
        size_t value_end = end;
        while (value_end > value &&
               (block[value_end - 1] == '\n' || block[value_end - 1] == '\r')) {
            value_end--;
        }
        *out = (struct message_field){.name = block + start,
                                      .name_length = name,
                                      .value = block + value,
                                      .value_length = value_end - value,
                                      .start = start,
                                      .end = end};
        return true;
    }
    return false;
}

bool message_field_is(const struct message_field *field, const char *name)
{
    return strlen(name) == field->name_length &&
           strncasecmp(field->name, name, field->name_length) == 0;
}

/* Copy a value unfolded and trimmed, cut to cap; runs of space become one. */
static void copy_value(const struct message_field *field, char *out, size_t cap)
{
    size_t written = 0;
    for (size_t i = 0; i < field->value_length && written + 1 < cap; i++) {
        unsigned char byte = (unsigned char)field->value[i];
        bool is_blank = byte <= ' ' || byte == 0x7f;
        if (!is_blank) {
            out[written++] = field->value[i];
        } else if (written > 0 && out[written - 1] != ' ') {
            out[written++] = ' ';
        }
    }
    while (written > 0 && out[written - 1] == ' ') {
        written--;
    }
    out[written] = '\0';
}

static void note_from(struct message_facts *facts, const struct message_field *field)
{
    facts->from_fields++;
    if (facts->from_fields > 1) {
        return;
    }
    facts->from_addresses = addresslist_read(field->value, field->value_length,
                                             facts->from, sizeof facts->from);

    const char *at = strrchr(facts->from, '@');
    const char *domain = at == NULL ? "" : at + 1;
    size_t length = strlen(domain);
    if (length >= sizeof facts->from_domain) {
        length = 0;
    }
    for (size_t i = 0; i < length; i++) {
        facts->from_domain[i] = lower(domain[i]);
    }
    facts->from_domain[length] = '\0';
}

static bool value_is(const struct message_field *field, const char *text)
{
    char value[64];
    copy_value(field, value, sizeof value);
    return strcasecmp(value, text) == 0;
}

/* Fields whose presence, or whose value, is remembered. */
static void note_field(struct message_facts *facts, const struct message_field *field)
{
    const struct {
        const char *name;
        char *out;
        size_t cap;
    } values[] = {{"Subject", facts->subject, sizeof facts->subject},
                  {"Message-ID", facts->message_id, sizeof facts->message_id},
                  {"Precedence", facts->precedence, sizeof facts->precedence},
                  {"X-Mesura-Stream", facts->stream, sizeof facts->stream},
                  {"X-Mesura-Priority", facts->priority, sizeof facts->priority},
                  {"X-Mesura-Lifetime", facts->lifetime, sizeof facts->lifetime},
                  {"X-Mesura-Job", facts->job, sizeof facts->job}};
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"Date", &facts->has_date},
                 {"Message-ID", &facts->has_message_id},
                 {"To", &facts->has_to},
                 {"Cc", &facts->has_to},
                 {"Sender", &facts->has_sender},
                 {"List-Unsubscribe", &facts->has_list_unsubscribe},
                 {"List-Unsubscribe-Post", &facts->has_list_unsubscribe_post}};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        /* The first one counts, as readers of mail do it. */
        if (values[i].out[0] == '\0' && message_field_is(field, values[i].name)) {
            copy_value(field, values[i].out, values[i].cap);
        }
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        *flags[i].flag = *flags[i].flag || message_field_is(field, flags[i].name);
    }
    if (message_field_is(field, "From")) {
        note_from(facts, field);
    } else if (message_field_is(field, "Received")) {
        facts->received++;
    } else if (message_field_is(field, "Auto-Submitted")) {
        facts->is_auto_submitted = facts->is_auto_submitted || !value_is(field, "no");
    } else if (message_field_is(field, "TLS-Required")) {
        facts->has_tls_required_no = facts->has_tls_required_no || value_is(field, "no");
    }
}

/* The field that was being collected ends where the current line begins. */
static void end_field(struct message *message)
{
    if (!message->has_field) {
        return;
    }
    message->has_field = false;
    message->block_length = message->line_start;

    const char *block = message->header.bytes;
    size_t at = message->field_start;
    struct message_field field;
    if (message_next_field(block, message->line_start, &at, &field)) {
        message->facts.fields++;
        note_field(&message->facts, &field);
    }
    for (size_t i = message->field_start; i < message->line_start; i++) {
        if ((unsigned char)block[i] >= 0x80) {
            message->facts.is_8bit = true;
            break;
        }
    }
    if (message->facts.fields > LIMIT_HEADER_FIELDS) {
        message->refusal =
            (struct message_refusal){554, "5.6.0 Message has too many header fields"};
        message->header_done = true;
    }
}

static void refuse_size(struct message *message)
{
    message->refusal = (struct message_refusal){552, "5.3.4 Message header too big"};
    message->has_field = false;
    message->header_done = true;
}

/* Forget the line being collected. */
static void drop_line(struct message *message)
{
    message->header.length = message->line_start;
}

/* A complete line stands at line_start. */
static void take_line(struct message *message)
{
    const char *line = message->header.bytes + message->line_start;
    size_t length = message->header.length - message->line_start;
    bool is_empty = (length == 2 && line[0] == '\r') || length == 1;

    if (is_empty) {
        end_field(message);
        drop_line(message);
        message->header_done = true;
        return;
    }
    if ((line[0] == ' ' || line[0] == '\t') && message->has_field) {
        message->line_start = message->header.length;
        return;
    }
    bool is_first = message->line_start == 0;
    if (is_first && length > 5 && memcmp(line, "From ", 5) == 0) {
        drop_line(message);
        return;
    }
    end_field(message);
    if (message->header_done) {
        return;
    }
    if (name_length(line, length) == 0) {
        message->header_done = true; /* body: message_prefix gives the line */
        return;
    }
    message->field_start = message->line_start;
    message->has_field = true;
    message->line_start = message->header.length;
}

size_t message_feed(struct message *message, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length && !message->header_done) {
        const char *lf = memchr(bytes + used, '\n', length - used);
        size_t part = lf == NULL ? length - used : (size_t)(lf - bytes) + 1 - used;
        if (message->header.length + part > (size_t)LIMIT_HEADER_BYTES) {
            refuse_size(message);
            return used;
        }
        textbuf_append(&message->header, bytes + used, part);
        if (message->header.failed) {
            message->refusal =
                (struct message_refusal){451, "4.3.0 Out of memory, try again"};
            message->has_field = false;
            message->header_done = true;
            return used;
        }
        used += part;
        if (lf != NULL) {
            take_line(message);
        }
    }
    return used;
}

void message_end(struct message *message)
{
    if (message->header_done) {
        return;
    }
    if (message->header.length > message->line_start) {
        take_line(message); /* a last line without its end */
    }
    if (!message->header_done) {
        message->line_start = message->header.length;
        end_field(message);
        message->header_done = true;
    }
}

const char *message_prefix(const struct message *message, size_t *out_length)
{
    assert(message->header_done);
    size_t start = message->block_length;
    *out_length = message->refusal.code != 0 ? 0 : message->header.length - start;
    return *out_length == 0 ? "" : message->header.bytes + start;
}

const char *message_block(const struct message *message, size_t *out_length)
{
    *out_length = message->block_length;
    return message->block_length == 0 ? "" : message->header.bytes;
}

void message_replace(struct message *message, struct textbuf *block)
{
    assert(message->header_done);
    size_t prefix = 0;
    const char *bytes = message_prefix(message, &prefix);
    size_t length = block->length;
    block->max = block->max < length + prefix ? length + prefix : block->max;
    textbuf_append(block, bytes, prefix);
    memset(&message->facts, 0, sizeof message->facts);
    textbuf_done(&message->header);
    message->header = *block;
    *block = (struct textbuf){0};
    message->block_length = length;
    message->line_start = length;

    size_t at = 0;
    struct message_field field;
    while (message_next_field(message->header.bytes, length, &at, &field)) {
        message->facts.fields++;
        note_field(&message->facts, &field);
    }
    for (size_t i = 0; i < length && !message->facts.is_8bit; i++) {
        message->facts.is_8bit = (unsigned char)message->header.bytes[i] >= 0x80;
    }
}

struct message_refusal message_check(const struct message *message)
{
    if (message->refusal.code != 0) {
        return message->refusal;
    }
    if (message->facts.received > LIMIT_RECEIVED_COUNT) {
        return (struct message_refusal){554, "5.4.6 Mail loop: too many Received fields"};
    }
    return (struct message_refusal){0, ""};
}

/* Text of others in our Received field: what could end it, or lie, becomes '?'. */
static void put_token(struct textbuf *out, const char *text, size_t max)
{
    for (size_t i = 0; text[i] != '\0' && i < max; i++) {
        char byte = text[i];
        bool is_good = byte > ' ' && byte < 0x7f && strchr("()<>;,\\\"", byte) == NULL;
        textbuf_append(out, is_good ? &byte : "?", 1);
    }
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text >= 0x7f) {
            return false;
        }
    }
    return true;
}

static void put_received(const struct message_trace *trace, const char *date,
                         struct textbuf *out)
{
    textbuf_text(out, "Received: ");
    if (trace->client_ip[0] != '\0') {
        bool is_v6 = strchr(trace->client_ip, ':') != NULL;
        textbuf_text(out, "from ");
        put_token(out, trace->helo[0] == '\0' ? "unknown" : trace->helo, LIMIT_DOMAIN);
        textbuf_text(out, " (");
        put_token(out, trace->client_name, LIMIT_DOMAIN);
        textbuf_text(out, trace->client_name[0] == '\0' ? "[" : " [");
        textbuf_text(out, is_v6 ? "IPv6:" : "");
        put_token(out, trace->client_ip, 64);
        textbuf_text(out, "])\r\n\t");
    }
    textbuf_printf(out, "by %s with %s id %s", trace->hostname, trace->protocol,
                   trace->id);
    if (trace->tls[0] != '\0') {
        textbuf_printf(out, "\r\n\t(%s)", trace->tls);
    }
    if (trace->only_rcpt[0] != '\0' && is_printable(trace->only_rcpt)) {
        textbuf_printf(out, "\r\n\tfor <%s>", trace->only_rcpt);
    }
    textbuf_printf(out, "; %s\r\n", date);
}

static bool is_private(const struct message_field *field)
{
    return message_field_is(field, "Bcc") || message_field_is(field, "Resent-Bcc") ||
           (field->name_length >= 9 && strncasecmp(field->name, "X-Mesura-", 9) == 0);
}

void message_build(const struct message *message, const struct message_trace *trace,
                   const char *extra_headers, struct textbuf *out)
{
    char date[MAILDATE_BYTES];
    size_t length = 0;
    const char *block = message_block(message, &length);
    size_t at = 0;
    size_t copied = 0;
    struct message_field field;

    (void)maildate_format(trace->unix_ms, trace->offset_minutes, date);
    put_received(trace, date, out);
    textbuf_text(out, extra_headers);
    if (!message->facts.has_date) {
        textbuf_printf(out, "Date: %s\r\n", date);
    }
    if (!message->facts.has_message_id) {
        textbuf_printf(out, "Message-ID: <%s.%lld@%s>\r\n", trace->id,
                       (long long)trace->unix_ms, trace->hostname);
    }
    while (message_next_field(block, length, &at, &field)) {
        if (is_private(&field)) {
            textbuf_append(out, block + copied, field.start - copied);
            copied = field.end;
        }
    }
    textbuf_append(out, block + copied, length - copied);
    bool is_ended = length == 0 || block[length - 1] == '\n' || copied == length;
    textbuf_text(out, is_ended ? "\r\n" : "\r\n\r\n");
}
