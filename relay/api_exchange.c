#include "relay/api_exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <assert.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "relay/api_answer.h"
#include "relay/api_request.h"
#include "relay/api_routes.h"
#include "relay/limits.h"
#include "relay/web/page.h"

struct api_exchange {
    struct list_node node;
    struct api_door *door; /* borrowed: outlives its exchanges */
    struct MHD_Connection *connection;
    char *body; /* owned; NULL while none came */
    size_t body_length;
    size_t body_room;
    struct api_answer *answer; /* owned; in flight or complete, NULL before */
    size_t held;               /* of the body, counted in the door's */
    bool is_message;
    bool is_suspended;
    bool is_answered;
};

static unsigned http_status(enum api_result result)
{
    switch (result) {
    case API_DONE: return MHD_HTTP_OK;
    case API_NOT_FOUND: return MHD_HTTP_NOT_FOUND;
    case API_BAD_ASK: return MHD_HTTP_BAD_REQUEST;
    case API_CONFLICT: return MHD_HTTP_CONFLICT;
    case API_BUSY: return MHD_HTTP_SERVICE_UNAVAILABLE;
    case API_FAILED: return MHD_HTTP_INTERNAL_SERVER_ERROR;
    case API_UNKNOWN: return MHD_HTTP_UNAUTHORIZED;
    case API_DENIED: return MHD_HTTP_FORBIDDEN;
    case API_TOO_FAST: return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    return MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static enum MHD_Result queue_response(struct MHD_Connection *connection, unsigned status,
                                      struct MHD_Response *response, const char *type)
{
    if (response == NULL) {
        return MHD_NO;
    }
    bool good =
        MHD_add_response_header(response, "Content-Type", type) == MHD_YES &&
        MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    if (status == MHD_HTTP_UNAUTHORIZED) {
        good = good && MHD_add_response_header(response, "WWW-Authenticate",
                                               "Bearer realm=\"mesura\"") == MHD_YES;
    }
    enum MHD_Result result =
        good ? MHD_queue_response(connection, status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

/* A refusal that no ask has been made for. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *sentence)
{
    struct api_answer *answer = api_answer_new(NULL, NULL);
    size_t length = 0;
    bool is_text = false;

    api_answer_done(answer, API_BAD_ASK, sentence);
    char *body = api_answer_body(answer, &length, &is_text);
    api_answer_free(answer);
    return queue_response(
        connection, status,
        MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE),
        "application/json");
}

static enum MHD_Result send_page(struct MHD_Connection *connection)
{
    void *copy = malloc(web_page_length);
    if (copy == NULL) {
        return MHD_NO;
    }
    memcpy(copy, web_page_bytes, web_page_length);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(web_page_length, copy, MHD_RESPMEM_MUST_FREE);

    if (response != NULL &&
        MHD_add_response_header(
            response, "Content-Security-Policy",
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
            "connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; "
            "form-action 'none'") != MHD_YES) {
        MHD_destroy_response(response);
        return MHD_NO;
    }
    return queue_response(connection, MHD_HTTP_OK, response, "text/html; charset=utf-8");
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

    return value == NULL ? "" : value;
}

/* Against DNS rebinding: a browser that was led here by a foreign name says that name. */
static bool host_is_ours(const struct api_door *door, const char *host)
{
    size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

    if (length > strlen(host)) {
        return false;
    }
    for (unsigned i = 0; i < door->host_count; i++) {
        if (strlen(door->hosts[i]) == length &&
            strncasecmp(door->hosts[i], host, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool token_is_right(const struct api_door *door, const char *authorization)
{
    static const char scheme[] = "Bearer ";

    if (strlen(authorization) < sizeof scheme ||
        strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    const char *given = authorization + sizeof scheme - 1;
    size_t length = strlen(door->token);
    return strlen(given) == length && sodium_memcmp(given, door->token, length) == 0;
}

static bool type_is(const struct api_exchange *exchange, const char *wanted)
{
    const char *type = header(exchange->connection, "Content-Type");
    size_t length = strcspn(type, "; ");

    return length == strlen(wanted) && strncasecmp(type, wanted, length) == 0;
}

/* Everything that can be refused before the body; 0 when the request may go on. */
static unsigned check_headers(const struct api_exchange *exchange, const char *method,
                              const char *path, const char **out_sentence)
{
    const struct api_door *door = exchange->door;
    enum api_access access = api_routes_access(method, path);
    bool is_page = strcmp(path, "/") == 0 && strcmp(method, "GET") == 0;
    const char *length = header(exchange->connection, "Content-Length");

    if (door->is_tcp && !host_is_ours(door, header(exchange->connection, "Host"))) {
        *out_sentence = "the Host header names another host";
        return MHD_HTTP_FORBIDDEN;
    }
    if (is_page) {
        return 0;
    }
    if (door->is_tcp && access != API_ACCESS_PUBLIC && access != API_ACCESS_SUBMIT &&
        !token_is_right(door, header(exchange->connection, "Authorization"))) {
        *out_sentence = "a bearer token is needed: the content of http.token_file";
        return MHD_HTTP_UNAUTHORIZED;
    }
    if (access == API_ACCESS_NONE) {
        *out_sentence = "there is no such path";
        return MHD_HTTP_NOT_FOUND;
    }
    if (access == API_ACCESS_METHOD) {
        *out_sentence = "this path has another method";
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    bool is_json = type_is(exchange, "application/json");
    if (access == API_ACCESS_ACT && !is_json) {
        *out_sentence = "the content type is application/json";
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    if (access == API_ACCESS_SUBMIT && !is_json && !type_is(exchange, "message/rfc822")) {
        *out_sentence = "the content type is application/json or message/rfc822";
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    unsigned long long most =
        access == API_ACCESS_SUBMIT ? LIMIT_API_MESSAGE : LIMIT_API_BODY;
    if (strtoull(length, NULL, 10) > most) {
        *out_sentence = "the body is too large";
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    if (access == API_ACCESS_SUBMIT &&
        door->held + strtoull(length, NULL, 10) > LIMIT_API_MESSAGES) {
        *out_sentence = "too many messages are on their way in; try again";
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    return 0;
}

/* The address of a TCP client. */
static const char *client_address(const struct api_exchange *exchange,
                                  char out[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    (void)snprintf(out, INET6_ADDRSTRLEN, "unknown");
    if (info != NULL) {
        const struct sockaddr *address = info->client_addr;
        const void *from = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
        if (address->sa_family == AF_INET6) {
            from = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        }
        (void)inet_ntop(address->sa_family, from, out, INET6_ADDRSTRLEN);
    }
    return out;
}

/* "operator root (uid 0)" or "api token (192.0.2.1)". */
static void name_client(const struct api_exchange *exchange, char *out_by, size_t room)
{
    char text[INET6_ADDRSTRLEN];
    struct ucred peer;
    socklen_t length = sizeof peer;

    (void)snprintf(out_by, room, "operator");
    if (exchange->door->is_tcp) {
        (void)snprintf(out_by, room, "api token (%s)", client_address(exchange, text));
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) {
        return;
    }
    if (getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        return;
    }
    struct passwd entry;
    struct passwd *found = NULL;
    char names[1024];
    if (getpwuid_r(peer.uid, &entry, names, sizeof names, &found) == 0 && found != NULL) {
        (void)snprintf(out_by, room, "operator %s (uid %u)", found->pw_name,
                       (unsigned)peer.uid);
        return;
    }
    (void)snprintf(out_by, room, "operator uid %u", (unsigned)peer.uid);
}

struct query {
    struct api_request *request;
    struct errmsg err;
    bool is_bad;
};

static enum MHD_Result on_query_value(void *owner, enum MHD_ValueKind kind,
                                      const char *key, const char *value)
{
    struct query *query = owner;

    (void)kind;
    if (api_request_add(query->request, key, value, &query->err) != 0) {
        query->is_bad = true;
        return MHD_NO;
    }
    return MHD_YES;
}

static void on_answered(struct api_answer *answer, void *owner)
{
    struct api_exchange *exchange = owner;

    (void)answer;
    exchange->is_answered = true;
    if (exchange->is_suspended) {
        exchange->is_suspended = false;
        MHD_resume_connection(exchange->connection);
        exchange->door->resumed_cb(exchange->door);
    }
}

static enum MHD_Result send_answer(struct api_exchange *exchange)
{
    size_t length = 0;
    bool is_text = false;
    char *body = api_answer_body(exchange->answer, &length, &is_text);

    return queue_response(
        exchange->connection, http_status(api_answer_result(exchange->answer)),
        MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE),
        is_text ? "text/plain; version=0.0.4; charset=utf-8" : "application/json");
}

/* The bearer token of the request, "" without one. */
static const char *bearer(const struct api_exchange *exchange)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = header(exchange->connection, "Authorization");

    return strncasecmp(authorization, scheme, sizeof scheme - 1) == 0
               ? authorization + sizeof scheme - 1
               : "";
}

/* Give the body away, as a message. */
static void submit(struct api_exchange *exchange, const struct api_request *request)
{
    const struct api_view *view = exchange->door->view;
    char client[INET6_ADDRSTRLEN] = "";
    struct api_submission submission = {
        .token = bearer(exchange),
        .is_json = type_is(exchange, "application/json"),
        .from = api_request_get(request, "from"),
        .to = api_request_get(request, "to"),
        .is_local = !exchange->door->is_tcp,
        .client = exchange->door->is_tcp ? client_address(exchange, client) : "",
        .by = request->by,
        .body = exchange->body,
        .length = exchange->body_length};

    if (exchange->body == NULL) {
        api_answer_done(exchange->answer, API_BAD_ASK, "the body is empty");
        return;
    }
    exchange->body = NULL;
    exchange->body_length = 0;
    view->submit(view->owner, &submission, exchange->answer);
}

/* The request is complete: hand it to its route. */
static enum MHD_Result start_ask(struct api_exchange *exchange, const char *method,
                                 const char *path)
{
    struct api_request request;
    char by[128];

    name_client(exchange, by, sizeof by);
    api_request_init(&request, method, path, by);
    request.is_local = !exchange->door->is_tcp;
    struct query query = {.request = &request};
    (void)MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND,
                                    on_query_value, &query);
    if (!query.is_bad && !exchange->is_message &&
        api_request_add_body(&request, exchange->body, exchange->body_length,
                             &query.err) != 0) {
        query.is_bad = true;
    }
    exchange->answer = api_answer_new(on_answered, exchange);
    if (query.is_bad) {
        api_answer_done(exchange->answer, API_BAD_ASK, query.err.text);
    } else if (exchange->is_message) {
        submit(exchange, &request);
    } else {
        api_routes_ask(exchange->door->view, &request, exchange->answer);
    }
    api_request_done(&request);
    if (exchange->is_answered) {
        return send_answer(exchange);
    }
    exchange->is_suspended = true;
    MHD_suspend_connection(exchange->connection);
    return MHD_YES; /* suspended: on_answered resumes */
}

static enum MHD_Result collect(struct api_exchange *exchange, const char *bytes,
                               size_t length)
{
    size_t most = exchange->is_message ? LIMIT_API_MESSAGE : LIMIT_API_BODY;
    if (exchange->body_length + length > most) {
        return MHD_NO; /* chunked and endless: only cutting the connection ends it */
    }
    if (exchange->is_message) {
        if (exchange->door->held + length > LIMIT_API_MESSAGES) {
            return MHD_NO;
        }
        exchange->door->held += length;
        exchange->held += length;
    }
    if (exchange->body_length + length > exchange->body_room) {
        size_t room = (exchange->body_length + length) * 2;
        char *grown = realloc(exchange->body, room);
        if (grown == NULL) {
            return MHD_NO;
        }
        exchange->body = grown;
        exchange->body_room = room;
    }
    memcpy(exchange->body + exchange->body_length, bytes, length);
    exchange->body_length += length;
    return MHD_YES;
}

static enum MHD_Result begin(struct api_door *door, struct MHD_Connection *connection,
                             const char *method, const char *path, void **exchange_slot)
{
    const char *sentence = "";
    struct api_exchange *exchange = calloc(1, sizeof *exchange);

    if (exchange == NULL) {
        return MHD_NO;
    }
    exchange->door = door;
    exchange->connection = connection;
    exchange->is_message = api_routes_access(method, path) == API_ACCESS_SUBMIT;
    list_push_back(&door->exchanges, &exchange->node);
    *exchange_slot = exchange;
    unsigned status = check_headers(exchange, method, path, &sentence);
    return status == 0 ? MHD_YES : refuse(connection, status, sentence);
}

/* NOLINTNEXTLINE(readability-function-size): the library's own signature */
enum MHD_Result api_exchange_handle(void *owner, struct MHD_Connection *connection,
                                    const char *path, const char *method,
                                    const char *version, const char *upload,
                                    size_t *upload_size, void **exchange)
{
    struct api_door *door = owner;
    struct api_exchange *mine = *exchange;
    const char *asked = strcmp(method, "HEAD") == 0 ? "GET" : method;

    (void)version;
    if (door->is_closing) {
        return MHD_NO;
    }
    if (mine == NULL) {
        return begin(door, connection, asked, path, exchange);
    }
    if (*upload_size > 0) {
        size_t length = *upload_size;
        *upload_size = 0;
        return collect(mine, upload, length);
    }
    if (mine->is_answered) {
        return send_answer(mine);
    }
    if (strcmp(path, "/") == 0) {
        return send_page(connection);
    }
    return start_ask(mine, asked, path);
}

void api_exchange_completed(void *owner, struct MHD_Connection *connection,
                            void **exchange, enum MHD_RequestTerminationCode code)
{
    struct api_exchange *mine = *exchange;

    (void)owner;
    (void)connection;
    (void)code;
    if (mine == NULL) {
        return;
    }
    *exchange = NULL;
    list_remove(&mine->node);
    mine->door->held -= mine->held;
    api_answer_free(mine->answer);
    free(mine->body);
    free(mine);
}

void api_exchange_abandon(struct api_door *door)
{
    door->is_closing = true;
    list_each (node, &door->exchanges) {
        struct api_exchange *exchange = LIST_OWNER(node, struct api_exchange, node);
        if (exchange->is_suspended) {
            exchange->is_suspended = false;
            MHD_resume_connection(exchange->connection);
        }
    }
}
