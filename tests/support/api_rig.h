/* A control API server on a loop in a scratch directory, and clients that speak raw bytes
 * to it from the same thread. */

#ifndef TESTS_SUPPORT_API_RIG_H
#define TESTS_SUPPORT_API_RIG_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/api_server.h"
#include "relay/net/loop.h"

#include "tests/support/fake_view.h"

#define API_RIG_TOKEN "a-token-of-some-length"

struct api_rig {
    struct fake_view fake;
    struct loop *loop;
    struct api_server *server;
    char folder[64];
    char socket_path[96];
    char token_path[96];
    unsigned closed_count;
    char reply[128 * 1024]; /* of the last ask, terminated */
};

/* With TCP on 127.0.0.1 when with_tcp says so. Fails the test when it cannot. */
void api_rig_open(struct api_rig *rig, bool with_tcp);
/* Closes the server, if the test has not, and the loop; asserts one closed callback. */
void api_rig_close(struct api_rig *rig);

/* A connected client; nothing is sent yet. */
int api_rig_connect(struct api_rig *rig, bool over_tcp);
/* Send all bytes, turning the loop; stops early when the server cuts the connection. */
void api_rig_send(struct api_rig *rig, int fd, const char *bytes, size_t length);
/* Turn the loop until the server ends the connection; fills rig->reply and closes fd. */
const char *api_rig_finish(struct api_rig *rig, int fd);
/* Turn the loop a few times. */
void api_rig_turn(struct api_rig *rig);

/* One whole exchange over the unix socket: headers is lines that end in CRLF; Host and
 * Connection: close are added. */
const char *api_rig_ask(struct api_rig *rig, const char *method, const char *path,
                        const char *headers, const char *body);

#endif
