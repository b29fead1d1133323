#include "relay/compose.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/addresslist.h"
#include "relay/compose_mime.h"
#include "relay/limits.h"
#include "relay/message.h"

static char *copy(const char *text)
{
    char *kept = strdup(text);
    if (kept == NULL) {
        abort(); /* an address of an ask whose size is capped */
    }
    return kept;
}

static int add_recipient(struct compose *out, const char *address, struct errmsg *err)
{
    if (out->recipient_count == COMPOSE_RECIPIENTS) {
        errmsg_set(err, "a message has at most %d recipients here; split it",
                   COMPOSE_RECIPIENTS);
        return -EINVAL;
    }
    char **grown =
        realloc(out->recipients, (out->recipient_count + 1) * sizeof *out->recipients);
    if (grown == NULL) {
        abort();
    }
    out->recipients = grown;
    out->recipients[out->recipient_count++] = copy(address);
    return 0;
}

void compose_done(struct compose *compose)
{
    for (unsigned i = 0; i < compose->recipient_count; i++) {
        free(compose->recipients[i]);
    }
    free(compose->recipients);
    free(compose->sender);
    textbuf_done(&compose->content);
    *compose = (struct compose){0};
}

/* ---- JSON ---- */

static const char *const known[] = {
    "from", "to",      "cc",          "bcc",    "reply_to", "sender",   "subject", "text",
    "html", "headers", "attachments", "stream", "priority", "lifetime", "job"};

static int check_keys(json_t *object, struct errmsg *err)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            is_known = is_known || strcmp(known[i], key) == 0;
        }
        if (!is_known) {
            errmsg_set(err,
                       "\"%.40s\" is not known; known are from to cc bcc reply_to sender "
                       "subject text html headers attachments stream priority lifetime "
                       "job",
                       key);
            return -EINVAL;
        }
    }
    return 0;
}

/* A text of the object: "" when it is not there; NULL and said when it is something else.
 */
static const char *text_of(const json_t *object, const char *key, struct errmsg *err)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return "";
    }
    if (!json_is_string(value)) {
        errmsg_set(err, "%s is a text", key);
        return NULL;
    }
    return json_string_value(value);
}

/* One mailbox into a field, and its address to the recipients when out is given. */
static int put_mailbox(struct textbuf *field, const char *key, const json_t *value,
                       struct compose *out, struct errmsg *err)
{
    char address[1024];
    const char *text = json_string_value(value);
    if (text == NULL ||
        addresslist_read(text, strlen(text), address, sizeof address) != 1 ||
        address[0] == '\0' || !compose_mime_mailbox(field, text, address)) {
        errmsg_set(
            err,
            "%s: write one address for each entry, as \"kim@example.com\" or \"Kim "
            "<kim@example.com>\", without control characters",
            key);
        return -EINVAL;
    }
    return out == NULL ? 0 : add_recipient(out, address, err);
}

/* A field of mailboxes; only_envelope leaves it out of the header (Bcc). */
static int put_mailboxes(struct compose *out, const json_t *object, const char *key,
                         const char *name, bool only_envelope, struct errmsg *err)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL) {
        return 0;
    }
    struct textbuf field;
    textbuf_init(&field, LIMIT_HEADER_BYTES);
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        textbuf_text(&field, i == 0 ? "" : ",\r\n ");
        rc = put_mailbox(&field, key,
                         json_is_array(value) ? json_array_get(value, i) : value, out,
                         err);
    }
    if (rc == 0 && count > 0 && !only_envelope) {
        textbuf_printf(&out->content, "%s: ", name);
        textbuf_append(&out->content, field.bytes, field.length);
        textbuf_text(&out->content, "\r\n");
    }
    textbuf_done(&field);
    return rc;
}

static int put_from(struct compose *out, const json_t *object, struct errmsg *err)
{
    char address[1024];
    const char *from = text_of(object, "from", err);
    const char *sender = text_of(object, "sender", err);
    if (from == NULL || sender == NULL) {
        return -EINVAL;
    }
    if (addresslist_read(from, strlen(from), address, sizeof address) != 1) {
        errmsg_set(err, "from: write one address, as \"Shop <shop@example.com>\"");
        return -EINVAL;
    }
    out->sender = copy(json_object_get(object, "sender") != NULL ? sender : address);
    textbuf_text(&out->content, "From: ");
    int rc =
        put_mailbox(&out->content, "from", json_object_get(object, "from"), NULL, err);
    textbuf_text(&out->content, "\r\n");
    return rc;
}

