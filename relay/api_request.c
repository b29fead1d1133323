#include "relay/api_request.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void api_request_init(struct api_request *request, const char *method, const char *path,
                      const char *by)
{
    *request = (struct api_request){.method = method, .path = path, .by = by};
}

void api_request_done(struct api_request *request)
{
    for (unsigned i = 0; i < request->param_count; i++) {
        free(request->params[i].value);
    }
    request->param_count = 0;
}

static const struct api_param *find(const struct api_request *request, const char *name)
{
    for (unsigned i = 0; i < request->param_count; i++) {
        if (strcmp(request->params[i].name, name) == 0) {
            return &request->params[i];
        }
    }
    return NULL;
}

const char *api_request_get(const struct api_request *request, const char *name)
{
    const struct api_param *param = find(request, name);

    return param == NULL ? "" : param->value;
}

int api_request_add(struct api_request *request, const char *name, const char *value,
                    struct errmsg *err)
{
    const char *given = value == NULL ? "" : value;

    if (strlen(name) >= API_REQUEST_NAME || strlen(given) >= API_REQUEST_VALUE) {
        errmsg_set(err, "a name has at most %d bytes and a value %d",
                   API_REQUEST_NAME - 1, API_REQUEST_VALUE - 1);
        return -EINVAL;
    }
    if (find(request, name) != NULL) {
        errmsg_set(err, "'%s' is given twice", name);
        return -EINVAL;
    }
    if (request->param_count == LIMIT_API_PARAMS) {
        errmsg_set(err, "more than %d values", LIMIT_API_PARAMS);
        return -EINVAL;
    }
    struct api_param *param = &request->params[request->param_count];
    param->value = strdup(given);
    if (param->value == NULL) {
        abort(); /* at most API_REQUEST_VALUE */
    }
    memcpy(param->name, name, strlen(name) + 1);
    request->param_count++;
    return 0;
}

static int add_member(struct api_request *request, const char *name, const json_t *member,
                      struct errmsg *err)
{
    char number[32];

    switch (json_typeof(member)) {
    case JSON_STRING:
        return api_request_add(request, name, json_string_value(member), err);
    case JSON_INTEGER:
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(member));
        return api_request_add(request, name, number, err);
    case JSON_TRUE: return api_request_add(request, name, "true", err);
    case JSON_FALSE: return api_request_add(request, name, "false", err);
    case JSON_NULL:
    case JSON_REAL:
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    errmsg_set(err, "'%.32s' is a text, a whole number, true or false", name);
    return -EINVAL;
}

int api_request_add_body(struct api_request *request, const char *body, size_t length,
                         struct errmsg *err)
{
    json_error_t why;

    if (length == 0) {
        return 0;
    }
    if (length > LIMIT_API_BODY) {
        errmsg_set(err, "the body is larger than %zu bytes", LIMIT_API_BODY);
        return -EINVAL;
    }
    json_t *root = json_loadb(body, length, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        errmsg_set(err, "the body is not JSON: line %d: %.160s", why.line, why.text);
        return -EINVAL;
    }
    int result = 0;
    if (!json_is_object(root)) {
        errmsg_set(err, "the body is a JSON object: {\"name\": \"value\"}");
        result = -EINVAL;
    }
    for (void *at = json_object_iter(root); at != NULL && result == 0;
         at = json_object_iter_next(root, at)) {
        result = add_member(request, json_object_iter_key(at), json_object_iter_value(at),
                            err);
    }
    json_decref(root);
    return result;
}
