/* Good path: bind the unix socket (and the TCP port), one libmicrohttpd daemon each on
 * its own epoll; the loop watches that epoll and runs the daemon when it is readable or
 * when its next time-out is due. Failure modes: the socket belongs to a daemon that
 * lives; no permission; no token; a descriptor short (libmicrohttpd waits until one is
 * free). */

#include "relay/api_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/api_exchange.h"
#include "relay/limits.h"
#include "relay/net/timer.h"
#include "relay/net/watch.h"

#define TOKEN_BYTES     256
#define TOKEN_MIN_BYTES 16
#define HOSTS_MAX       20

struct channel {
    struct api_door door;
    struct MHD_Daemon *daemon; /* owned */
    struct watch *watch;       /* owned */
    struct timer *timer;       /* owned; the daemon's next time-out */
};

struct api_server {
    struct channel channels[2]; /* the unix socket; TCP */
    struct timer *closing;      /* owned; fires once after api_server_close */
    char *socket_path;          /* owned; "" until it is bound */
    char *hosts[HOSTS_MAX];     /* owned */
    unsigned host_count;
    uint16_t port;
    char token[TOKEN_BYTES];
    api_server_closed_cb closed_cb;
    void *closed_owner;
    bool is_closing;
};

static char *copy_text(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        abort(); /* a configured name */
    }
    return copy;
}

/* Run what is due in a daemon and arm its next time-out. */
static void drive(struct channel *channel)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;

    (void)MHD_run(channel->daemon);
    if (MHD_get_timeout(channel->daemon, &wait_ms) == MHD_YES) {
        timer_start(channel->timer, wait_ms);
    } else {
        timer_stop(channel->timer);
    }
}

static void on_ready(void *owner)
{
    drive(owner);
}

static void on_due(void *owner)
{
    drive(owner);
}

static void on_resumed(struct api_door *door)
{
    struct channel *channel = door->owner;

    timer_start(channel->timer, 0);
}

static int read_token(struct api_server *server, const char *path, struct errmsg *err)
{
    if (path[0] == '\0') {
        errmsg_set(err,
                   "http.token_file is needed: whoever reaches the port may command");
        return -EINVAL;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int code = -errno;
        errmsg_errno(err, code, "open %s", path);
        return code;
    }
    ssize_t length = read(fd, server->token, sizeof server->token - 1);
    int code = length < 0 ? -errno : 0;
    (void)close(fd);
    if (length < 0) {
        errmsg_errno(err, code, "read %s", path);
        return code;
    }
    server->token[length] = '\0';
    server->token[strcspn(server->token, "\r\n")] = '\0';
    if (strlen(server->token) < TOKEN_MIN_BYTES) {
        errmsg_set(err, "%s: its first line is the token and has at least %d characters",
                   path, TOKEN_MIN_BYTES);
        return -EINVAL;
    }
    return 0;
}

/* Take a socket out of the way that nobody listens on; one in use is an error. */
static int remove_stale(const struct sockaddr_un *address, struct errmsg *err)
{
    struct stat found;

    if (lstat(address->sun_path, &found) != 0) {
        return 0;
    }
    if (!S_ISSOCK(found.st_mode)) {
        errmsg_set(err, "%s is there and is no socket", address->sun_path);
        return -EEXIST;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int code = result == 0 ? 0 : errno;
    (void)close(fd);
    if (code != ECONNREFUSED) {
        errmsg_set(err, "another mesurad answers on %s", address->sun_path);
        return -EADDRINUSE;
    }
    return unlink(address->sun_path) == 0 ? 0 : -errno;
}

/* Nobody can connect before listen(), so the mode is set in time. */
static int bind_unix(const char *path, int *out_fd, struct errmsg *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof address.sun_path) {
        errmsg_set(err, "the path of the control socket has 1 to %zu bytes",
                   sizeof address.sun_path - 1);
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, length + 1);
    int result = remove_stale(&address, err);
    if (result != 0) {
        errmsg_wrap(err, "control socket");
        return result;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        result = -errno;
        goto fail;
    }
    if (chmod(path, 0660) != 0 || listen(fd, LIMIT_API_CONNECTIONS) != 0) {
        result = -errno;
        (void)unlink(path);
        goto fail;
    }
    *out_fd = fd;
    return 0;
fail:
    errmsg_errno(err, result, "control socket %s", path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return result;
}

static int bind_tcp(const struct api_server_options *options, int *out_fd,
                    uint16_t *out_port, struct errmsg *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(options->http_port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(options->http_port)};
    const struct sockaddr *address = (const struct sockaddr *)&v4;
    socklen_t length = sizeof v4;
    const int on = 1;

    if (inet_pton(AF_INET, options->http_address, &v4.sin_addr) != 1) {
        if (inet_pton(AF_INET6, options->http_address, &v6.sin6_addr) != 1) {
            errmsg_set(err, "%s is no IP address", options->http_address);
            return -EINVAL;
        }
        address = (const struct sockaddr *)&v6;
        length = sizeof v6;
    }
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, address, length) != 0 || listen(fd, LIMIT_API_CONNECTIONS) != 0) {
        int code = -errno;
        errmsg_errno(err, code, "http %s port %u", options->http_address,
                     (unsigned)options->http_port);
        if (fd >= 0) {
            (void)close(fd);
        }
        return code;
    }
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {.sin6_port = 0}};
    socklen_t bound_length = sizeof bound;
    int result = getsockname(fd, &bound.any, &bound_length);
    assert(result == 0);
    *out_port =
        ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    *out_fd = fd;
    return 0;
}

