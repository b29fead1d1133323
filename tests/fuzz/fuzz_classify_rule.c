/* A configured rule's pattern against a text, both from outside: matching ends, stays in
 * bounds, and agrees with itself. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match.h"
#include "policy/replies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char pattern[512];
    char raw[2048];
    struct match_text text;
    uint16_t low[3];
    uint16_t high[3];
    size_t half = size / 4 < sizeof(pattern) - 1 ? size / 4 : sizeof(pattern) - 1;
    size_t rest = size - half < sizeof(raw) - 1 ? size - half : sizeof(raw) - 1;

    memcpy(pattern, data, half);
    pattern[half] = '\0';
    memcpy(raw, data + half, rest);
    raw[rest] = '\0';
    match_prepare(&text, raw);
    if (text.length >= sizeof(text.folded) || text.folded[text.length] != '\0') {
        abort();
    }
    bool first = match_phrase(pattern, &text);
    if (first != match_phrase(pattern, &text)) {
        abort();
    }
    (void)match_glob(pattern, raw);
    (void)replies_code_parse(pattern, &low[0], &high[0]);
    (void)replies_enhanced_parse(pattern, low, high);
    return 0;
}
