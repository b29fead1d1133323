#include "policy/extract.h"

#include <assert.h>
#include <string.h>

#include "policy/extract_text.h"

/* A name of DNS: letters, digits, '-', '_' and dots. Returns its length without a dot or
 * dash at the end. */
static size_t name_length(const char *at)
{
    size_t length = 0;
    while (extract_is_letter(at[length]) || extract_is_digit(at[length]) ||
           at[length] == '-' || at[length] == '_' ||
           (at[length] == '.' && at[length + 1] != '.')) {
        length++;
    }
    while (length > 0 && (at[length - 1] == '.' || at[length - 1] == '-')) {
        length--;
    }
    return length;
}

/* Two labels or more, the last of letters: a zone, not an address or a version. */
static bool is_zone(const char *name, size_t length)
{
    size_t last = length;
    while (last > 0 && name[last - 1] != '.') {
        last--;
    }
    if (last == 0 || length - last < 2) {
        return false;
    }
    for (size_t i = last; i < length; i++) {
        if (!extract_is_letter(name[i])) {
            return false;
        }
    }
    return !(length > 4 && memcmp(name, "www.", 4) == 0);
}

/* Labels or parts of names that only lists have. */
static const char *const zone_words[] = {
    "dnsbl",       "rbl",     "spamhaus", "spamcop",    "sorbs",     "barracudacentral",
    "uribl",       "surbl",   "abusix",   "uceprotect", "mailspike", "abuseat",
    "ordb",        "njabl",   "dsbl",     "psbl",       "spamrats",  "invaluement",
    "drbl",        "blackl",  "blockl",   "spamlist",   "nszones",   "gbudb",
    "dnswl",       "s5h.net", "bl.",      "zen.",       "sbl.",      "xbl.",
    "pbl.",        "cbl.",    "nixspam",  "hostkarma",  "junkemail", "backscatterer",
    "emailbasura", "spfbl",
};

static bool looks_like_list(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(zone_words) / sizeof(zone_words[0]); i++) {
        if (memmem(name, length, zone_words[i], strlen(zone_words[i])) != NULL) {
            return true;
        }
    }
    return false;
}

/* "using" may be followed by anything; after the others only what looks like a list. */
static const struct lead {
    const char *words;
    bool any; /* any zone may follow */
} leads[] = {
    {"blocked using ", true},
    {"rejected using ", true},
    {"blacklisted using ", true},
    {"blocked by ", false},
    {"blocked at ", false},
    {"blocked in ", false},
    {"listed at ", true},
    {"listed in ", true},
    {"listed on ", true},
    {"listed by ", true},
    {"blacklisted by ", true},
    {"blacklisted at ", true},
    {"black list at ", true},
    {"blacklist at ", true},
    {"block list at ", true},
    {"blocklist at ", true},
    {"found in ", false},
    {"found on ", false},
    {"found by ", false},
    {"rbl: ", true},
    {"rbl ", false},
    {"dnsbl: ", true},
    {"dnsbl ", false},
    {"rejected by ", false},
    {"response (", false},
    {"rbl(", true},
    {"dnsbl(", true},
    {"denied by ", false},
    {"due to ", false},
    {"list ", false},
    {"see ", false},
    {"check ", false},
    {"laut ", false},
    {"durch ", false},
    {"par ", false},
    {"por ", false},
    {"przez ", false},
    {"da ", false},
    {"in ", false},
    {"on ", false},
    {"by ", false},
    {"at ", false},
};

static const char *skip_opening(const char *at)
{
    static const char *const articles[] = {"the ", "a ", "an ", "our ", "zone ", "list "};

    for (;;) {
        while (*at == '"' || *at == '\'' || *at == '[' || *at == '(' || *at == '<') {
            at++;
        }
        size_t i = 0;
        while (i < 6 && strncmp(at, articles[i], strlen(articles[i])) != 0) {
            i++;
        }
        if (i == 6) {
            return at;
        }
        at += strlen(articles[i]);
    }
}

static bool zone_after(const struct extract_text *low, const struct lead *lead,
                       size_t *out_at, size_t *out_length)
{
    const char *at = low->text;

    while ((at = strstr(at, lead->words)) != NULL) {
        at += strlen(lead->words);
        const char *name = skip_opening(at);
        size_t length = name_length(name);
        bool is_page = name[length] == '/';
        if (is_zone(name, length) &&
            (lead->any || (!is_page && looks_like_list(name, length)))) {
            *out_at = (size_t)(name - low->text);
            *out_length = length;
            return true;
        }
    }
    return false;
}

static bool has_labels(const char *name, size_t length, size_t least)
{
    size_t labels = 1;
    for (size_t i = 0; i < length; i++) {
        labels += name[i] == '.' ? 1 : 0;
    }
    return labels >= least;
}

/* Any zone in the text that only a list can have: not within an address of a page. */
static bool bare_zone(const struct extract_text *low, size_t *out_at, size_t *out_length)
{
    static const char *const sure[] = {"dnsbl.",
                                       "rbl.",
                                       "zen.spamhaus.org",
                                       "bl.spamcop.net",
                                       "b.barracudacentral.org",
                                       ".dnsbl",
                                       "sbl-xbl."};
    size_t at = 0;

    while (at < low->length) {
        size_t length = name_length(low->text + at);
        if (length == 0) {
            at++;
            continue;
        }
        bool in_page = at > 0 && (low->text[at - 1] == '/' || low->text[at - 1] == '@' ||
                                  low->text[at - 1] == '=');
        in_page = in_page || low->text[at + length] == '/';
        if (!in_page && has_labels(low->text + at, length, 3) &&
            is_zone(low->text + at, length) && looks_like_list(low->text + at, length)) {
            *out_at = at;
            *out_length = length;
            return true;
        }
        for (size_t i = 0; !in_page && i < sizeof(sure) / sizeof(sure[0]); i++) {
            if (is_zone(low->text + at, length) &&
                memmem(low->text + at, length, sure[i], strlen(sure[i])) != NULL) {
                *out_at = at;
                *out_length = length;
                return true;
            }
        }
        at += length + 1;
    }
    return false;
}

