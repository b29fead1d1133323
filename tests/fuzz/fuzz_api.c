/* Bytes of a client of the control API: a path, a query and a body, through parser,
 * routes and the JSON of the answer. The first byte chooses the method; the rest is
 * parted by newlines: path, then "name=value" lines, then after an empty line the body.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_request.h"
#include "relay/api_routes.h"

#include "tests/support/fake_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_done(struct api_answer *answer, void *owner)
{
    unsigned *count = owner;

    (void)answer;
    (*count)++;
}

/* The next line of text as a string of its own; *at moves behind it. NULL at the end. */
static char *next_line(const char *text, size_t size, size_t *at)
{
    if (*at >= size) {
        return NULL;
    }
    const char *end = memchr(text + *at, '\n', size - *at);
    size_t length = end == NULL ? size - *at : (size_t)(end - (text + *at));
    char *line = strndup(text + *at, length);
    *at += length + 1;
    return line;
}

static void add_params(struct api_request *request, const char *text, size_t size,
                       size_t *at)
{
    struct errmsg err;
    char *line = next_line(text, size, at);

    while (line != NULL && line[0] != '\0') {
        char *value = strchr(line, '=');
        if (value != NULL) {
            *value++ = '\0';
        }
        if (api_request_add(request, line, value, &err) != 0 && err.text[0] == '\0') {
            abort(); /* a refusal without a sentence */
        }
        free(line);
        line = next_line(text, size, at);
    }
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_view fake;
    struct api_request request;
    struct errmsg err;
    unsigned done_count = 0;
    size_t at = 0;
    size_t length = 0;
    bool is_text = false;

    if (size < 2) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    char *path = next_line(text, size - 1, &at);
    if (path == NULL) {
        return 0;
    }
    fake_view_init(&fake);
    api_request_init(&request, data[0] % 2 == 0 ? "GET" : "POST", path, "fuzzer");
    add_params(&request, text, size - 1, &at);
    if (at < size - 1 &&
        api_request_add_body(&request, text + at, size - 1 - at, &err) != 0 &&
        err.text[0] == '\0') {
        abort();
    }
    struct api_answer *answer = api_answer_new(on_done, &done_count);
    api_routes_ask(&fake.view, &request, answer);
    if (done_count != 1) {
        abort(); /* every ask ends exactly once */
    }
    free(api_answer_body(answer, &length, &is_text));
    api_answer_free(answer);
    api_request_done(&request);
    free(path);
    return 0;
}
