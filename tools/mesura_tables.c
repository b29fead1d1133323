#include "tools/mesura_tables.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/mesura_text.h"

/* A cell of its own for each column that is made of numbers. */
struct cells {
    char text[MESURA_TEXT_COLUMNS][64];
};

static bool flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static const char *count(const json_t *object, const char *key, char *buffer)
{
    return mesura_text_count(mesura_text_int(object, key), buffer);
}

/* "a, b" of an array of texts. */
static const char *words(const json_t *object, const char *key, char *buffer, size_t size)
{
    size_t used = 0;
    size_t index = 0;
    json_t *word = NULL;

    buffer[0] = '\0';
    json_array_foreach(json_object_get(object, key), index, word)
    {
        int more = snprintf(buffer + used, size - used, "%s%s", index == 0 ? "" : ", ",
                            json_string_value(word));
        if (more < 0 || (size_t)more >= size - used) {
            break;
        }
        used += (size_t)more;
    }
    return buffer;
}

void mesura_tables_streams(const json_t *streams)
{
    struct mesura_text_table *table = mesura_text_table_new(
        "STREAM|STATE|>QUEUED|>READY|>DEFERRED|>HELD|>DELIVERED|>BOUNCED|SOURCES|NOTE");
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(streams, index, row)
    {
        struct cells c;
        char sources[256];
        char note[MESURA_TEXT_BYTES];
        const char *mode = mesura_text_get(row, "mode");
        (void)snprintf(note, sizeof note, "%s%s%s", mesura_text_get(row, "reason"),
                       flag(row, "walled") ? "" : " (not walled: shares a source)",
                       strcmp(mode, "observe") == 0 ? " (only observes)" : "");
        mesura_text_table_row(
            table,
            (const char *const[]){
                mesura_text_get(row, "name"), mesura_text_get(row, "state"),
                count(row, "queued", c.text[0]), count(row, "ready", c.text[1]),
                count(row, "deferred", c.text[2]), count(row, "held", c.text[3]),
                count(row, "delivered", c.text[4]), count(row, "bounced", c.text[5]),
                words(row, "sources", sources, sizeof sources), note});
    }
    mesura_text_table_print(table, "no stream");
}

void mesura_tables_sources(const json_t *sources)
{
    struct mesura_text_table *table =
        mesura_text_table_new("SOURCE|STATE|ADDRESS|HELO|>RATE|>CONN|>QUEUED|>DELIVERED|>"
                              "DEFERRED|STREAMS|NOTE");
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(sources, index, row)
    {
        struct cells c;
        char streams[256];
        char address[160];
        const char *public_address = mesura_text_get(row, "public_address");
        const char *local = mesura_text_get(row, "address");
        bool is_behind = public_address[0] != '\0' && strcmp(public_address, local) != 0;
        (void)snprintf(address, sizeof address, "%s%s%s", local, is_behind ? " as " : "",
                       is_behind ? public_address : "");
        mesura_text_table_row(
            table,
            (const char *const[]){
                mesura_text_get(row, "name"), mesura_text_get(row, "state"), address,
                mesura_text_get(row, "helo"),
                mesura_text_rate(mesura_text_real(row, "rate_per_second"), c.text[0]),
                count(row, "connections", c.text[1]), count(row, "queued", c.text[2]),
                count(row, "delivered", c.text[3]), count(row, "retried", c.text[4]),
                words(row, "streams", streams, sizeof streams),
                mesura_text_get(row, "reason")});
    }
    mesura_text_table_print(table, "no source");
}

