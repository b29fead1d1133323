#include "relay/config_later.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

struct later {
    const char *group;
    const char *key;
    const char *value; /* NULL: the key itself */
};

static const struct later table[] = {
    {"listener", "proxy_from", NULL}, {"listener", "long_lines", "convert"},
    {"stream", "alignment", NULL},    {"stream", "return_path", NULL},
    {"alerts", "webhook", NULL},
};

bool config_later_has(const char *group, const char *key, const char *value)
{
    assert(group != NULL);
    assert(key != NULL);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct later *later = &table[i];
        bool same_value = later->value == NULL
                              ? value == NULL
                              : value != NULL && strcmp(value, later->value) == 0;

        if (same_value && strcmp(group, later->group) == 0 &&
            strcmp(key, later->key) == 0) {
            return true;
        }
    }
    return false;
}
