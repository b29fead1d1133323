#include "relay/sealing.h"

#include <string.h>

#include "relay/log.h"
#include "relay/now.h"
#include "relay/snapshot.h"

/* The same domain or one below it: what DMARC's relaxed alignment accepts. */
static bool is_within(const char *domain, const char *key_domain)
{
    size_t length = strlen(domain);
    size_t key_length = strlen(key_domain);
    if (length < key_length ||
        strcasecmp(domain + length - key_length, key_domain) != 0) {
        return false;
    }
    return length == key_length || domain[length - key_length - 1] == '.';
}

bool sealing_wants(const struct snapshot *snapshot, const struct message *message)
{
    for (size_t i = 0; i < snapshot->config->dkim_count; i++) {
        if (is_within(message->facts.from_domain, snapshot->config->dkim[i].domain)) {
            return true;
        }
    }
    return false;
}

void sealing_sign(const struct snapshot *snapshot, const struct message *message,
                  uint32_t stream, struct dkim_body *body, struct textbuf *header)
{
    unsigned char hash[DKIM_HASH_BYTES];
    if (dkim_body_end(body, hash) != 0) {
        log_error("dkim: the body could not be hashed; the message leaves unsigned");
        return;
    }
    struct textbuf out;
    textbuf_init(&out, header->max);
    for (size_t i = 0; i < snapshot->config->dkim_count; i++) {
        const struct config_dkim *entry = &snapshot->config->dkim[i];
        if (!is_within(message->facts.from_domain, entry->domain) ||
            (entry->stream != CONFIG_NONE && entry->stream != stream)) {
            continue;
        }
        int rc = dkim_sign(snapshot->dkim_keys[i], header->bytes, header->length, hash,
                           now_unix_ms(), &out);
        if (rc != 0) {
            log_error("dkim: key %s of %s could not sign; the message leaves without it",
                      entry->selector, entry->domain);
        }
    }
    textbuf_append(&out, header->bytes, header->length);
    if (out.failed) {
        textbuf_done(&out);
        return;
    }
    textbuf_done(header);
    *header = out;
}
