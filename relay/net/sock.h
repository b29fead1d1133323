/* Sockets that leave this machine: made and bound before libuv takes them. */

#ifndef RELAY_NET_SOCK_H
#define RELAY_NET_SOCK_H

#include "queue/errmsg.h"

#include "relay/net/conn_end.h"
#include "relay/net/netaddr.h"

/* A non-blocking TCP socket for a connection to remote, bound to local: *out_fd. local
 * may be NETADDR_NONE; with port 0 its port is chosen at connect
 * (IP_BIND_ADDRESS_NO_PORT). -1 and *out_end says why not. */
int sock_outbound(const struct netaddr *remote, const struct netaddr *local, int *out_fd,
                  struct conn_end *out_end) ATTR_MUST_CHECK;

/* The local (or the peer's) address of a socket; NETADDR_NONE when it has none. */
struct netaddr sock_local(int fd);
struct netaddr sock_peer(int fd);

#endif