/* The descriptor is the daemon's from here on, and closed on failure. */
static int open_channel(struct channel *channel, struct loop *loop, int fd,
                        struct errmsg *err)
{
    list_init(&channel->door.exchanges);
    channel->door.resumed_cb = on_resumed;
    channel->door.owner = channel;
    channel->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, api_exchange_handle,
        &channel->door, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
        api_exchange_completed, &channel->door, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)LIMIT_API_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)LIMIT_API_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LIMIT_API_MEMORY, MHD_OPTION_END);
    if (channel->daemon == NULL) {
        (void)close(fd);
        errmsg_set(err, "control API: no descriptor or no memory for its daemon");
        return -ENOMEM;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(channel->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    assert(info != NULL);
    int result = watch_open(loop, info->epoll_fd, on_ready, channel, &channel->watch);
    if (result != 0) {
        errmsg_errno(err, result, "control API: watch its descriptor");
        return result;
    }
    channel->timer = timer_open(loop, on_due, channel);
    timer_start(channel->timer, 0);
    return 0;
}

static void close_channel(struct channel *channel)
{
    watch_close(channel->watch);
    timer_close(channel->timer);
    channel->watch = NULL;
    channel->timer = NULL;
    if (channel->daemon != NULL) {
        MHD_stop_daemon(channel->daemon);
        channel->daemon = NULL;
    }
}

static void server_free(struct api_server *server)
{
    timer_close(server->closing);
    for (unsigned i = 0; i < server->host_count; i++) {
        free(server->hosts[i]);
    }
    free(server->socket_path);
    explicit_bzero(server->token, sizeof server->token);
    free(server);
}

static void add_host(struct api_server *server, const char *name)
{
    if (server->host_count < HOSTS_MAX) {
        server->hosts[server->host_count++] = copy_text(name);
    }
}

static void name_hosts(struct api_server *server,
                       const struct api_server_options *options)
{
    char literal[INET6_ADDRSTRLEN + 2];

    add_host(server, "localhost");
    add_host(server, "127.0.0.1");
    add_host(server, "[::1]");
    (void)snprintf(literal, sizeof literal,
                   strchr(options->http_address, ':') == NULL ? "%s" : "[%s]",
                   options->http_address);
    add_host(server, literal);
    for (unsigned i = 0; i < options->host_count; i++) {
        add_host(server, options->hosts[i]);
    }
}

static void on_closing(void *owner)
{
    struct api_server *server = owner;
    api_server_closed_cb closed_cb = server->closed_cb;
    void *closed_owner = server->closed_owner;

    server_free(server);
    if (closed_cb != NULL) {
        closed_cb(closed_owner);
    }
}

static int open_tcp(struct api_server *server, struct loop *loop,
                    const struct api_server_options *options, struct errmsg *err)
{
    int fd = -1;
    int result = read_token(server, options->token_file, err);

    if (result == 0) {
        result = bind_tcp(options, &fd, &server->port, err);
    }
    if (result != 0) {
        return result;
    }
    struct channel *tcp = &server->channels[1];
    name_hosts(server, options);
    tcp->door.is_tcp = true;
    tcp->door.token = server->token;
    tcp->door.hosts = (const char *const *)server->hosts;
    tcp->door.host_count = server->host_count;
    return open_channel(tcp, loop, fd, err);
}

int api_server_open(struct loop *loop, const struct api_view *view,
                    const struct api_server_options *options,
                    struct api_server **out_server, struct errmsg *err)
{
    struct api_server *server = calloc(1, sizeof *server);
    int fd = -1;

    if (server == NULL) {
        abort(); /* a fixed size */
    }
    server->socket_path = copy_text("");
    server->closing = timer_open(loop, on_closing, server);
    server->channels[0].door.view = view;
    server->channels[1].door.view = view;
    int result = bind_unix(options->socket_path, &fd, err);
    if (result != 0) {
        goto fail;
    }
    free(server->socket_path);
    server->socket_path = copy_text(options->socket_path);
    result = open_channel(&server->channels[0], loop, fd, err);
    if (result == 0 && options->http_address[0] != '\0') {
        result = open_tcp(server, loop, options, err);
    }
    if (result != 0) {
        goto fail;
    }
    *out_server = server;
    return 0;
fail:
    close_channel(&server->channels[1]);
    close_channel(&server->channels[0]);
    if (server->socket_path[0] != '\0') {
        (void)unlink(server->socket_path);
    }
    server_free(server);
    return result;
}

uint16_t api_server_port(const struct api_server *server)
{
    return server->port;
}

void api_server_close(struct api_server *server, api_server_closed_cb closed_cb,
                      void *owner)
{
    if (server == NULL || server->is_closing) {
        return;
    }
    server->is_closing = true;
    server->closed_cb = closed_cb;
    server->closed_owner = owner;
    (void)unlink(server->socket_path);
    for (size_t i = 0; i < 2; i++) {
        if (server->channels[i].daemon != NULL) {
            api_exchange_abandon(&server->channels[i].door);
        }
        close_channel(&server->channels[i]);
    }
    timer_start(server->closing, 0);
}
