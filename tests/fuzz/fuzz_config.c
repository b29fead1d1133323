/* Any bytes as a configuration: they load or are refused with a note, and nothing else.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "relay/config.h"
#include "relay/config_diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 itself loses the text it was collecting when a syntax error follows: at
 * most the size of the file, once for each load that is refused. */
const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_notes notes;
    const struct config *config;
    char where[64];
    int rc;

    config_notes_init(&notes);
    rc = config_load_text((const char *)data, size, "fuzz.conf", &config, &notes);
    assert((rc == 0) == (config != NULL));
    assert((rc == 0) == (notes.errors == 0));
    if (config != NULL) {
        struct config_diff diff;

        /* What everybody else relies on. */
        assert(config->listener_count > 0);
        assert(config->default_stream < config->stream_count);
        assert(config->default_site < config->site_count);
        for (size_t i = 0; i < config->listener_count; i++) {
            const struct config_listener *listener = &config->listeners[i];

            assert(listener->stream < config->stream_count);
            assert(listener->trust.count > 0 || listener->auth != CONFIG_AUTH_NONE);
            assert(strlen(config_where_print(config, &listener->port, where,
                                             sizeof where)) > 0);
        }
        for (size_t i = 0; i < config->stream_count; i++) {
            assert(config->streams[i].sources.count > 0);
            assert(config->streams[i].retry < config->schedule_count);
            assert(config->streams[i].lifetime_ns > 0);
        }
        config_diff(config, config, &diff);
        assert(diff.source_gone_count == 0 && diff.stream_gone_count == 0);
        config_diff_clear(&diff);
    }
    config_unref(config);
    config_notes_clear(&notes);
    return 0;
}
