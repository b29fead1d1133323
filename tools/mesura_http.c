#include "tools/mesura_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define ANSWER_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define WAIT_SECONDS     60L

struct answer {
    char *bytes; /* owned, terminated */
    size_t length;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *owner)
{
    struct answer *answer = owner;
    size_t more = size * count;

    if (more > ANSWER_MAX_BYTES - answer->length) {
        return 0; /* the transfer fails */
    }
    char *grown = realloc(answer->bytes, answer->length + more + 1);
    if (grown == NULL) {
        return 0;
    }
    memcpy(grown + answer->length, bytes, more);
    answer->bytes = grown;
    answer->length += more;
    grown[answer->length] = '\0';
    return more;
}

static char *join(const char *left, const char *right)
{
    char *joined = NULL;

    if (asprintf(&joined, "%s%s", left, right) < 0) {
        abort();
    }
    return joined;
}

static char *escaped(const char *text)
{
    char *copy = NULL;
    char *safe = curl_easy_escape(NULL, text, 0);

    if (safe == NULL || (copy = strdup(safe)) == NULL) {
        abort();
    }
    curl_free(safe);
    return copy;
}

char *mesura_http_path(const char *path, const char *name)
{
    char *safe = escaped(name);
    char *joined = join(path, safe);

    free(safe);
    return joined;
}

/* "http://mesura/path?name=value&..." */
static char *make_url(const char *path, json_t *params)
{
    char *url = join("http://mesura", path);
    const char *name = NULL;
    json_t *value = NULL;
    const char *separator = "?";

    json_object_foreach(params, name, value)
    {
        char *safe = escaped(json_string_value(value));
        char *longer = NULL;
        if (asprintf(&longer, "%s%s%s=%s", url, separator, name, safe) < 0) {
            abort();
        }
        free(safe);
        free(url);
        url = longer;
        separator = "&";
    }
    return url;
}

static enum mesura_exit say_unreachable(const struct mesura_args *args, CURL *curl,
                                        CURLcode code)
{
    long why = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &why);
    if (why == EACCES || why == EPERM) {
        (void)fprintf(
            stderr, "mesura: not allowed to open %s; be root or in the socket's group\n",
            args->socket);
        return MESURA_DENIED;
    }
    char meaning[128];
    const char *reason = why == 0 ? curl_easy_strerror(code)
                                  : strerror_r((int)why, meaning, sizeof meaning);
    (void)fprintf(stderr, "mesura: no daemon answers on %s: %s\n", args->socket, reason);
    return MESURA_UNREACHABLE;
}

static enum mesura_exit exit_of(long status)
{
    switch (status) {
    case 200: return MESURA_DONE;
    case 400: return MESURA_USAGE;
    case 401:
    case 403: return MESURA_DENIED;
    case 503: return MESURA_UNREACHABLE;
    default: return MESURA_NOTHING;
    }
}

/* What the daemon said in place of a good answer. */
static void say_refusal(long status, const json_t *document)
{
    const char *error = json_string_value(json_object_get(document, "error"));
    size_t index = 0;
    json_t *note = NULL;

    json_array_foreach(json_object_get(document, "notes"), index, note)
    {
        (void)fprintf(stderr, "%s\n", json_string_value(note));
    }
    if (error != NULL && error[0] != '\0') {
        (void)fprintf(stderr, "mesura: %s\n", error);
    } else {
        (void)fprintf(stderr, "mesura: the daemon answers %ld\n", status);
    }
}

static enum mesura_exit finish(const struct mesura_args *args, long status,
                               const struct answer *answer, json_t **out_document)
{
    json_error_t why;
    json_t *document = NULL;

    if (answer->bytes != NULL) {
        document =
            json_loadb(answer->bytes, answer->length, JSON_REJECT_DUPLICATES, &why);
    }
    if (document == NULL) {
        (void)fprintf(stderr, "mesura: what answers on %s does not speak JSON\n",
                      args->socket);
        return MESURA_UNREACHABLE;
    }
    if (status != 200) {
        say_refusal(status, document);
    }
    *out_document = document;
    return exit_of(status);
}

static enum mesura_exit transfer(const struct mesura_args *args, const char *url,
                                 const char *body, json_t **out_document)
{
    struct answer answer = {.bytes = NULL};
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;

    *out_document = NULL;
    if (curl == NULL) {
        abort();
    }
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, args->socket);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    /* An act on a whole queue takes as long as it takes. */
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, body != NULL ? 0L : WAIT_SECONDS);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (body != NULL) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode code = curl_easy_perform(curl);
    enum mesura_exit result = MESURA_DONE;
    if (code == CURLE_OK) {
        long status = 0;
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        result = finish(args, status, &answer, out_document);
    } else {
        result = say_unreachable(args, curl, code);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(answer.bytes);
    return result;
}

enum mesura_exit mesura_http_get(const struct mesura_args *args, const char *path,
                                 json_t *params, json_t **out_document)
{
    char *url = make_url(path, params);
    enum mesura_exit result = transfer(args, url, NULL, out_document);

    free(url);
    return result;
}

enum mesura_exit mesura_http_post(const struct mesura_args *args, const char *path,
                                  json_t *params, json_t **out_document)
{
    char *url = make_url(path, NULL);
    char *body = params == NULL ? strdup("{}") : json_dumps(params, JSON_COMPACT);

    if (body == NULL) {
        abort();
    }
    enum mesura_exit result = transfer(args, url, body, out_document);
    free(body);
    free(url);
    return result;
}
