#include "relay/freezes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/fields.h"
#include "relay/store.h"

static const char *const names[FREEZE_KINDS] = {[FREEZE_STREAM] = "stream",
                                                [FREEZE_SITE] = "site",
                                                [FREEZE_SOURCE] = "source",
                                                [FREEZE_USER] = "user"};

const char *freeze_kind_name(enum freeze_kind kind)
{
    return names[kind];
}

bool freeze_kind_parse(const char *name, enum freeze_kind *out)
{
    for (int kind = 0; kind < FREEZE_KINDS; kind++) {
        if (strcmp(names[kind], name) == 0) {
            *out = (enum freeze_kind)kind;
            return true;
        }
    }
    return false;
}

void freezes_init(struct freezes *freezes, struct store *store)
{
    list_init(&freezes->list);
    freezes->store = store;
}

void freezes_done(struct freezes *freezes)
{
    list_each_safe (node, &freezes->list) {
        free(LIST_OWNER(node, struct freeze, node));
    }
    list_init(&freezes->list);
}

static struct freeze *find(struct freezes *freezes, enum freeze_kind kind,
                           const char *name)
{
    list_each (node, &freezes->list) {
        struct freeze *freeze = LIST_OWNER(node, struct freeze, node);
        if (freeze->kind == kind && strcmp(freeze->name, name) == 0) {
            return freeze;
        }
    }
    return NULL;
}

const struct freeze *freezes_find(struct freezes *freezes, enum freeze_kind kind,
                                  const char *name)
{
    return find(freezes, kind, name);
}

static void key_of(enum freeze_kind kind, const char *name, char out[STORE_KEY_BYTES])
{
    (void)snprintf(out, STORE_KEY_BYTES, "%s|%s", names[kind], name);
}

void freezes_load(struct freezes *freezes, const struct store_row *row)
{
    const char *bar = strchr(row->key, '|');
    struct freeze freeze = {.since_unix_ms = row->unix_ms};
    char kind[16];
    if (bar == NULL || (size_t)(bar - row->key) >= sizeof kind ||
        strlen(bar + 1) >= sizeof freeze.name) {
        return;
    }
    (void)snprintf(kind, sizeof kind, "%.*s", (int)(bar - row->key), row->key);
    (void)snprintf(freeze.name, sizeof freeze.name, "%s", bar + 1);
    struct fields fields;
    if (!freeze_kind_parse(kind, &freeze.kind) ||
        !fields_load(&fields, row->value, strlen(row->value))) {
        return;
    }
    (void)fields_get_text(&fields, "why", freeze.why, sizeof freeze.why);
    (void)fields_get_text(&fields, "by", freeze.by, sizeof freeze.by);
    (void)fields_get_int(&fields, "since", &freeze.since_unix_ms);
    (void)fields_get_int(&fields, "until", &freeze.until_unix_ms);
    struct freeze *kept = arena_must(1, sizeof *kept);
    *kept = freeze;
    list_push_back(&freezes->list, &kept->node);
}

int freezes_set(struct freezes *freezes, const struct freeze *freeze,
                struct store_ticket *ticket)
{
    char key[STORE_KEY_BYTES];
    struct fields fields;
    fields_init(&fields);
    fields_add_text(&fields, "why", freeze->why);
    fields_add_text(&fields, "by", freeze->by);
    fields_add_int(&fields, "since", freeze->since_unix_ms);
    fields_add_int(&fields, "until", freeze->until_unix_ms);
    if (fields.is_full || freeze->name[0] == '\0') {
        return -EINVAL;
    }
    struct freeze *kept = find(freezes, freeze->kind, freeze->name);
    if (kept == NULL) {
        kept = arena_must(1, sizeof *kept);
        list_push_back(&freezes->list, &kept->node);
    }
    struct list_node node = kept->node;
    *kept = *freeze;
    kept->node = node;
    key_of(freeze->kind, freeze->name, key);
    if (freezes->store != NULL) {
        store_put(freezes->store,
                  &(struct store_row){.kind = STORE_FREEZE,
                                      .unix_ms = freeze->since_unix_ms,
                                      .key = key,
                                      .value = fields.text},
                  ticket);
    }
    return 0;
}

/* Out of the list, the memory and the store. */
static void drop(struct freezes *freezes, struct freeze *freeze,
                 struct store_ticket *ticket)
{
    char key[STORE_KEY_BYTES];
    key_of(freeze->kind, freeze->name, key);
    list_remove(&freeze->node);
    free(freeze);
    if (freezes->store != NULL) {
        store_del(freezes->store, STORE_FREEZE, key, ticket);
    }
}

bool freezes_clear(struct freezes *freezes, enum freeze_kind kind, const char *name,
                   struct store_ticket *ticket)
{
    struct freeze *freeze = find(freezes, kind, name);
    if (freeze == NULL) {
        return false;
    }
    drop(freezes, freeze, ticket);
    return true;
}

unsigned freezes_expire(struct freezes *freezes, int64_t now_unix_ms)
{
    unsigned over = 0;
    list_each_safe (node, &freezes->list) {
        struct freeze *freeze = LIST_OWNER(node, struct freeze, node);
        if (freeze->until_unix_ms != 0 && freeze->until_unix_ms <= now_unix_ms) {
            over++;
            drop(freezes, freeze, NULL);
        }
    }
    return over;
}