static int put_field(struct compose *out, const char *name, const char *value,
                     struct errmsg *err)
{
    if (value[0] == '\0') {
        return 0;
    }
    if (!compose_mime_field(&out->content, name, value)) {
        errmsg_set(
            err,
            "%.60s: a header field has a name of letters, digits and dashes, and no "
            "control characters",
            name);
        return -EINVAL;
    }
    return 0;
}

static int put_texts(struct compose *out, const json_t *object, struct errmsg *err)
{
    static const char *const fields[][2] = {{"subject", "Subject"},
                                            {"stream", "X-Mesura-Stream"},
                                            {"lifetime", "X-Mesura-Lifetime"},
                                            {"job", "X-Mesura-Job"}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof fields / sizeof fields[0]; i++) {
        const char *text = text_of(object, fields[i][0], err);
        rc = text == NULL ? -EINVAL : put_field(out, fields[i][1], text, err);
    }
    const json_t *priority = json_object_get(object, "priority");
    if (rc == 0 && priority != NULL) {
        char digit[32];
        if (!json_is_integer(priority)) {
            errmsg_set(err, "priority is a number, 0 to 9");
            return -EINVAL;
        }
        (void)snprintf(digit, sizeof digit, "%lld",
                       (long long)json_integer_value(priority));
        rc = put_field(out, "X-Mesura-Priority", digit, err);
    }
    return rc;
}

/* Fields that this module writes itself, or that say how the body is to be read. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"From",    "To",       "Cc",          "Bcc",
                                       "Subject", "Reply-To", "MIME-Version"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strcasecmp(ours[i], name) == 0) {
            return true;
        }
    }
    return strncasecmp(name, "Content-", 8) == 0;
}

static int put_headers(struct compose *out, const json_t *object, struct errmsg *err)
{
    json_t *headers = json_object_get(object, "headers");
    const char *name = NULL;
    json_t *value = NULL;
    int rc = 0;
    if (headers != NULL && !json_is_object(headers)) {
        errmsg_set(err, "headers is an object: {\"X-Ticket\": \"7\"}");
        return -EINVAL;
    }
    json_object_foreach(headers, name, value)
    {
        if (is_ours(name) || !json_is_string(value)) {
            errmsg_set(err,
                       "headers: \"%.60s\" is written from its own key, or is no text",
                       name);
            return -EINVAL;
        }
        rc = put_field(out, name, json_string_value(value), err);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int put_body(struct compose *out, const json_t *object, struct errmsg *err)
{
    struct compose_mime mime = {.text = text_of(object, "text", err),
                                .html = text_of(object, "html", err)};
    const json_t *list = json_object_get(object, "attachments");
    if (mime.text == NULL || mime.html == NULL) {
        return -EINVAL;
    }
    if (list != NULL &&
        (!json_is_array(list) || json_array_size(list) > COMPOSE_ATTACHMENTS)) {
        errmsg_set(err, "attachments is an array of at most %d", COMPOSE_ATTACHMENTS);
        return -EINVAL;
    }
    struct compose_part parts[COMPOSE_ATTACHMENTS];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        parts[i].name = text_of(item, "name", err);
        parts[i].type = text_of(item, "type", err);
        parts[i].content = text_of(item, "content", err);
        if (parts[i].name == NULL || parts[i].type == NULL || parts[i].content == NULL ||
            !json_is_object(item)) {
            errmsg_set(err, "attachments: each is {\"name\", \"type\", \"content\"}, "
                            "texts, the content in base64");
            return -EINVAL;
        }
    }
    mime.parts = parts;
    mime.part_count = json_array_size(list);
    return compose_mime_body(&out->content, &mime, err);
}

static int put_all(struct compose *out, json_t *object, struct errmsg *err)
{
    int rc = check_keys(object, err);
    if (rc == 0) {
        rc = put_from(out, object, err);
    }
    if (rc == 0) {
        rc = put_mailboxes(out, object, "to", "To", false, err);
    }
    if (rc == 0) {
        rc = put_mailboxes(out, object, "cc", "Cc", false, err);
    }
    if (rc == 0) {
        rc = put_mailboxes(out, object, "bcc", "Bcc", true, err);
    }
    if (rc == 0) {
        const char *reply_to = text_of(object, "reply_to", err);
        rc = reply_to == NULL ? -EINVAL : 0;
        if (rc == 0 && reply_to[0] != '\0') {
            textbuf_text(&out->content, "Reply-To: ");
            rc = put_mailbox(&out->content, "reply_to",
                             json_object_get(object, "reply_to"), NULL, err);
            textbuf_text(&out->content, "\r\n");
        }
    }
    if (rc == 0) {
        rc = put_texts(out, object, err);
    }
    if (rc == 0) {
        rc = put_headers(out, object, err);
    }
    if (rc == 0) {
        rc = put_body(out, object, err);
    }
    if (rc == 0 && out->recipient_count == 0) {
        errmsg_set(err, "nobody is written to: name to, cc or bcc");
        rc = -EINVAL;
    }
    return rc;
}

int compose_json(struct compose *out, const char *json, size_t length, struct errmsg *err)
{
    json_error_t why;
    *out = (struct compose){0};
    textbuf_init(&out->content, LIMIT_API_MESSAGE * 2);
    json_t *object = json_loadb(json, length, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(object)) {
        errmsg_set(err, "the body is no JSON object: line %d: %.80s", why.line,
                   object == NULL ? why.text : "something else");
        json_decref(object);
        return -EINVAL;
    }
    int rc = put_all(out, object, err);
    json_decref(object);
    if (rc == 0 && out->content.failed) {
        errmsg_set(err, "the message is too large");
        rc = -EINVAL;
    }
    return rc;
}

/* ---- a finished message ---- */

