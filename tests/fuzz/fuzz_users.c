/* The users file: no text crashes the parser; it gives a table in which every user is
 * found, or an error with file and line. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct users *users)
{
    for (size_t i = 0; i < users_count(users); i++) {
        const struct users_user *user = users_at(users, i);
        assert(users_find(users, user->name) == user);
        assert(i == 0 || strcmp(users_at(users, i - 1)->name, user->name) != 0);
        (void)users_may_stream(user, "bulk");
        (void)users_may_send_as(user, "a@example.com");
        (void)users_may_come_from(user, "192.0.2.1");
        (void)users_may_come_from(user, "2001:db8::1");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct users_errors errors;
    struct users *users = NULL;
    if (users_parse(&users, "fuzz", (const char *)data, size, &errors) < 0) {
        assert(errors.count > 0);
        assert(strncmp(errors.told[0].text, "fuzz:", 5) == 0);
        return 0;
    }
    assert(errors.count == 0);
    ask(users);
    users_free(users);
    return 0;
}
