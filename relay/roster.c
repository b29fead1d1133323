#include "relay/roster.h"

#include <errno.h>

#include "relay/auth.h"
#include "relay/config.h"
#include "relay/core.h"
#include "relay/log.h"
#include "relay/snapshot.h"
#include "relay/users.h"
#include "relay/worker.h"

bool roster_has_logins(const struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].auth != CONFIG_AUTH_NONE) {
            return true;
        }
    }
    return false;
}

int roster_read(const struct config *config, struct users **out, struct errmsg *err)
{
    struct users_errors errors = {0};
    if (config->users[0] == '\0') {
        *out = users_new();
        return 0;
    }
    int rc = users_load(out, config->users, &errors);
    if (rc == -ENOENT) {
        if (roster_has_logins(config)) {
            log_warn("users: %s is not there; nobody can log in until mesura user add "
                     "makes it",
                     config->users);
        }
        *out = users_new();
        return 0;
    }
    if (rc != 0) {
        *err = errors.told[0];
    }
    return rc;
}

void roster_take(struct core *core, struct users *users)
{
    users_free(core->users);
    core->users = users;
    if (core->auth != NULL) {
        auth_set_users(core->auth, users_ref(users)); /* before new logins can come */
    }
    for (unsigned i = 0; i < core->worker_count; i++) {
        worker_publish_users(core->workers[i], users_ref(users));
    }
}

int roster_reload(struct core *core, struct errmsg *err)
{
    struct users *users = NULL;
    int rc = roster_read(core->snapshot->config, &users, err);
    if (rc == 0) {
        roster_take(core, users);
    }
    return rc;
}