struct collecting {
    struct compose *out;
    struct errmsg *err;
    int rc;
};

static void on_address(void *owner, const char *address)
{
    struct collecting *collecting = owner;
    if (collecting->rc == 0 && address[0] != '\0') {
        collecting->rc = add_recipient(collecting->out, address, collecting->err);
    }
}

static bool names_recipients(const struct message_field *field)
{
    return message_field_is(field, "To") || message_field_is(field, "Cc") ||
           message_field_is(field, "Bcc");
}

/* The header block of a message whose lines may end in LF alone. */
static size_t block_length(const char *message, size_t length)
{
    size_t at = 0;
    while (at < length) {
        const char *lf = memchr(message + at, '\n', length - at);
        size_t end = lf == NULL ? length : (size_t)(lf - message) + 1;
        size_t line = end - at;
        if (message[at] == '\n' || (line == 2 && message[at] == '\r')) {
            return at;
        }
        at = end;
    }
    return length;
}

int compose_message(struct compose *out, const char *from, const char *to,
                    const char *message, size_t length, struct errmsg *err)
{
    struct collecting collecting = {.out = out, .err = err};
    char address[1024] = "";
    size_t at = 0;
    size_t block = block_length(message, length);
    struct message_field field;
    *out = (struct compose){0};
    textbuf_init(&out->content, LIMIT_API_MESSAGE);
    (void)addresslist_read(from, strlen(from), address, sizeof address);
    (void)addresslist_each(to, strlen(to), on_address, &collecting);
    while (message_next_field(message, block, &at, &field)) {
        if (from[0] == '\0' && address[0] == '\0' && message_field_is(&field, "From")) {
            (void)addresslist_read(field.value, field.value_length, address,
                                   sizeof address);
        }
        if (to[0] == '\0' && names_recipients(&field)) {
            (void)addresslist_each(field.value, field.value_length, on_address,
                                   &collecting);
        }
    }
    out->sender = copy(strcmp(address, "<>") == 0 ? "" : address);
    textbuf_append(&out->content, message, length);
    if (collecting.rc == 0 && out->recipient_count == 0) {
        errmsg_set(err, "nobody is written to: neither `to` nor To, Cc, Bcc");
        return -EINVAL;
    }
    if (collecting.rc == 0 && out->content.failed) {
        errmsg_set(err, "the message is too large");
        return -EINVAL;
    }
    return collecting.rc;
}
