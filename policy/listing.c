#include "policy/listing.h"

#include <string.h>

#define ANSWER_NET   UINT32_C(0x7f000000) /* 127.0.0.0/8 */
#define ANSWER_ERROR UINT32_C(0x7fffff00) /* 127.255.255.0/24 */
#define LISTED_MS    INT64_C(1800000)     /* between two questions while listed */
#define ERRORS_MOST  1000

/* ---- codes ---- */

/* A number up to 255 at *at, which is moved behind it. */
static bool read_octet(const char **at, uint32_t *out)
{
    uint32_t value = 0;
    int digits = 0;

    while (**at >= '0' && **at <= '9' && digits < 4) {
        value = value * 10 + (uint32_t)(**at - '0');
        (*at)++;
        digits++;
    }
    *out = value;
    return digits > 0 && digits < 4 && value <= 255;
}

bool listing_kind_parse(const char *name, enum stop_list *out_kind)
{
    static const struct {
        const char *name;
        enum stop_list kind;
    } kinds[] = {{"grave", STOP_LIST_GRAVE},
                 {"complaint", STOP_LIST_COMPLAINT},
                 {"policy", STOP_LIST_POLICY},
                 {"network", STOP_LIST_WIDE}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *out_kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

bool listing_code_parse(const char *text, struct listing_code *out_code)
{
    struct listing_code code = {0};
    uint32_t octet = 0;

    for (int i = 0; i < 4; i++) {
        if ((i > 0 && *text++ != '.') || !read_octet(&text, &octet)) {
            return false;
        }
        code.low = code.low << 8 | octet;
    }
    code.high = code.low;
    if (*text == '-') {
        text++;
        if (!read_octet(&text, &octet)) {
            return false;
        }
        code.high = (code.low & 0xffffff00U) | octet;
    }
    if (*text == ' ') {
        code.has_kind = listing_kind_parse(text + 1, &code.kind);
        if (!code.has_kind) {
            return false;
        }
    } else if (*text != '\0') {
        return false;
    }
    if ((code.low & 0xff000000U) != ANSWER_NET || code.high < code.low ||
        (code.low & 0xffffff00U) == ANSWER_ERROR || code.low == ANSWER_NET + 1) {
        return false;
    }
    *out_code = code;
    return true;
}

static const struct listing_code *find(const struct listing_code *codes, size_t count,
                                       uint32_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (address >= codes[i].low && address <= codes[i].high) {
            return &codes[i];
        }
    }
    return NULL;
}

static bool counts(const struct listing_code *codes, size_t code_count, uint32_t address)
{
    if (code_count > 0) {
        return find(codes, code_count, address) != NULL;
    }
    return (address & 0xffffff00U) == ANSWER_NET && address > ANSWER_NET + 1;
}

enum listing_reading listing_read(const struct listing_code *codes, size_t code_count,
                                  const uint32_t *addresses, size_t count,
                                  uint32_t *out_code)
{
    enum listing_reading reading =
        count == 0 ? LISTING_READ_NOTHING : LISTING_READ_ERROR; /* until a code fits */

    *out_code = 0;
    for (size_t i = 0; i < count; i++) {
        bool foreign = (addresses[i] & 0xff000000U) != ANSWER_NET ||
                       (addresses[i] & 0xffffff00U) == ANSWER_ERROR;
        if (foreign) {
            *out_code = 0;
            return LISTING_READ_ERROR; /* whatever stands beside it */
        }
        if (reading != LISTING_READ_LISTED && counts(codes, code_count, addresses[i])) {
            *out_code = addresses[i];
            reading = LISTING_READ_LISTED;
        }
    }
    return reading;
}

enum stop_list listing_kind(const struct listing_code *codes, size_t code_count,
                            uint32_t code, enum stop_list otherwise)
{
    const struct listing_code *row = find(codes, code_count, code);
    return row != NULL && row->has_kind ? row->kind : otherwise;
}

/* ---- over time ---- */

/* A hit or a miss more; a row begins when the last one was of the other kind. */
static void note(struct listing *listing, bool hit, int64_t now_unix_ms)
{
    uint32_t *row = hit ? &listing->hits : &listing->misses;

    if (*row == 0) {
        listing->change_unix_ms = now_unix_ms;
    }
    *row += *row < UINT32_MAX ? 1 : 0;
    listing->hits = hit ? listing->hits : 0;
    listing->misses = hit ? 0 : listing->misses;
    listing->errors = 0;
}

enum listing_news listing_heard(struct listing *listing, enum listing_reading reading,
                                uint32_t code, bool refused, int64_t now_unix_ms)
{
    if (reading == LISTING_READ_ERROR) {
        listing->errors += listing->errors < ERRORS_MOST ? 1 : 0;
        return LISTING_NEWS_NONE; /* the last state stays */
    }
    bool hit = reading == LISTING_READ_LISTED;
    note(listing, hit, now_unix_ms);
    listing->code = hit ? code : listing->code;
    bool apart = now_unix_ms - listing->change_unix_ms >= STOP_APART_MS;
    bool enough = apart || (hit && refused);
    if (hit == listing->is_listed || !enough) {
        return LISTING_NEWS_NONE;
    }
    listing->is_listed = hit;
    listing->since_unix_ms = now_unix_ms;
    return hit ? LISTING_NEWS_LISTED : LISTING_NEWS_DELISTED;
}

int64_t listing_next_ms(const struct listing *listing, int64_t every_ms)
{
    bool hit = listing->hits > 0;
    bool doubtful =
        (listing->hits > 0 || listing->misses > 0) && hit != listing->is_listed;

    if (doubtful) {
        return STOP_APART_MS;
    }
    return listing->is_listed && every_ms > LISTED_MS ? LISTED_MS : every_ms;
}

bool listing_breaks(uint32_t listed, uint32_t sources, uint32_t networks)
{
    return sources >= 4 && networks >= 2 && listed * 2 >= sources;
}
