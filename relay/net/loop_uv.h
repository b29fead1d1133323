/* The libuv side of loop.h, for the files of relay/net/ alone. */

#ifndef RELAY_NET_LOOP_UV_H
#define RELAY_NET_LOOP_UV_H

#include <stddef.h>
#include <uv.h>

struct loop;

/* Reads of all connections of a loop share one buffer: bytes that an owner does not take
 * at once are copied out of it. */
#define LOOP_READ_BYTES 65536

/* Zeroed memory of a fixed size; aborts when there is none. Freed with free. */
void *loop_alloc(size_t size);

uv_loop_t *loop_uv(struct loop *loop);

/* LOOP_READ_BYTES each; valid until the next event. Ciphertext is read into the first,
 * plaintext decrypted into the second. */
char *loop_read_buffer(struct loop *loop);
char *loop_plain_buffer(struct loop *loop);

#endif
