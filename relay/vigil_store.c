#include "relay/vigil_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_BYTES 1400
#define NS_PER_MS  INT64_C(1000000)

/* Numbers parted by commas; trailing zeros are left out. */
static void add_numbers(struct fields *out, const char *name, const uint64_t *numbers,
                        size_t count)
{
    char text[LIST_BYTES] = "";
    size_t used = 0;
    while (count > 0 && numbers[count - 1] == 0) {
        count--;
    }
    for (size_t i = 0; i < count && used < sizeof text; i++) {
        int wrote = snprintf(text + used, sizeof text - used, "%s%" PRIx64,
                             i == 0 ? "" : ",", numbers[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    if (used < sizeof text) {
        fields_add_text(out, name, text);
    }
}

static void get_numbers(const struct fields *fields, const char *name, uint64_t *numbers,
                        size_t count)
{
    char text[LIST_BYTES] = "";
    char *at = text;
    if (!fields_get_text(fields, name, text, sizeof text)) {
        return;
    }
    for (size_t i = 0; i < count && *at != '\0'; i++) {
        numbers[i] = strtoull(at, &at, 16);
        at += *at == ',' ? 1 : 0;
    }
}

void vigil_store_write(const struct conduct *conduct, struct fields *out)
{
    uint64_t usual[48];
    uint64_t peaks[CONDUCT_DAYS];
    for (size_t i = 0; i < 48; i++) {
        usual[i] = (uint64_t)conduct->usual[i / 24][i % 24];
    }
    for (size_t i = 0; i < CONDUCT_DAYS; i++) {
        peaks[i] = conduct->peaks[i];
    }
    fields_init(out);
    fields_add_int(out, "hour", conduct->hour);
    fields_add_int(out, "born", conduct->born_day);
    fields_add_int(out, "sent", conduct->sent);
    fields_add_int(out, "day_sent", conduct->day_sent);
    fields_add_int(out, "signs", conduct->signs);
    fields_add_double(out, "unknown", conduct->unknown.hits);
    fields_add_double(out, "bounced", conduct->bounced.hits);
    fields_add_double(out, "ended", conduct->unknown.total);
    fields_add_int(out, "until", conduct->expected_until);
    fields_add_int(out, "expected", (int64_t)conduct->expected_volume);
    fields_add_int(out, "came", (int64_t)conduct->expected_sent);
    add_numbers(out, "usual", usual, 48);
    add_numbers(out, "peaks", peaks, CONDUCT_DAYS);
    add_numbers(out, "networks", conduct->networks, CONDUCT_NETWORKS);
    add_numbers(out, "prints", conduct->prints, CONDUCT_PRINTS);
}

void vigil_store_read(struct conduct *out, const struct fields *fields, int32_t hour,
                      int64_t age_ms, int64_t now_ns)
{
    uint64_t usual[48] = {0};
    uint64_t peaks[CONDUCT_DAYS] = {0};
    double unknown = 0;
    double bounced = 0;
    double ended = 0;
    conduct_init(out, (int32_t)fields_int_or(fields, "hour", hour));
    out->born_day = (int32_t)fields_int_or(fields, "born", out->born_day);
    out->sent = (uint32_t)fields_int_or(fields, "sent", 0);
    out->day_sent = (uint32_t)fields_int_or(fields, "day_sent", 0);
    out->signs = (uint32_t)fields_int_or(fields, "signs", 0);
    out->expected_until = (int32_t)fields_int_or(fields, "until", 0);
    out->expected_volume = (uint64_t)fields_int_or(fields, "expected", 0);
    out->expected_sent = (uint64_t)fields_int_or(fields, "came", 0);
    (void)fields_get_double(fields, "unknown", &unknown);
    (void)fields_get_double(fields, "bounced", &bounced);
    (void)fields_get_double(fields, "ended", &ended);
    int64_t age_ns = age_ms > 0 ? age_ms * NS_PER_MS : 0;
    evidence_restore(&out->unknown, unknown, ended, age_ns, now_ns);
    evidence_restore(&out->bounced, bounced, ended, age_ns, now_ns);
    get_numbers(fields, "usual", usual, 48);
    get_numbers(fields, "peaks", peaks, CONDUCT_DAYS);
    get_numbers(fields, "networks", out->networks, CONDUCT_NETWORKS);
    get_numbers(fields, "prints", out->prints, CONDUCT_PRINTS);
    for (size_t i = 0; i < 48; i++) {
        out->usual[i / 24][i % 24] = (float)usual[i];
    }
    for (size_t i = 0; i < CONDUCT_DAYS; i++) {
        out->peaks[i] = (uint32_t)peaks[i];
    }
    if (out->hour > hour || out->hour < 0 || out->born_day < 0) {
        conduct_init(out, hour); /* a line that nobody of ours has written */
    }
}
