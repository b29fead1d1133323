#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/api_server.h"

#include "tests/support/api_rig.h"
#include "tests/support/test.h"

static int try_open(struct api_rig *rig, const struct api_server_options *options,
                    struct errmsg *err)
{
    struct api_server *second = NULL;

    *err = (struct errmsg){.text = ""};
    return api_server_open(rig->loop, &rig->fake.view, options, &second, err);
}

/* The socket is for its owner and group, and goes with the server. */
TEST(api_server, socket_mode)
{
    struct api_rig rig;
    struct stat found;

    api_rig_open(&rig, false);
    cr_assert_eq(lstat(rig.socket_path, &found), 0);
    cr_assert_eq(found.st_mode & 0777, 0660);
    cr_assert_eq(api_server_port(rig.server), 0);
    api_rig_close(&rig);
    cr_assert_neq(lstat(rig.socket_path, &found), 0);
}

/* A living daemon's socket is not taken away from it. */
TEST(api_server, second_daemon)
{
    struct api_rig rig;
    struct errmsg err;

    api_rig_open(&rig, false);
    const struct api_server_options options = {
        .socket_path = rig.socket_path, .http_address = "", .token_file = ""};
    cr_assert_eq(try_open(&rig, &options, &err), -EADDRINUSE);
    cr_assert_not_null(strstr(err.text, "another mesurad"), "%s", err.text);
    cr_assert_eq(
        strncmp(api_rig_ask(&rig, "GET", "/healthz", "", ""), "HTTP/1.1 200", 12), 0);
    api_rig_close(&rig);
}

/* What a dead daemon left behind is replaced. */
TEST(api_server, stale_socket)
{
    struct api_rig rig;
    struct errmsg err;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct api_server *second = NULL;

    api_rig_open(&rig, false);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/dead", rig.folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
    const struct api_server_options options = {
        .socket_path = address.sun_path, .http_address = "", .token_file = ""};
    int result = api_server_open(rig.loop, &rig.fake.view, &options, &second, &err);
    cr_assert_eq(result, 0, "%s", err.text);
    api_server_close(second, NULL, NULL);
    api_rig_close(&rig);
}

/* Options that cannot work are refused with a sentence and leave nothing behind. */
TEST(api_server, bad_options)
{
    struct api_rig rig;
    struct errmsg err;
    char other[96];
    char empty[96];
    struct stat found;

    api_rig_open(&rig, false);
    (void)snprintf(other, sizeof other, "%s/other", rig.folder);
    (void)snprintf(empty, sizeof empty, "%s/empty", rig.folder);
    FILE *file = fopen(empty, "we");
    cr_assert_not_null(file);
    (void)fputs("short\n", file);
    (void)fclose(file);
    const struct {
        struct api_server_options options;
        int wanted;
    } cases[] = {
        {{.socket_path = "", .http_address = ""}, -ENAMETOOLONG},
        {{.socket_path = "/nowhere/at/all/s", .http_address = ""}, -ENOENT},
        {{.socket_path = empty, .http_address = ""}, -EEXIST},
        {{.socket_path = other, .http_address = "127.0.0.1", .token_file = ""}, -EINVAL},
        {{.socket_path = other, .http_address = "127.0.0.1", .token_file = "/nowhere"},
         -ENOENT},
        {{.socket_path = other, .http_address = "127.0.0.1", .token_file = empty},
         -EINVAL},
        {{.socket_path = other, .http_address = "local", .token_file = rig.token_path},
         -EINVAL},
        {{.socket_path = other,
          .http_address = "192.0.2.77",
          .token_file = rig.token_path},
         -EADDRNOTAVAIL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(try_open(&rig, &cases[i].options, &err), cases[i].wanted,
                     "case %zu: %s", i, err.text);
        cr_expect_str_not_empty(err.text, "case %zu", i);
        cr_expect_neq(lstat(other, &found), 0, "case %zu leaves its socket", i);
    }
    cr_assert_eq(unlink(empty), 0);
    api_rig_close(&rig);
}

/* Random bytes on the socket end that connection and nothing else. The seed is printed.
 */
TEST(api_server, garbage)
{
    struct api_rig rig;
    static const char first_line[] = "GET /v1/status?a=%00%zz HTTP/1.1\r\n";
    unsigned seed = 20261121;
    char bytes[700];

    (void)printf("# seed %u\n", seed);
    api_rig_open(&rig, false);
    for (int round = 0; round < 300; round++) {
        int fd = api_rig_connect(&rig, false);
        size_t length = (size_t)rand_r(&seed) % sizeof bytes;
        for (size_t i = 0; i < length; i++) {
            bytes[i] = (char)rand_r(&seed);
        }
        if (round % 3 == 0 && length > 40) {
            memcpy(bytes, first_line, sizeof first_line - 1);
        }
        api_rig_send(&rig, fd, bytes, length);
        loop_run_once(rig.loop);
        (void)close(fd);
    }
    cr_assert_eq(
        strncmp(api_rig_ask(&rig, "GET", "/healthz", "", ""), "HTTP/1.1 200", 12), 0);
    api_rig_close(&rig);
}

/* Clients that say nothing hold a place, not the server; closing cuts them. */
TEST(api_server, silent_clients)
{
    struct api_rig rig;
    int clients[20];

    api_rig_open(&rig, true);
    for (size_t i = 0; i < 20; i++) {
        clients[i] = api_rig_connect(&rig, i % 2 == 0);
    }
    api_rig_turn(&rig);
    cr_assert_eq(
        strncmp(api_rig_ask(&rig, "GET", "/healthz", "", ""), "HTTP/1.1 200", 12), 0);
    api_rig_close(&rig);
    for (size_t i = 0; i < 20; i++) {
        (void)close(clients[i]);
    }
}

/* Closing twice calls back once. */
TEST(api_server, close_twice)
{
    struct api_rig rig;

    api_rig_open(&rig, true);
    api_server_close(NULL, NULL, NULL);
    struct api_server *server = rig.server;
    api_server_close(server, NULL, NULL);
    api_server_close(server, NULL, NULL);
    api_rig_turn(&rig);
    rig.server = NULL;
    struct errmsg err;
    const struct api_server_options options = {
        .socket_path = rig.socket_path, .http_address = "", .token_file = ""};
    cr_assert_eq(api_server_open(rig.loop, &rig.fake.view, &options, &rig.server, &err),
                 0);
    api_rig_close(&rig);
}
