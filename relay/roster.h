/* Which users there are, now: the users file read, and put in force everywhere at once,
 * so that a change needs no restart and a disabled user's sessions end. Core thread, but
 * for roster_read before it runs. */

#ifndef RELAY_ROSTER_H
#define RELAY_ROSTER_H

#include <stdbool.h>

#include "queue/errmsg.h"

struct config;
struct core;
struct users;

/* May anybody log in with a password under this configuration? */
bool roster_has_logins(const struct config *config);

/* Read the file of the configuration. 0 and a table with one reference for the caller; a
 * file that is not there is an empty table. A negative errno with err when it is wrong or
 * others may read it. */
int roster_read(const struct config *config, struct users **out,
                struct errmsg *err) ATTR_MUST_CHECK;

/* Put a table in force, whose reference is handed over: for logins, for new mail, for
 * sessions that are open. Sessions of users that are gone, disabled or have another
 * password end. */
void roster_take(struct core *core, struct users *users);

/* Read the file again and put it in force. As roster_read; nothing changes on an error.
 */
int roster_reload(struct core *core, struct errmsg *err) ATTR_MUST_CHECK;

#endif
