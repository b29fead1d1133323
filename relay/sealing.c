#include "relay/sealing.h"

#include <string.h>

#include "relay/log.h"
#include "relay/maildate.h"
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

/* Its time has come and is not over. */
static bool is_in_force(const struct config_dkim *entry)
{
    int64_t begins_ms = INT64_MIN;
    int64_t ends_ms = INT64_MAX;
    int64_t now_ms = now_unix_ms();
    if (entry->begins[0] != '\0') {
        (void)maildate_read(entry->begins, &begins_ms);
    }
    if (entry->ends[0] != '\0') {
        (void)maildate_read(entry->ends, &ends_ms);
    }
    return begins_ms <= now_ms && now_ms < ends_ms;
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

/* The signatures of all keys for a From domain, above the header. How many. */
static unsigned seal(const struct snapshot *snapshot, const char *from_domain,
                     uint32_t stream, struct dkim_body *body, struct textbuf *header)
{
    unsigned char hash[DKIM_HASH_BYTES];
    unsigned count = 0;
    if (dkim_body_end(body, hash) != 0) {
        log_error("dkim: the body could not be hashed; nothing is signed");
        return 0;
    }
    struct textbuf out;
    textbuf_init(&out, header->max);
    for (size_t i = 0; i < snapshot->config->dkim_count; i++) {
        const struct config_dkim *entry = &snapshot->config->dkim[i];
        if (!is_within(from_domain, entry->domain) || !is_in_force(entry) ||
            (entry->stream != CONFIG_NONE && entry->stream != stream)) {
            continue;
        }
        int rc = dkim_sign(snapshot->dkim_keys[i], header->bytes, header->length, hash,
                           now_unix_ms(), &out);
        count += rc == 0;
        if (rc != 0) {
            log_error("dkim: key %s of %s could not sign; its signature is left out",
                      entry->selector, entry->domain);
        }
    }
    textbuf_append(&out, header->bytes, header->length);
    if (out.failed) {
        textbuf_done(&out);
        return 0;
    }
    textbuf_done(header);
    *header = out;
    return count;
}

unsigned sealing_sign(const struct snapshot *snapshot, const struct message *message,
                      uint32_t stream, struct dkim_body *body, struct textbuf *header)
{
    return seal(snapshot, message->facts.from_domain, stream, body, header);
}

void sealing_sign_own(const struct snapshot *snapshot, uint32_t stream,
                      const struct textbuf *content, struct textbuf *header)
{
    struct dkim_body *body = dkim_body_new();
    dkim_body_feed(body, content->bytes, content->length);
    (void)seal(snapshot, snapshot->config->hostname, stream, body, header);
    dkim_body_free(body);
}
