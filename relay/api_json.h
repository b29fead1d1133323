/* Values for JSON documents: text from anywhere, times, counts.
 *
 * Thin over jansson: what it refuses (bytes that are not UTF-8) is made acceptable here,
 * and running out of memory aborts. Any thread. */

#ifndef RELAY_API_JSON_H
#define RELAY_API_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Longer text is cut: a remote reply is at most 1 KiB, names and subjects are shorter. */
#define API_JSON_TEXT_BYTES 2048

/* A new empty object or array; the caller owns the reference. */
json_t *api_json_object(void);
json_t *api_json_array(void);

/* Each sets one key of an object. Text: NULL is "", each byte that is not UTF-8 becomes
 * U+FFFD. */
void api_json_text(json_t *object, const char *key, const char *text);
/* The words of text, which are parted by one space, as an array. */
void api_json_words(json_t *object, const char *key, const char *words);
void api_json_count(json_t *object, const char *key, uint64_t count);
void api_json_bool(json_t *object, const char *key, bool value);
/* NaN and infinity become null. */
void api_json_number(json_t *object, const char *key, double value);
/* 0 becomes null: not known. */
void api_json_time(json_t *object, const char *key, int64_t unix_ms);
/* Gives value away. */
void api_json_set(json_t *object, const char *key, json_t *value);
/* Gives value away. */
void api_json_push(json_t *array, json_t *value);

/* The text as a JSON string; the caller owns the reference. */
json_t *api_json_string(const char *text);

#endif
