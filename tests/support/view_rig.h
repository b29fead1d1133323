/* A core without workers, with a real queue and store in a directory of its own: messages
 * are put into it, the view is asked, and the answers are read as JSON. */

#ifndef TESTS_SUPPORT_VIEW_RIG_H
#define TESTS_SUPPORT_VIEW_RIG_H

#include <jansson.h>
#include <stdint.h>

#include "relay/api_answer.h"
#include "relay/api_view.h"
#include "relay/core.h"

#include "tests/support/folder.h"

struct view_rig {
    struct folder folder;
    char config_path[128];
    struct core *core;
    struct queue *queue;
    struct store *store;
    struct core_call call;
    const struct api_view *view;
    uint64_t last_id;
    bool is_done;           /* the last ask is answered */
    enum api_result result; /* of it */
};

/* Two sources, two streams (transactional, bulk), a warm-up, a site "gmail"; every domain
 * is routed to a port that nobody needs: nothing is delivered. */
void view_rig_open(struct view_rig *rig);
void view_rig_close(struct view_rig *rig);

/* One more message from app@sender.test, on the disk and in the index, its destination
 * resolved; its subject is "About " and the first recipient. Recipients end with NULL.
 * Returns the id. */
uint64_t view_rig_accept(struct view_rig *rig, const char *stream,
                         const char *const *recipients);

/* The recipient was refused for now by source tx1, or is held, ...: written and told. */
void view_rig_settle(struct view_rig *rig, uint64_t id, uint16_t number,
                     enum change_state state, const char *text);

/* Turn the loop once, as core does. */
void view_rig_turn(struct view_rig *rig);

/* An answer to be filled by one call of a view function; then its document, which is the
 * caller's. The loop is turned until it is done. */
struct api_answer *view_rig_ask(struct view_rig *rig);
json_t *view_rig_read(struct view_rig *rig, struct api_answer *answer);

/* A list of the first group, as a document. */
typedef void (*view_rig_table_cb)(void *owner, struct api_answer *answer);
json_t *view_rig_table(struct view_rig *rig, view_rig_table_cb table);

/* The queue with this filter; NULL: all of it. */
json_t *view_rig_queue(struct view_rig *rig, const struct api_filter *filter);

/* The row of list `key` in which `name` is `value`; NULL when there is none. Borrowed. */
const json_t *view_rig_row(const json_t *document, const char *key, const char *name,
                           const char *value);
const char *view_rig_text(const json_t *row, const char *name);
int64_t view_rig_int(const json_t *row, const char *name);

#endif
