#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/limits.h"

#include "tests/support/test.h"

static json_t *document_of(const struct api_answer *answer)
{
    size_t length = 0;
    bool is_text = true;
    char *body = api_answer_body(answer, &length, &is_text);
    json_t *document = json_loadb(body, length, 0, NULL);

    cr_assert_not(is_text);
    cr_assert_not_null(document);
    free(body);
    return document;
}

static void on_done(struct api_answer *answer, void *owner)
{
    unsigned *count = owner;

    (void)answer;
    (*count)++;
}

/* Gates belong to the path before them. */
TEST(api_answer, gates_follow_their_path)
{
    struct api_answer *answer = api_answer_new(NULL, NULL);

    for (int i = 0; i < 2; i++) {
        api_answer_why(answer, &(struct api_why){.subject = "x"});
        for (int j = 0; j <= i; j++) {
            api_answer_gate(answer, &(struct api_gate){.name = "rate"});
        }
    }
    api_answer_done(answer, API_DONE, "");
    json_t *document = document_of(answer);
    const json_t *paths = json_object_get(document, "paths");
    cr_assert_eq(json_array_size(paths), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *gates = json_object_get(json_array_get(paths, i), "gates");
        cr_assert_eq(json_array_size(gates), i + 1);
    }
    json_decref(document);
    api_answer_free(answer);
}

/* More paths than are kept: their gates go nowhere and nothing is lost or leaked. */
TEST(api_answer, rows_are_capped)
{
    struct api_answer *answer = api_answer_new(NULL, NULL);

    for (int i = 0; i < LIMIT_API_ROWS + 5; i++) {
        api_answer_why(answer, &(struct api_why){.subject = "x"});
        api_answer_gate(answer, &(struct api_gate){.name = "rate"});
        api_answer_site(answer, &(struct api_site){.name = "s"});
    }
    api_answer_done(answer, API_DONE, "");
    json_t *document = document_of(answer);
    cr_assert_eq(json_array_size(json_object_get(document, "paths")), LIMIT_API_ROWS);
    cr_assert_eq(json_array_size(json_object_get(document, "sites")), LIMIT_API_ROWS);
    cr_assert(json_is_true(json_object_get(document, "truncated")));
    json_decref(document);
    api_answer_free(answer);
}

/* The owner hears of the end exactly once; of an answer it gave up, never. */
TEST(api_answer, end_is_told_once)
{
    unsigned count = 0;
    struct api_answer *answer = api_answer_new(on_done, &count);

    api_answer_done(answer, API_BUSY, "later");
    cr_assert_eq(count, 1);
    cr_assert_eq(api_answer_result(answer), API_BUSY);
    api_answer_free(answer);

    answer = api_answer_new(on_done, &count);
    api_answer_free(answer);
    api_answer_site(answer, &(struct api_site){.name = "core does not know"});
    api_answer_done(answer, API_DONE, "");
    cr_assert_eq(count, 1);
}

/* A count, a cursor, notes and a text stand beside the rows. */
TEST(api_answer, extras)
{
    struct api_answer *answer = api_answer_new(NULL, NULL);

    api_answer_count(answer, 3);
    api_answer_note(answer, "one");
    api_answer_note(answer, "two");
    api_answer_more(answer, "c");
    api_answer_list(answer, "recipients");
    api_answer_done(answer, API_DONE, "it is done");
    json_t *document = document_of(answer);
    cr_assert_eq(json_integer_value(json_object_get(document, "count")), 3);
    cr_assert_eq(json_array_size(json_object_get(document, "notes")), 2);
    cr_assert(json_is_array(json_object_get(document, "recipients")));
    cr_assert_str_eq(json_string_value(json_object_get(document, "text")), "it is done");
    json_decref(document);
    api_answer_free(answer);
}

/* Plain text grows up to its cap; an error after it is JSON again. */
TEST(api_answer, plain_text)
{
    struct api_answer *answer = api_answer_new(NULL, NULL);
    char piece[10000];
    size_t length = 0;
    bool is_text = false;

    memset(piece, 'x', sizeof piece);
    for (int i = 0; i < 1000; i++) {
        api_answer_text(answer, piece, sizeof piece);
    }
    char *body = api_answer_body(answer, &length, &is_text);
    cr_assert(is_text);
    cr_assert_leq(length, LIMIT_API_TEXT);
    cr_assert_gt(length, LIMIT_API_TEXT - sizeof piece - 1);
    free(body);
    api_answer_done(answer, API_FAILED, "no");
    json_decref(document_of(answer));
    api_answer_free(answer);
}
