/* What the files of view share: the view itself, and the helpers they lend each other.
 * Only view*.c include it. */

#ifndef RELAY_VIEW_PARTS_H
#define RELAY_VIEW_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/gate.h"

#include "queue/list.h"
#include "queue/queue.h"

#include "relay/agenda.h"
#include "relay/api_answer.h"
#include "relay/api_view.h"
#include "relay/config.h"
#include "relay/limits.h"
#include "relay/reader.h"
#include "relay/scheduler.h"
#include "relay/sources.h"

struct core;
struct dest;
struct lane;
struct ramp_entry;
struct site;
struct view;

/* ---- view_survey.c: recipients counted by where they are ---- */

struct view_sums {
    uint64_t ready;
    uint64_t deferred;
    uint64_t active;
    uint64_t held; /* and owed a bounce: in no heap */
};

/* Recipients of one site, stream and source; `is_shut` apart: their destination is not
 * open, or their user is frozen, so that no gate of the lane is asked. */
struct view_cell {
    struct site *site; /* NULL while the domain is not resolved */
    uint32_t stream;   /* index */
    uint32_t source;   /* place in core->sources, or CONFIG_NONE: any */
    bool is_shut;
    struct view_sums sums;
};

/* A domain that cannot be delivered to just now. */
struct view_down {
    char domain[ENVELOPE_DOMAIN + 1];
    char reply[CHANGE_TEXT + 1];
    int state; /* enum dest_state */
    uint64_t recipients;
    int64_t since_unix_ms;
    int64_t opens_unix_ms;
};

#define VIEW_DOWNS 32 /* the largest; the rest is one row */
#define VIEW_USERS 32 /* frozen users with mail */

struct view_user {
    char name[ENVELOPE_USER + 1];
    uint64_t recipients;
};

struct view_survey {
    const void *config; /* the snapshot it was made under; only compared */
    int64_t made_ns;
    int64_t cost_ns;
    struct view_cell *cells; /* owned; by site, stream, source */
    size_t cell_count;
    size_t cell_room;
    uint32_t *slots; /* owned; while counting: hash -> cell + 1 */
    size_t slot_count;
    struct view_sums streams[64];
    struct view_sums *sources; /* owned; as core->sources: bound to it */
    uint32_t source_count;
    struct view_down downs[VIEW_DOWNS];
    unsigned down_count;
    uint64_t other_downs;           /* domains beyond those */
    uint64_t other_down_recipients; /* behind them */
    struct view_user users[VIEW_USERS];
    unsigned user_count;
};

/* One walk over all flows; the last one again when that is young enough: it never takes
 * more than a hundredth of core's time. Good until it is asked for again. */
const struct view_survey *view_survey(struct view *view);
void view_survey_done(struct view_survey *survey);

/* The cells of a site: a range of survey->cells. */
const struct view_cell *view_survey_site(const struct view_survey *survey,
                                         const struct site *site, size_t *out_count);

/* Ready recipients that this source may take at the site (NULL: at all of them), as the
 * survey that was asked for last has it. */
uint64_t view_survey_ready(struct view *view, const struct source *source,
                           const struct site *site);

/* Is the source one of the stream's? */
bool view_may_carry(const struct core *core, uint32_t stream,
                    const struct source *source);

/* When the oldest message was accepted: of a stream, or of all (CONFIG_NONE); 0 when not
 * known. Found by walking messages, some at each call: exact while the queue is small,
 * else as of the last full round. */
struct view_ages {
    uint32_t cursor;
    uint64_t seen[65]; /* id: the least of this round; [64] of all */
    uint64_t best[65]; /* of the last full round */
};
int64_t view_oldest(struct view *view, uint32_t stream);
void view_ages_walk(struct view *view);

/* ---- view_gates.c: one path and what stands in it ---- */

struct view_path {
    struct core *core;
    uint32_t stream; /* index */
    struct source *source;
    struct site *site;                      /* NULL while the domain is not resolved */
    struct lane *lane;                      /* NULL as well then */
    const struct dest *dest;                /* NULL: not asked */
    const char *user;                       /* "" none */
    const struct message_view *message;     /* NULL: not of one message */
    const struct recipient_view *recipient; /* NULL as well then */
    const struct change *last;              /* its last change, or NULL */
    const char *reply;                      /* the last it had; NULL or "" none */
    struct scheduler_gates gates;
    struct gate_block blocks[3]; /* hold, freeze of the user, destination */
    struct gate_answer answers[GATE_COUNT];
    enum gate holds; /* the first that is shut; GATE_COUNT: none */
};

