/* Alerts as mail of our own. No test of its own: tests/relay/test_notice.c. */

#include <stdio.h>
#include <string.h>

#include "queue/envelope.h"

#include "relay/core.h"
#include "relay/id.h"
#include "relay/inject.h"
#include "relay/maildate.h"
#include "relay/notice.h"
#include "relay/now.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/textbuf.h"

#define HEADER_MAX ((size_t)16 * 1024)
#define BODY_MAX   ((size_t)256 * 1024)

/* A stream that does not need the source in trouble; the default one when all do. */
static uint32_t stream_apart_from(const struct core *core, const char *avoid)
{
    const struct config *config = core->snapshot->config;
    int64_t until_ns = 0;
    for (uint32_t pass = 0; pass < config->stream_count; pass++) {
        uint32_t s = (config->default_stream + pass) % (uint32_t)config->stream_count;
        for (size_t i = 0; i < config->streams[s].sources.count; i++) {
            const struct source *source =
                sources_at(&core->sources, config->streams[s].sources.items[i]);
            if (strcmp(source->name, avoid) != 0 &&
                !stops_source_holds(source, config, &config->streams[s], &until_ns)) {
                return s;
            }
        }
    }
    return config->default_stream;
}

void notices_alert(struct core *core, const char *avoid_source, const char *subject,
                   const char *body)
{
    const struct config *config = core->snapshot->config;
    if (config->alerts.mail[0] == '\0') {
        return;
    }
    uint64_t id = core_next_id(core);
    char text[ID_BYTES];
    char date[MAILDATE_BYTES];
    id_print(id, text);
    (void)maildate_format(now_unix_ms(), 0, date);
    struct textbuf header;
    struct textbuf text_body;
    textbuf_init(&header, HEADER_MAX);
    textbuf_init(&text_body, BODY_MAX);
    textbuf_printf(&header,
                   "From: Mesura <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\n"
                   "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
                   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
                   config->hostname, config->alerts.mail, subject, date, text,
                   config->hostname);
    for (const char *at = body; *at != '\0';) {
        size_t line = strcspn(at, "\r\n");
        textbuf_append(&text_body, at, line);
        textbuf_text(&text_body, "\r\n");
        at += line;
        at += strspn(at, "\r");
        at += *at == '\n';
    }
    struct inject_letter letter = {.id = id,
                                   .to = config->alerts.mail,
                                   .stream = stream_apart_from(core, avoid_source),
                                   .flags = ENVELOPE_IS_DSN | ENVELOPE_HAS_DOT_LINE,
                                   .subject = "alert",
                                   .header = &header,
                                   .body = &text_body};
    (void)inject_send(core, &core->notices.flying, &letter);
}
