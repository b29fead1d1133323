#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "relay/api_answer.h"
#include "relay/api_exchange.h"
#include "relay/limits.h"

#include "tests/support/api_rig.h"
#include "tests/support/test.h"

#define JSON "Content-Type: application/json\r\n"

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A good ask is answered with its document, and the daemon knows who asked. */
TEST(api_exchange, good)
{
    struct api_rig rig;

    api_rig_open(&rig, false);
    const char *reply = api_rig_ask(&rig, "GET", "/v1/status", "", "");
    cr_assert(begins(reply, "HTTP/1.1 200 OK\r\n"), "%s", reply);
    cr_assert_not_null(strstr(reply, "Content-Type: application/json\r\n"));
    cr_assert_not_null(strstr(reply, "\"hostname\":\"mail.example.com\""));
    reply = api_rig_ask(&rig, "POST", "/v1/freeze", JSON,
                        "{\"kind\":\"stream\",\"name\":\"bulk\",\"why\":\"x y\"}");
    cr_assert(begins(reply, "HTTP/1.1 200 OK\r\n"), "%s", reply);
    cr_assert_not_null(
        strstr(rig.fake.asked, "freeze stream bulk for=0 why=x y by=operator "), "%s",
        rig.fake.asked);
    char uid[32];
    (void)snprintf(uid, sizeof uid, "uid %u)", (unsigned)getuid());
    cr_assert_not_null(strstr(rig.fake.asked, uid), "%s", rig.fake.asked);
    api_rig_close(&rig);
}

/* Names in a path and values in a query arrive decoded. */
TEST(api_exchange, decodes)
{
    struct api_rig rig;

    api_rig_open(&rig, false);
    (void)api_rig_ask(&rig, "GET", "/v1/why/kim%40x.test", "", "");
    cr_assert_str_eq(rig.fake.asked, "why kim@x.test");
    (void)api_rig_ask(&rig, "GET", "/v1/journal?subject=a%20b&limit=5", "", "");
    cr_assert_not_null(strstr(rig.fake.asked, "subject=a b limit=5"), "%s",
                       rig.fake.asked);
    api_rig_close(&rig);
}

/* The page comes with a policy that lets it load nothing from elsewhere. */
TEST(api_exchange, page)
{
    struct api_rig rig;

    api_rig_open(&rig, false);
    const char *reply = api_rig_ask(&rig, "GET", "/", "", "");
    cr_assert(begins(reply, "HTTP/1.1 200 OK\r\n"));
    cr_assert_not_null(strstr(reply, "text/html"));
    cr_assert_not_null(strstr(reply, "Content-Security-Policy: default-src 'none'"));
    cr_assert_not_null(strstr(reply, "</html>"));
    reply = api_rig_ask(&rig, "HEAD", "/healthz", "", "");
    cr_assert(begins(reply, "HTTP/1.1 200 OK\r\n"), "%s", reply);
    api_rig_close(&rig);
}

/* Each refusal has its own status and a sentence. */
TEST(api_exchange, refusals)
{
    static const struct {
        const char *method;
        const char *path;
        const char *headers;
        const char *body;
        const char *status;
    } cases[] = {
        {"GET", "/nothing", "", "", "404"},
        {"DELETE", "/v1/status", "", "", "405"},
        {"POST", "/v1/status", JSON, "{}", "405"},
        {"POST", "/v1/drain", "", "{}", "415"},
        {"POST", "/v1/drain", "Content-Type: text/plain\r\n", "{}", "415"},
        {"POST", "/v1/drain", "Content-Type: application/jsonx\r\n", "{}", "415"},
        {"POST", "/v1/drain", JSON, "{\"on\":", "400"},
        {"POST", "/v1/drain", JSON, "[1]", "400"},
        {"POST", "/v1/drain", JSON, "{\"off\":true}", "400"},
        {"POST", "/v1/reload", JSON, "{}", "409"},
        {"GET", "/v1/queue/none", "", "", "404"},
        {"GET", "/v1/queue?state=odd", "", "", "400"},
        {"GET", "/v1/queue?limit=1&limit=2", "", "", "400"},
    };
    struct api_rig rig;

    api_rig_open(&rig, false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *reply = api_rig_ask(&rig, cases[i].method, cases[i].path,
                                        cases[i].headers, cases[i].body);
        cr_expect_eq(strncmp(reply + 9, cases[i].status, 3), 0, "case %zu: %s", i, reply);
        cr_expect_not_null(strstr(reply, "\"error\":\""), "case %zu: %s", i, reply);
    }
    api_rig_close(&rig);
}