/* Ask all gates of the path whose first fields are filled in. */
void view_path_ask(struct view_path *path);

#define VIEW_TEXT 320

struct view_words {
    char value[VIEW_TEXT];
    char limit[VIEW_TEXT];
    char owner[VIEW_TEXT];
    char reply[CHANGE_TEXT + 64];
    char sentence[2 * VIEW_TEXT + CHANGE_TEXT];
};

/* One gate in words; out_gate's texts lie in words. */
void view_path_gate(const struct view_path *path, enum gate gate,
                    struct view_words *words, struct api_gate *out_gate);

/* Of all sources that may carry (stream, bound or any) to the site: the path that is
 * open, or opens first. False when there is no source. */
bool view_path_best(struct view_path *path, uint32_t bound);

/* The ramps a lane counts in that still limit it: 0, 1 or 2, in the gates' order. */
unsigned view_ramps_of(struct core *core, const struct lane *lane,
                       struct ramp_entry *out[2]);

/* The pause or throttle of a lane in a word and a sentence. */
const char *view_lane_phase(const struct lane *lane, int64_t now_ns);

/* A monotonic time for a screen: 0 for "not known". */
int64_t view_unix_ms(int64_t mono_ns);

/* Index of a stream by name: the default's when the name is gone from the file. */
uint32_t view_stream(const struct core *core, const char *name);

/* ---- view_walk.c: the queue, recipient by recipient, a slice at a time ---- */

/* What is known of the recipient at hand. Row's texts live for the call. */
struct view_match {
    uint32_t message;   /* handle */
    uint32_t recipient; /* handle */
    struct message_view message_view;
    struct recipient_view view;
    const struct envelope *envelope; /* NULL when its record cannot be read */
    const struct change *last;       /* NULL when it has none, or not asked for */
    struct api_queue_row row;
    char domain[LIMIT_DOMAIN + 1]; /* what row.domain points to */
};

enum view_step {
    VIEW_GO,    /* the next one */
    VIEW_PAUSE, /* the next one when view_walk_go is called */
    VIEW_END,   /* no more: the cursor names this one */
};

struct view_walk;

/* Each recipient that matches; and when there are no more. */
typedef enum view_step (*view_match_cb)(struct view_walk *walk,
                                        const struct view_match *match);
typedef void (*view_walked_cb)(struct view_walk *walk);

#define VIEW_FILTER_BYTES 8192 /* all texts of a filter; the API takes no more */
#define VIEW_CURSOR_BYTES 64

/* Set view, answer, filter, cursor, the two callbacks; the rest is the walk's. Embedded
 * first in what the asker allocates; his to free in done_cb (or stop_cb). */
struct view_walk {
    struct list_node node; /* in view->walks */
    struct view *view;
    struct api_answer *answer;
    view_match_cb match_cb;
    view_walked_cb done_cb;
    bool wants_ended; /* recipients that have ended, too */
    bool wants_last;  /* every match comes with its last change */

    struct api_filter filter; /* owned texts, in texts */
    char *texts;              /* owned */
    struct api_filter early;  /* the part the index can answer */
    struct agenda_item item;
    struct reader_ask read;
    struct queue_pin pin;
    struct queue_message content;
    int64_t sites_until_ns; /* waits for domains to be resolved; 0: not */
    bool has_content;       /* of the message at hand */
    bool is_unreadable;     /* it cannot be read */
    bool is_reading;        /* the reader has it */
    bool is_single;         /* of one message: its id is given */
    bool is_begun;
    bool is_paused;
    bool is_over;
    uint32_t cursor;  /* index_each's, before the message at hand ... */
    uint32_t after;   /* ... and after it; 0: it is the last */
    uint32_t message; /* at hand; 0 none */
    uint64_t id;      /* of it */
    uint16_t number;  /* of the recipient at hand */
    uint64_t from_id; /* of the cursor: this message begins ... */
    uint16_t from;    /* ... with this recipient */
};

/* Begin. False when cursor is none of ours: nothing was begun. Callbacks come later or at
 * once. */