void mesura_tables_sites(const json_t *sites, size_t max)
{
    struct mesura_text_table *table = mesura_text_table_new(
        "SITE|STATE|>RATE|>SET|>CONN|>QUEUED|>READY|>DEFERRED|>DELIVERED|>4XX|NOTE");
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(sites, index, row)
    {
        struct cells c;
        if (max != 0 && index == max) {
            break;
        }
        mesura_text_table_row(
            table,
            (const char *const[]){
                mesura_text_get(row, "name"), mesura_text_get(row, "state"),
                mesura_text_rate(mesura_text_real(row, "rate_per_second"), c.text[0]),
                mesura_text_limit(mesura_text_real(row, "set_per_second"), c.text[1]),
                count(row, "connections", c.text[2]), count(row, "queued", c.text[3]),
                count(row, "ready", c.text[4]), count(row, "deferred", c.text[5]),
                count(row, "delivered", c.text[6]),
                mesura_text_share(mesura_text_real(row, "deferral_share"), c.text[7]),
                mesura_text_get(row, "reason")});
    }
    mesura_text_table_print(table, "no site has been used yet");
    if (max != 0 && json_array_size(sites) > max) {
        mesura_text_line("... and %zu more: mesura sites", json_array_size(sites) - max);
    }
}

void mesura_tables_lanes(const json_t *lanes)
{
    struct mesura_text_table *table = mesura_text_table_new(
        "SOURCE|SITE|STATE|>RATE|>ALLOWED|>SET|>LEARNT|>CONN|>4XX|>READY|OPENS|NOTE");
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(lanes, index, row)
    {
        struct cells c;
        char connections[64];
        int64_t window = mesura_text_int(row, "window");
        double ceiling = mesura_text_real(row, "ceiling_per_second");
        (void)snprintf(connections, sizeof connections, "%lld/%lld",
                       (long long)mesura_text_int(row, "connections"), (long long)window);
        mesura_text_table_row(
            table,
            (const char *const[]){
                mesura_text_get(row, "source"), mesura_text_get(row, "site"),
                mesura_text_get(row, "phase"),
                mesura_text_rate(mesura_text_real(row, "rate_per_second"), c.text[0]),
                mesura_text_limit(mesura_text_real(row, "allowed_per_second"), c.text[1]),
                mesura_text_limit(mesura_text_real(row, "set_per_second"), c.text[2]),
                ceiling > 0 ? mesura_text_rate(ceiling, c.text[3]) : "-", connections,
                mesura_text_share(mesura_text_real(row, "deferral_share"), c.text[4]),
                count(row, "ready", c.text[5]),
                mesura_text_until(mesura_text_int(row, "opens_unix_ms"), c.text[6]),
                mesura_text_get(row, "reason")});
    }
    mesura_text_table_print(table, "no lane has been used yet");
}

void mesura_tables_warmup(const json_t *warmup)
{
    struct mesura_text_table *table = mesura_text_table_new(
        "SOURCE|SITE|STATE|RAMP|>DAY|>CAP|>RELEASED|>SENT|>WAIT|NEXT|EVIDENCE|TOMORROW");
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(warmup, index, row)
    {
        struct cells c;
        const char *site = mesura_text_get(row, "site");
        mesura_text_table_row(
            table,
            (const char *const[]){
                mesura_text_get(row, "source"), site[0] == '\0' ? "(all)" : site,
                mesura_text_get(row, "state"), mesura_text_get(row, "ramp"),
                count(row, "day", c.text[0]), count(row, "cap", c.text[1]),
                count(row, "released", c.text[2]), count(row, "sent", c.text[3]),
                count(row, "waiting", c.text[4]),
                mesura_text_until(mesura_text_int(row, "next_unix_ms"), c.text[5]),
                mesura_text_get(row, "evidence"), mesura_text_get(row, "verdict")});
    }
    mesura_text_table_print(table, "no source is warming up");
}

void mesura_tables_preflight(const json_t *warmup)
{
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(warmup, index, row)
    {
        const char *preflight = mesura_text_get(row, "preflight");
        const char *findings = mesura_text_get(row, "findings");
        if (mesura_text_get(row, "site")[0] != '\0' || preflight[0] == '\0') {
            continue;
        }
        mesura_text_line("%s", "");
        mesura_text_line("checks of source %s: %s", mesura_text_get(row, "source"),
                         preflight);
        while (findings[0] != '\0') {
            int length = (int)strcspn(findings, "\n");
            mesura_text_line("  %.*s", length, findings);
            findings += length + (findings[length] == '\n' ? 1 : 0);
        }
    }
}

