#include "relay/headeredit.h"

#include <string.h>
#include <strings.h>

#include "relay/addresslist.h"
#include "relay/config.h"
#include "relay/limits.h"
#include "relay/message.h"
#include "relay/rewrite.h"
#include "relay/textbuf.h"

/* Whose addresses a field has. */
enum whose {
    WHOSE_NOBODY,
    WHOSE_SENDER,
    WHOSE_RECIPIENT,
};

static enum whose whose_field(const struct message_field *field)
{
    static const char *const senders[] = {"From", "Sender", "Reply-To", "Resent-From",
                                          "Resent-Sender"};
    static const char *const recipients[] = {"To", "Cc", "Resent-To", "Resent-Cc"};
    for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
        if (message_field_is(field, senders[i])) {
            return WHOSE_SENDER;
        }
    }
    for (size_t i = 0; i < sizeof recipients / sizeof recipients[0]; i++) {
        if (message_field_is(field, recipients[i])) {
            return WHOSE_RECIPIENT;
        }
    }
    return WHOSE_NOBODY;
}

/* "X-Php-*" is every field that begins so. */
static bool name_matches(const char *pattern, const struct message_field *field)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*') {
        return field->name_length >= length - 1 &&
               strncasecmp(pattern, field->name, length - 1) == 0;
    }
    return message_field_is(field, pattern);
}

static bool is_for(const struct config_header *rule, uint32_t stream)
{
    return rule->stream == CONFIG_NONE || rule->stream == stream;
}

static bool is_removed(const struct config *config, uint32_t stream,
                       const struct message_field *field)
{
    for (size_t i = 0; i < config->header_count; i++) {
        const struct config_header *rule = &config->headers[i];
        if (rule->action != CONFIG_HEADER_ADD && is_for(rule, stream) &&
            name_matches(rule->name, field)) {
            return true;
        }
    }
    return false;
}

/* A field whose addresses are being copied. */
struct copy {
    const struct config *config;
    const struct message_field *field;
    enum whose whose;
    size_t copied; /* of the value */
    bool is_changed;
    struct textbuf *out;
};

static void on_place(void *owner, const struct addresslist_place *place)
{
    struct copy *copy = owner;
    char better[2 * LIMIT_DOMAIN + LIMIT_LOCAL_PART];
    bool is_new =
        copy->whose == WHOSE_SENDER
            ? rewrite_sender(copy->config, place->address, better, sizeof better)
            : rewrite_complete(copy->config, place->address, better, sizeof better);
    if (!is_new) {
        return;
    }
    textbuf_append(copy->out, copy->field->value + copy->copied,
                   place->start - copy->copied);
    textbuf_text(copy->out, better);
    copy->copied = place->end;
    copy->is_changed = true;
}

static bool has_long_line(const char *bytes, size_t length)
{
    size_t start = 0;
    while (start < length) {
        const char *lf = memchr(bytes + start, '\n', length - start);
        size_t end = lf == NULL ? length : (size_t)(lf - bytes) + 1;
        if (end - start > LIMIT_TEXT_LINE) {
            return true;
        }
        start = end;
    }
    return false;
}

/* The field with its addresses as they shall be. False: it stays as it came. */
static bool put_rewritten(const struct config *config, const char *block,
                          const struct message_field *field, enum whose whose,
                          struct textbuf *out)
{
    size_t from = out->length;
    struct copy copy = {.config = config, .field = field, .whose = whose, .out = out};
    size_t head = (size_t)(field->value - block) - field->start;
    textbuf_append(out, block + field->start, head);
    addresslist_places(field->value, field->value_length, on_place, &copy);
    if (copy.is_changed) {
        size_t rest = (size_t)(field->value - block) + copy.copied;
        textbuf_append(out, block + rest, field->end - rest);
    }
    if (!copy.is_changed ||
        (!out->failed && has_long_line(out->bytes + from, out->length - from))) {
        out->length = from;
        return false;
    }
    return true;
}

static bool put_added(const struct config *config, uint32_t stream, struct textbuf *out)
{
    bool any = false;
    for (size_t i = 0; i < config->header_count; i++) {
        const struct config_header *rule = &config->headers[i];
        if (rule->action != CONFIG_HEADER_REMOVE && is_for(rule, stream)) {
            textbuf_printf(out, "%s: %s\r\n", rule->name, rule->value);
            any = true;
        }
    }
    return any;
}

bool headeredit_apply(const struct config *config, uint32_t stream, const char *block,
                      size_t length, struct textbuf *out)
{
    size_t at = 0;
    size_t copied = 0;
    bool is_changed = false;
    struct message_field field;
    while (message_next_field(block, length, &at, &field)) {
        enum whose whose = whose_field(&field);
        bool drops = is_removed(config, stream, &field);
        if (!drops && whose == WHOSE_NOBODY) {
            continue;
        }
        textbuf_append(out, block + copied, field.start - copied);
        copied = field.start;
        if (drops || put_rewritten(config, block, &field, whose, out)) {
            copied = field.end;
            is_changed = true;
        }
    }
    textbuf_append(out, block + copied, length - copied);
    if (out->length > 0 && !out->failed && out->bytes[out->length - 1] != '\n') {
        textbuf_text(out, "\r\n"); /* a last line without its end */
    }
    return put_added(config, stream, out) || is_changed;
}