bool view_walk_start(struct view_walk *walk, const struct api_filter *filter,
                     const char *cursor);
/* Keep a filter's texts in walk->texts, before the walk begins; view_walk_start takes its
 * own copy, so that these are then the caller's to free. */
void view_filter_copy(struct view_walk *walk, const struct api_filter *filter);
/* view.c: a filter by site waits so long for domains whose site is not known yet. True:
 * suspended, the walk's agenda item looks again. */
#define VIEW_SITES_NS (10 * NOW_NS_PER_S)
bool view_waits_for_sites(struct view_walk *walk);
/* After VIEW_PAUSE: go on, in this or a later turn. */
void view_walk_go(struct view_walk *walk);
/* Where the walk stands: for api_answer_more. */
void view_walk_cursor(const struct view_walk *walk, char out[VIEW_CURSOR_BYTES]);
/* Free what the walk holds; the memory around it is the asker's. */
void view_walk_done(struct view_walk *walk);

/* Read the last change of a recipient. False when it has none or it cannot be read; else
 * texts lie in *out_block, for free(). */
bool view_read_change(struct core *core, const struct place *place, uint64_t id,
                      uint16_t number, struct change *out_change, uint8_t **out_block);

/* "451 4.7.1 text" of a change. Returns out. */
char *view_change_reply(const struct change *change, char out[CHANGE_TEXT + 32]);

/* ---- the answers, by file ---- */

/* view.c */
struct view {
    struct api_view table;
    struct core *core;
    struct view_survey survey;
    struct view_ages ages;
    struct list walks; /* struct view_walk */
    unsigned tickets;  /* asks that are at the store or a worker */
    unsigned turn;     /* which worker gets the next message */
    bool is_stopping;
};

/* A text of an ask that is kept; aborts without memory. */
char *view_copy(const char *text);

/* view_waits.c */
void view_waits(void *owner, struct api_answer *answer);

/* view_lists.c */
void view_streams(void *owner, struct api_answer *answer);
void view_sources(void *owner, struct api_answer *answer);
void view_freezes(void *owner, struct api_answer *answer);
void view_warmups(void *owner, struct api_answer *answer);
void view_blocks(void *owner, struct api_answer *answer);

/* view_submit.c */
void view_submit(void *owner, const struct api_submission *ask,
                 struct api_answer *answer);

/* view_users.c */
void view_users(void *owner, struct api_answer *answer);
void view_users_expect(void *owner, const char *name, const char *volume,
                       const char *until, const char *by, struct api_answer *answer);
void view_users_reload(void *owner, const char *by, struct api_answer *answer);

/* view_sites.c */
void view_sites(void *owner, struct api_answer *answer);
void view_lanes(void *owner, struct api_answer *answer);

/* view_metrics.c */
void view_metrics(void *owner, struct api_answer *answer);

/* view_queue.c */
void view_queue(void *owner, const struct api_filter *filter, const struct api_page *page,
                struct api_answer *answer);
void view_message(void *owner, const char *id, struct api_answer *answer);

/* view_why.c */
void view_why(void *owner, const char *subject, struct api_answer *answer);

/* view_journal.c */
void view_journal(void *owner, const struct api_journal_ask *journal,
                  struct api_answer *answer);

/* view_summary.c */
void view_summary(void *owner, int64_t newer_ms, struct api_answer *answer);

/* view_act.c */
void view_act(void *owner, const struct api_action *action, struct api_answer *answer);

/* view_pack.c, view_unpack.c */
void view_pack(void *owner, const struct api_pack_ask *wish, struct api_answer *answer);
void view_unpack(void *owner, const struct api_unpack_ask *wish,
                 struct api_answer *answer);

/* view_change.c */
void view_freeze(void *owner, const struct api_freeze_ask *ask,
                 struct api_answer *answer);
void view_thaw(void *owner, const struct api_freeze_ask *ask, struct api_answer *answer);
void view_plan(void *owner, const struct api_plan_ask *ask, struct api_answer *answer);
void view_warmup(void *owner, const struct api_warmup_ask *ask,
                 struct api_answer *answer);
void view_blocks_clear(void *owner, const char *source, const char *site, const char *by,
                       struct api_answer *answer);
void view_reload(void *owner, const char *by, struct api_answer *answer);
void view_drain(void *owner, bool on, const char *by, struct api_answer *answer);

#endif