/* A body that says it is too large is refused at once; one that grows too large without
 * saying so loses its connection; both leave the server as it was. */
TEST(api_exchange, large_bodies)
{
    struct api_rig rig;
    static const char said[] =
        "POST /v1/drain HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 99999999\r\n\r\n";
    static const char chunked[] = "POST /v1/drain HTTP/1.1\r\nHost: x\r\n" JSON
                                  "Transfer-Encoding: chunked\r\n\r\n";
    static const char size_line[] = "2710\r\n"; /* 10,000 bytes */
    char chunk[10016];

    api_rig_open(&rig, false);
    int fd = api_rig_connect(&rig, false);
    api_rig_send(&rig, fd, said, sizeof said - 1);
    cr_assert(begins(api_rig_finish(&rig, fd), "HTTP/1.1 413 "), "%s", rig.reply);

    fd = api_rig_connect(&rig, false);
    api_rig_send(&rig, fd, chunked, sizeof chunked - 1);
    memset(chunk, ' ', sizeof chunk);
    memcpy(chunk, size_line, sizeof size_line - 1);
    memcpy(chunk + 6 + 10000, size_line + 4, 2);
    for (size_t sent = 0; sent <= LIMIT_API_BODY; sent += 10000) {
        api_rig_send(&rig, fd, chunk, 10008);
    }
    (void)api_rig_finish(&rig, fd);
    cr_assert_str_empty(rig.fake.asked);
    cr_assert(begins(api_rig_ask(&rig, "GET", "/healthz", "", ""), "HTTP/1.1 200"));
    api_rig_close(&rig);
}

/* While core works on one ask, others are answered; the slow one follows. */
TEST(api_exchange, slow_answer)
{
    struct api_rig rig;
    static const char ask[] =
        "GET /v1/why/x.test HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    api_rig_open(&rig, false);
    rig.fake.is_slow = true;
    int fd = api_rig_connect(&rig, false);
    api_rig_send(&rig, fd, ask, sizeof ask - 1);
    api_rig_turn(&rig);
    cr_assert_not_null(rig.fake.waiting);
    cr_assert(begins(api_rig_ask(&rig, "GET", "/v1/status", "", ""), "HTTP/1.1 200"));
    api_answer_done(rig.fake.waiting, API_DONE, "");
    cr_assert(begins(api_rig_finish(&rig, fd), "HTTP/1.1 200 OK"), "%s", rig.reply);
    cr_assert_not_null(strstr(rig.reply, "x.test"));
    api_rig_close(&rig);
}

/* The server may close while core still owes an answer: core finishes into nothing. */
TEST(api_exchange, close_while_core_works)
{
    struct api_rig rig;
    static const char ask[] = "GET /v1/why/x.test HTTP/1.1\r\nHost: x\r\n\r\n";

    api_rig_open(&rig, false);
    rig.fake.is_slow = true;
    int fd = api_rig_connect(&rig, false);
    api_rig_send(&rig, fd, ask, sizeof ask - 1);
    api_rig_turn(&rig);
    cr_assert_not_null(rig.fake.waiting);
    api_rig_close(&rig);
    api_answer_wait(rig.fake.waiting, &(struct api_wait){.gate = "late"});
    api_answer_done(rig.fake.waiting, API_DONE, "");
    (void)close(fd);
}

/* A client that goes away while core works harms nobody. */
TEST(api_exchange, client_gone)
{
    struct api_rig rig;
    static const char ask[] = "GET /v1/why/x.test HTTP/1.1\r\nHost: x\r\n\r\n";

    api_rig_open(&rig, false);
    rig.fake.is_slow = true;
    int fd = api_rig_connect(&rig, false);
    api_rig_send(&rig, fd, ask, sizeof ask - 1);
    api_rig_turn(&rig);
    (void)close(fd);
    api_rig_turn(&rig);
    api_answer_done(rig.fake.waiting, API_DONE, "");
    api_rig_turn(&rig);
    cr_assert(begins(api_rig_ask(&rig, "GET", "/healthz", "", ""), "HTTP/1.1 200"));
    api_rig_close(&rig);
}