void mesura_tables_journal(const json_t *journal)
{
    struct mesura_text_table *table =
        mesura_text_table_new("WHEN|WHO|WHAT|OF|BEFORE|AFTER|BECAUSE|UNTIL");
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(journal, index, row)
    {
        struct cells c;
        mesura_text_table_row(
            table,
            (const char *const[]){
                mesura_text_clock(mesura_text_int(row, "unix_ms"), c.text[0]),
                mesura_text_get(row, "actor"), mesura_text_get(row, "kind"),
                mesura_text_get(row, "subject"), mesura_text_get(row, "before"),
                mesura_text_get(row, "after"), mesura_text_get(row, "evidence"),
                mesura_text_clock(mesura_text_int(row, "until_unix_ms"), c.text[1])});
    }
    mesura_text_table_print(table, "nothing was changed in that time");
}

void mesura_tables_waits(const json_t *waits, size_t max)
{
    size_t index = 0;
    json_t *row = NULL;

    if (json_array_size(waits) == 0) {
        mesura_text_line("  nothing waits");
    }
    json_array_foreach(waits, index, row)
    {
        char number[64];
        char opens[64];
        const char *sentence = mesura_text_get(row, "sentence");
        const char *until =
            mesura_text_until(mesura_text_int(row, "opens_unix_ms"), opens);
        if (max != 0 && index == max) {
            mesura_text_line("  ... and %zu more reasons", json_array_size(waits) - max);
            break;
        }
        mesura_text_line("%10s  %s: %s%s%s", count(row, "recipients", number),
                         mesura_text_get(row, "subject"),
                         sentence[0] == '\0' ? mesura_text_get(row, "gate") : sentence,
                         until[0] == '\0' ? "" : "; opens ", until);
    }
}

static void print_block(const json_t *row)
{
    char since[64];
    char probe[64];
    char number[64];
    const char *site = mesura_text_get(row, "site");
    const char *source = mesura_text_get(row, "source");
    const char *reply = mesura_text_get(row, "reply");
    const char *next = mesura_text_until(mesura_text_int(row, "probe_unix_ms"), probe);

    mesura_text_line("  source %s%s%s is stopped: %s (%s waiting, since %s)", source,
                     site[0] == '\0' ? "" : " to site ", site,
                     mesura_text_get(row, "sentence"), count(row, "recipients", number),
                     mesura_text_clock(mesura_text_int(row, "since_unix_ms"), since));
    if (reply[0] != '\0') {
        mesura_text_line("      the reply: %s", reply);
    }
    if (next[0] != '\0') {
        mesura_text_line("      probed %s", next);
    }
    mesura_text_line("      to lift it now: mesura blocks clear %s%s%s", source,
                     site[0] == '\0' ? "" : " ", site);
}

void mesura_tables_blocks(const json_t *blocks, const json_t *freezes)
{
    size_t index = 0;
    json_t *row = NULL;

    if (json_array_size(blocks) + json_array_size(freezes) == 0) {
        mesura_text_line("  nothing is stopped or frozen");
    }
    json_array_foreach(blocks, index, row)
    {
        print_block(row);
    }
    json_array_foreach(freezes, index, row)
    {
        char since[64];
        char until[64];
        const char *end = mesura_text_until(mesura_text_int(row, "until_unix_ms"), until);
        const char *why = mesura_text_get(row, "why");
        mesura_text_line("  %s %s is frozen by %s since %s%s%s; thaws %s",
                         mesura_text_get(row, "kind"), mesura_text_get(row, "name"),
                         mesura_text_get(row, "by"),
                         mesura_text_clock(mesura_text_int(row, "since_unix_ms"), since),
                         why[0] == '\0' ? "" : ": ", why,
                         end[0] == '\0' ? "with `mesura thaw`" : end);
    }
}
