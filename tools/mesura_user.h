/* The users file as `mesura user` changes it: offline, under a lock, in one step, and the
 * daemon is told. */

#ifndef TOOLS_MESURA_USER_H
#define TOOLS_MESURA_USER_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/users.h"

#include "tools/mesura_args.h"

#define MESURA_USER_RIGHTS                                                    \
    "streams from networks per-minute per-hour per-day max-message priority " \
    "certificate"

/* ---- mesura_user_edit.c ---- */

struct mesura_user_edit {
    const struct mesura_args *args; /* borrowed */
    char path[4096];                /* of the file */
    int lock;                       /* -1: not held */
    struct users *users;            /* owned */
};

/* Find the file (--users, $MESURA_USERS, what the daemon says, the default), lock it and
 * read it; none is an empty table. Done with mesura_user_close, also after a failure,
 * which was said. */
enum mesura_exit mesura_user_open(struct mesura_user_edit *edit,
                                  const struct mesura_args *args);
void mesura_user_close(struct mesura_user_edit *edit);

/* Write the table and tell the daemon; what came of it is said. */
enum mesura_exit mesura_user_commit(struct mesura_user_edit *edit, const char *done);

/* A copy of the user with the rights that the options name put in; NULL, and said, when
 * one is wrong. Lives until the next call. A right given as "any" or 0 is taken off. */
const struct users_user *mesura_user_apply(const struct mesura_args *args,
                                           const struct users_user *user);

/* A password: --password-file, else two times from the terminal, else the first line of
 * standard input. False, and said, when there is none. */
bool mesura_user_password(const struct mesura_args *args, char *out, size_t size);

/* ---- mesura_user.c: the commands ---- */

enum mesura_exit mesura_user_add(const struct mesura_args *args);
enum mesura_exit mesura_user_set(const struct mesura_args *args);
enum mesura_exit mesura_user_passwd(const struct mesura_args *args);
enum mesura_exit mesura_user_token(const struct mesura_args *args);
enum mesura_exit mesura_user_del(const struct mesura_args *args);
enum mesura_exit mesura_user_disable(const struct mesura_args *args);
enum mesura_exit mesura_user_enable(const struct mesura_args *args);
enum mesura_exit mesura_user_expect(const struct mesura_args *args);
enum mesura_exit mesura_user_list(const struct mesura_args *args);

#endif