/* Over TCP: the token opens everything, its absence only health and page; a foreign Host
 * opens nothing. */
TEST(api_exchange, tcp)
{
    static const struct {
        const char *path;
        const char *host;
        const char *token;
        const char *status;
    } cases[] = {
        {"/v1/status", "127.0.0.1", API_RIG_TOKEN, "200"},
        {"/v1/status", "localhost:8025", API_RIG_TOKEN, "200"},
        {"/v1/status", "LOCALHOST", API_RIG_TOKEN, "200"},
        {"/v1/status", "[::1]:8025", API_RIG_TOKEN, "200"},
        {"/v1/status", "127.0.0.1", "", "401"},
        {"/v1/status", "127.0.0.1", "a-token-of-some-lengtH", "401"},
        {"/v1/status", "127.0.0.1", API_RIG_TOKEN "x", "401"},
        {"/v1/status", "evil.example", API_RIG_TOKEN, "403"},
        {"/v1/status", "127.0.0.1.evil.example", API_RIG_TOKEN, "403"},
        {"/v1/status", "[::1", API_RIG_TOKEN, "403"},
        {"/", "evil.example", "", "403"},
        {"/healthz", "127.0.0.1", "", "200"},
        {"/", "127.0.0.1", "", "200"},
        {"/metrics", "127.0.0.1", "", "401"},
        {"/nothing", "127.0.0.1", "", "401"},
    };
    struct api_rig rig;
    char ask[512];

    api_rig_open(&rig, true);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = api_rig_connect(&rig, true);
        int length = snprintf(ask, sizeof ask,
                              "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                              "Authorization: Bearer %s\r\n\r\n",
                              cases[i].path, cases[i].host, cases[i].token);
        api_rig_send(&rig, fd, ask, (size_t)length);
        const char *reply = api_rig_finish(&rig, fd);
        cr_expect_eq(strncmp(reply + 9, cases[i].status, 3), 0, "case %zu: %.200s", i,
                     reply);
    }
    api_rig_close(&rig);
}

/* A message comes with an application's token, not the operator's, and is JSON or a
 * message; its body goes to core as it is. */
TEST(api_exchange, messages)
{
    struct api_rig rig;
    static const char by_tcp[] =
        "POST /v1/messages?to=b%40y.test HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
        "Bearer mesura_x\r\nContent-Type: message/rfc822\r\nContent-Length: "
        "5\r\nConnection: close\r\n\r\na: b\n";

    api_rig_open(&rig, true);
    const char *reply = api_rig_ask(&rig, "POST", "/v1/messages", JSON, "{\"x\": [1]}");
    cr_assert(begins(reply, "HTTP/1.1 200 "), "%s", reply);
    cr_assert_not_null(strstr(reply, "\"id\":\"ID9\""), "%s", reply);
    cr_assert_str_eq(rig.fake.asked,
                     "submit token= json=1 from= to= local=1 client= bytes=10");
    int fd = api_rig_connect(&rig, true);
    api_rig_send(&rig, fd, by_tcp, sizeof by_tcp - 1);
    cr_assert(begins(api_rig_finish(&rig, fd), "HTTP/1.1 200 "), "%s", rig.reply);
    cr_assert_str_eq(rig.fake.asked, "submit token=mesura_x json=0 from= to=b@y.test "
                                     "local=0 client=127.0.0.1 bytes=5");
    reply =
        api_rig_ask(&rig, "POST", "/v1/messages", "Content-Type: text/plain\r\n", "x");
    cr_assert(begins(reply, "HTTP/1.1 415 "), "%s", reply);
    reply = api_rig_ask(&rig, "POST", "/v1/messages", JSON, "");
    cr_assert(begins(reply, "HTTP/1.1 400 "), "%s", reply);
    reply = api_rig_ask(&rig, "POST", "/v1/messages?cc=x", JSON, "{}");
    cr_assert(begins(reply, "HTTP/1.1 "), "%s", reply);
    reply = api_rig_ask(&rig, "GET", "/v1/messages", "", "");
    cr_assert(begins(reply, "HTTP/1.1 405 "), "%s", reply);
    api_rig_close(&rig);
}
