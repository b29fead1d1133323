/* Retry storms of applications: the same user sends the same body to the same recipient
 * again and again after receivers have refused it for good, which costs the source its
 * name. The third time within a day it is refused with what the receiver said.
 *
 * Memory only, of fixed size: the oldest is forgotten first. Core thread. */

#ifndef RELAY_STORMS_H
#define RELAY_STORMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORMS_REPLY 300

struct storms;

struct storms *storms_new(void);
void storms_free(struct storms *storms);

/* This message came in: what its body was. */
void storms_message(struct storms *storms, uint64_t id, const char *user, uint64_t body);

/* A recipient of it was refused for good, for a reason of policy. */
void storms_refused(struct storms *storms, uint64_t id, const char *recipient,
                    const char *reply, int64_t now_ms);

/* Would this be one time too many? The reply it got before; NULL when it may come in.
 * recipient is fingerprint_text of the address. */
const char *storms_reply(struct storms *storms, const char *user, uint64_t recipient,
                         uint64_t body, int64_t now_ms);

#endif
