/* A secret's place and its first line: a file that only its owner may read, or
 * "credential:NAME", which systemd has put into the service's credentials directory
 * (LoadCredential=, SetCredentialEncrypted=). */

#ifndef RELAY_SECRET_H
#define RELAY_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/errmsg.h"

/* Can this be a place: an absolute path, or "credential:" and a file name? */
bool secret_is_place(const char *place);

/* The file of a place. False when it has no room, or there are no credentials. */
bool secret_path(const char *place, char *out, size_t size);

/* The first line into out, terminated. A negative errno with err naming the place and
 * never the secret: -EPERM when others may read the file, -EMSGSIZE when it is too long,
 * -ENODATA when it is empty. */
int secret_read(const char *place, char *out, size_t size,
                struct errmsg *err) ATTR_MUST_CHECK;

#endif
