#include "relay/owed.h"

#include <stdlib.h>

#include "relay/limits.h"

#define FIRST_ROOM 64

void owed_done(struct owed *owed)
{
    free(owed->ids);
    *owed = (struct owed){0};
}

/* False when it is as large as it may be. */
static bool grow(struct owed *owed)
{
    size_t room = owed->room == 0 ? FIRST_ROOM : owed->room * 2;
    uint64_t *ids = room > (size_t)LIMIT_OWED ? NULL : malloc(room * sizeof *ids);
    if (ids == NULL) {
        return false;
    }
    for (size_t i = 0; i < owed->count; i++) {
        ids[i] = owed->ids[(owed->first + i) % owed->room];
    }
    free(owed->ids);
    owed->ids = ids;
    owed->first = 0;
    owed->room = room;
    return true;
}

void owed_add(struct owed *owed, uint64_t id)
{
    if (owed->count > 0 &&
        owed->ids[(owed->first + owed->count - 1) % owed->room] == id) {
        return;
    }
    if (owed->count == owed->room && !grow(owed)) {
        owed->has_more = true;
        return;
    }
    owed->ids[(owed->first + owed->count) % owed->room] = id;
    owed->count++;
}

uint64_t owed_take(struct owed *owed)
{
    if (owed->count == 0) {
        return 0;
    }
    uint64_t id = owed->ids[owed->first];
    owed->first = (owed->first + 1) % owed->room;
    owed->count--;
    return id;
}