/* Lists that are named in words. The first that occurs is taken. */
static const struct known {
    const char *word;
    const char *name;
} known[] = {
    {"trend micro rbl+", "Trend Micro RBL+"},
    {"mail-abuse.com", "Trend Micro RBL+"},
    {"mail-abuse.org", "Trend Micro RBL+"},
    {"dnsbl:attrbl", "DNSBL:ATTRBL"},
    {"dnsbl:rbl", "DNSBL:RBL"},
    {"csi.cloudmark.com", "Cloudmark CSI"},
    {"cloudmark sender intelligence", "Cloudmark CSI"},
    {"cloudmark csi", "Cloudmark CSI"},
    {"spamcop", "SpamCop"},
    {"sorbs", "SORBS"},
    {"barracudacentral", "Barracuda"},
    {"barracuda reputation block", "Barracuda"},
    {"barracudanetworks.com/reputation", "Barracuda"},
    {"hostkarma", "hostkarma"},
    {"invaluement", "Invaluement"},
    {"ivmsip", "Invaluement"},
    {"uceprotect", "UCEPROTECT"},
    {"abusix", "Abusix"},
    {"mailspike", "Mailspike"},
    {"spamrats", "SpamRATS"},
    {"psbl", "PSBL"},
    {"surriel", "PSBL"},
    {"backscatterer", "Backscatterer"},
    {"abuseat.org", "CBL"},
    {"senderscore", "SenderScore"},
    {"sender score", "SenderScore"},
    {"surbl", "SURBL"},
    {"uribl", "URIBL"},
    {"nixspam", "NiX Spam"},
    {"gbudb", "GBUdb"},
    {"blocklist.de", "blocklist.de"},
    {"spfbl", "SPFBL"},
    {"dronebl", "DroneBL"},
    {"njabl", "NJABL"},
    {"ordb.org", "ORDB"},
};

/* Spamhaus and its lists: the name, then a blank or dash, then which of them; or only the
 * long name of one. */
static bool spamhaus(const char *text, const struct extract_text *low, char *out,
                     size_t size)
{
    static const struct {
        const char *word;
        const char *name;
    } parts[] = {
        {"sbl-xbl", "Spamhaus SBL-XBL"}, {"sbl/xbl", "Spamhaus SBL-XBL"},
        {"xbl", "Spamhaus XBL"},         {"pbl", "Spamhaus PBL"},
        {"css", "Spamhaus CSS"},         {"sbl", "Spamhaus SBL"},
        {"zen", "Spamhaus ZEN"},         {"dbl", "Spamhaus DBL"},
        {"drop", "Spamhaus DROP"},       {"bcl", "Spamhaus BCL"},
    };
    static const struct {
        const char *word;
        const char *name;
    } longer[] = {
        {"exploits block list", "Spamhaus XBL"},
        {"policy block list", "Spamhaus PBL"},
        {"domain block list", "Spamhaus DBL"},
        {"spamhaus block list", "Spamhaus SBL"},
    };

    for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
        if (strstr(low->text, longer[i].word) != NULL) {
            extract_copy(longer[i].name, strlen(longer[i].name), out, size);
            return true;
        }
    }
    const char *found = NULL;
    const char *at = low->text;
    while ((at = strstr(at, "spamhaus")) != NULL) {
        found = found == NULL ? at : found;
        at += strlen("spamhaus");
        const char *part = at + (strncmp(at, "'s ", 3) == 0 ? 3 : 1);
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
            size_t length = strlen(parts[i].word);
            if ((*at == ' ' || *at == '-' || *at == '\'') &&
                strncmp(part, parts[i].word, length) == 0 &&
                !extract_is_letter(part[length])) {
                bool dashed = *at == '-';
                const char *name = dashed ? text + (at - low->text) - 8 : parts[i].name;
                extract_copy(name, dashed ? 9 + length : strlen(name), out, size);
                return true;
            }
        }
    }
    if (found == NULL) {
        return false;
    }
    extract_copy("Spamhaus", strlen("Spamhaus"), out, size);
    return true;
}

static bool named_list(const char *text, const struct extract_text *low, char *out,
                       size_t size)
{
    if (spamhaus(text, low, out, size)) {
        return true;
    }
    const struct known *first = NULL;
    const char *first_at = NULL;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *at = strstr(low->text, known[i].word);
        if (at != NULL && (first == NULL || at < first_at)) {
            first = &known[i];
            first_at = at;
        }
    }
    if (first != NULL) {
        extract_copy(first->name, strlen(first->name), out, size);
    }
    return first != NULL;
}

bool extract_list(const char *text, char *out_list, size_t size)
{
    struct extract_text low;
    size_t at = 0;
    size_t length = 0;

    assert(size >= 1);
    out_list[0] = '\0';
    extract_lower(text, &low);
    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        if (zone_after(&low, &leads[i], &at, &length)) {
            extract_copy(text + at, length, out_list, size);
            return true;
        }
    }
    if (bare_zone(&low, &at, &length)) {
        extract_copy(text + at, length, out_list, size);
        return true;
    }
    return extract_name(text, &low, true, out_list, size) ||
           named_list(text, &low, out_list, size) ||
           extract_name(text, &low, false, out_list, size);
}
