#include "relay/api_json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *or_abort(json_t *value)
{
    if (value == NULL) {
        abort(); /* out of memory: every value is bounded */
    }
    return value;
}

json_t *api_json_object(void)
{
    return or_abort(json_object());
}

json_t *api_json_array(void)
{
    return or_abort(json_array());
}

void api_json_set(json_t *object, const char *key, json_t *value)
{
    assert(object != NULL);
    if (json_object_set_new(object, key, or_abort(value)) != 0) {
        abort();
    }
}

void api_json_push(json_t *array, json_t *value)
{
    assert(array != NULL);
    if (json_array_append_new(array, or_abort(value)) != 0) {
        abort();
    }
}

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0U) == 0x80U;
}

/* How many bytes the valid UTF-8 sequence at text takes; 0 when it is none. A terminating
 * zero ends the look-ahead, because it is no tail byte. */
static size_t sequence_length(const unsigned char *text)
{
    unsigned char first = text[0];

    if (first < 0x80U) {
        return 1;
    }
    if (first >= 0xC2U && first <= 0xDFU) {
        return is_tail(text[1]) ? 2 : 0;
    }
    if (first >= 0xE0U && first <= 0xEFU) {
        unsigned char low = first == 0xE0U ? 0xA0U : 0x80U;
        unsigned char high = first == 0xEDU ? 0x9FU : 0xBFU; /* no surrogates */
        bool good = text[1] >= low && text[1] <= high && is_tail(text[2]);
        return good ? 3 : 0;
    }
    if (first >= 0xF0U && first <= 0xF4U) {
        unsigned char low = first == 0xF0U ? 0x90U : 0x80U;
        unsigned char high = first == 0xF4U ? 0x8FU : 0xBFU;
        bool good =
            text[1] >= low && text[1] <= high && is_tail(text[2]) && is_tail(text[3]);
        return good ? 4 : 0;
    }
    return 0;
}

json_t *api_json_string(const char *text)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    const unsigned char *next = (const unsigned char *)(text == NULL ? "" : text);
    char clean[API_JSON_TEXT_BYTES];
    size_t used = 0;

    while (*next != '\0') {
        size_t length = sequence_length(next);
        const void *from = length == 0 ? (const void *)replacement : (const void *)next;
        size_t bytes = length == 0 ? sizeof replacement - 1 : length;
        if (used + bytes > sizeof clean) {
            break;
        }
        memcpy(clean + used, from, bytes);
        used += bytes;
        next += length == 0 ? 1 : length;
    }
    return or_abort(json_stringn(clean, used));
}

void api_json_text(json_t *object, const char *key, const char *text)
{
    api_json_set(object, key, api_json_string(text));
}

void api_json_words(json_t *object, const char *key, const char *words)
{
    json_t *array = api_json_array();
    const char *next = words == NULL ? "" : words;

    while (*next != '\0') {
        size_t length = strcspn(next, " ");
        if (length > 0) {
            char word[API_JSON_TEXT_BYTES];
            size_t kept = length < sizeof word ? length : sizeof word - 1;
            memcpy(word, next, kept);
            word[kept] = '\0';
            api_json_push(array, api_json_string(word));
        }
        next += length;
        next += strspn(next, " ");
    }
    api_json_set(object, key, array);
}

void api_json_count(json_t *object, const char *key, uint64_t count)
{
    json_int_t value = count > INT64_MAX ? INT64_MAX : (json_int_t)count;

    api_json_set(object, key, json_integer(value));
}

void api_json_bool(json_t *object, const char *key, bool value)
{
    api_json_set(object, key, json_boolean(value));
}

void api_json_number(json_t *object, const char *key, double value)
{
    if (!isfinite(value)) {
        api_json_set(object, key, json_null());
        return;
    }
    api_json_set(object, key, json_real(value));
}

void api_json_time(json_t *object, const char *key, int64_t unix_ms)
{
    api_json_set(object, key, unix_ms == 0 ? json_null() : json_integer(unix_ms));
}
