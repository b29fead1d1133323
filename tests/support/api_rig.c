#include "tests/support/api_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#define PATIENCE 20000 /* turns of about a millisecond */

static void on_server_closed(void *owner)
{
    struct api_rig *rig = owner;

    rig->closed_count++;
}

void api_rig_open(struct api_rig *rig, bool with_tcp)
{
    struct errmsg err = {.text = ""};

    *rig = (struct api_rig){.server = NULL};
    fake_view_init(&rig->fake);
    (void)snprintf(rig->folder, sizeof rig->folder, "/tmp/api_rig.XXXXXX");
    cr_assert_not_null(mkdtemp(rig->folder));
    (void)snprintf(rig->socket_path, sizeof rig->socket_path, "%s/s", rig->folder);
    (void)snprintf(rig->token_path, sizeof rig->token_path, "%s/t", rig->folder);
    FILE *token = fopen(rig->token_path, "we");
    cr_assert_not_null(token);
    (void)fprintf(token, "%s\nsecond line\n", API_RIG_TOKEN);
    (void)fclose(token);
    cr_assert_eq(loop_open(&rig->loop), 0);
    const struct api_server_options options = {.socket_path = rig->socket_path,
                                               .http_address =
                                                   with_tcp ? "127.0.0.1" : "",
                                               .token_file = rig->token_path};
    cr_assert_eq(
        api_server_open(rig->loop, &rig->fake.view, &options, &rig->server, &err), 0,
        "%s", err.text);
}

void api_rig_turn(struct api_rig *rig)
{
    for (int i = 0; i < 20; i++) {
        loop_run_once(rig->loop);
    }
}

void api_rig_close(struct api_rig *rig)
{
    api_server_close(rig->server, on_server_closed, rig);
    for (int i = 0; i < PATIENCE && rig->closed_count == 0; i++) {
        loop_run_once(rig->loop);
        (void)poll(NULL, 0, 1);
    }
    cr_assert_eq(rig->closed_count, 1);
    loop_close(rig->loop);
    (void)unlink(rig->token_path);
    (void)unlink(rig->socket_path);
    cr_assert_eq(rmdir(rig->folder), 0);
}

int api_rig_connect(struct api_rig *rig, bool over_tcp)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in tcp = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(over_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    if (over_tcp) {
        tcp.sin_port = htons(api_server_port(rig->server));
        cr_assert_eq(connect(fd, (const struct sockaddr *)&tcp, sizeof tcp), 0);
    } else {
        (void)snprintf(local.sun_path, sizeof local.sun_path, "%s", rig->socket_path);
        cr_assert_eq(connect(fd, (const struct sockaddr *)&local, sizeof local), 0, "%s",
                     strerror(errno));
    }
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

void api_rig_send(struct api_rig *rig, int fd, const char *bytes, size_t length)
{
    size_t sent = 0;

    for (int i = 0; i < PATIENCE && sent < length; i++) {
        ssize_t step = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (step > 0) {
            sent += (size_t)step;
        } else if (errno != EAGAIN) {
            return; /* the server has had enough */
        }
        loop_run_once(rig->loop);
    }
    cr_assert_eq(sent, length, "the server does not read");
}

const char *api_rig_finish(struct api_rig *rig, int fd)
{
    size_t length = 0;
    bool is_over = false;

    for (int i = 0; i < PATIENCE && !is_over; i++) {
        loop_run_once(rig->loop);
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 1) <= 0) {
            continue;
        }
        ssize_t step = recv(fd, rig->reply + length, sizeof rig->reply - 1 - length, 0);
        if (step > 0) {
            length += (size_t)step;
        } else {
            is_over = step == 0 || errno != EAGAIN;
        }
    }
    cr_assert(is_over, "the server does not end the connection");
    rig->reply[length] = '\0';
    (void)close(fd);
    return rig->reply;
}

const char *api_rig_ask(struct api_rig *rig, const char *method, const char *path,
                        const char *headers, const char *body)
{
    char request[8192];
    int fd = api_rig_connect(rig, false);
    int length = snprintf(request, sizeof request,
                          "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
                          "Content-Length: %zu\r\n\r\n%s",
                          method, path, headers, strlen(body), body);

    cr_assert_lt((size_t)length, sizeof request);
    api_rig_send(rig, fd, request, (size_t)length);
    return api_rig_finish(rig, fd);
}
