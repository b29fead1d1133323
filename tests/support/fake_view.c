#include "tests/support/fake_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/errmsg.h"

#include "relay/api_answer.h"

#define NOTE(FAKE, ...) (void)snprintf((FAKE)->asked, sizeof(FAKE)->asked, __VA_ARGS__)

static void finish(struct fake_view *fake, struct api_answer *answer)
{
    if (fake->is_slow) {
        fake->waiting = answer;
        return;
    }
    api_answer_done(answer, API_DONE, "");
}

static void fake_status(void *owner, struct api_answer *answer)
{
    const struct api_status status = {.hostname = "mail.example.com",
                                      .version = "1",
                                      .phase = "running",
                                      .queued = 7,
                                      .held = 2};

    (void)owner;
    api_answer_status(answer, &status);
}

static void fake_waits(void *owner, struct api_answer *answer)
{
    const struct api_wait wait = {
        .gate = "source stop", .subject = "source b1", .recipients = 5};

    (void)owner;
    api_answer_wait(answer, &wait);
}

static void fake_streams(void *owner, struct api_answer *answer)
{
    const struct api_stream stream = {.name = "bulk", .sources = "b1 b2", .walled = true};

    (void)owner;
    api_answer_stream(answer, &stream);
}

static void fake_sources(void *owner, struct api_answer *answer)
{
    const struct api_source source = {
        .name = "b1", .streams = "bulk", .rate_per_second = 1.5};

    (void)owner;
    api_answer_source(answer, &source);
}

static void fake_sites(void *owner, struct api_answer *answer)
{
    const struct api_site site = {.name = "google", .deferral_share = 0.25};

    (void)owner;
    api_answer_site(answer, &site);
}

static void fake_lanes(void *owner, struct api_answer *answer)
{
    const struct api_lane lane = {.source = "b1", .site = "google", .window = 3};

    (void)owner;
    api_answer_lane(answer, &lane);
}

static void fake_blocks(void *owner, struct api_answer *answer)
{
    const struct api_block block = {
        .source = "b1", .dnsbl = "bl.example", .since_unix_ms = 9};

    (void)owner;
    api_answer_block(answer, &block);
}

static void fake_freezes(void *owner, struct api_answer *answer)
{
    const struct api_freeze freeze = {.kind = "stream", .name = "bulk", .by = "operator"};

    (void)owner;
    api_answer_freeze(answer, &freeze);
}

static void fake_users(void *owner, struct api_answer *answer)
{
    const struct api_user user = {.name = "erp", .state = "active", .per_hour = 500};

    (void)owner;
    api_answer_file(answer, "/etc/mesura/users");
    api_answer_user(answer, &user);
}

static void fake_users_reload(void *owner, const char *by, struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "users reload by=%s", by);
    api_answer_done(answer, API_DONE, "done");
}

static void fake_users_expect(void *owner, const char *name, const char *volume,
                              const char *until, const char *by,
                              struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "users expect %s %s until=%s by=%s", name, volume, until, by);
    api_answer_done(answer, API_DONE, "done");
}

static void fake_submit(void *owner, const struct api_submission *submission,
                        struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "submit token=%s json=%d from=%s to=%s local=%d client=%s bytes=%zu",
         submission->token, submission->is_json, submission->from, submission->to,
         submission->is_local, submission->client, submission->length);
    free(submission->body);
    api_answer_id(answer, "ID9");
    api_answer_done(answer, API_DONE, "2.0.0 queued");
}

static void fake_warmups(void *owner, struct api_answer *answer)
{
    const struct api_warmup warmup = {.source = "b1", .day = 3, .cap = 200, .sent = 20};

    (void)owner;
    api_answer_warmup(answer, &warmup);
}

static void fake_metrics(void *owner, struct api_answer *answer)
{
    static const char text[] = "mesura_queued_recipients 7\n";

    (void)owner;
    api_answer_text(answer, text, sizeof text - 1);
}

static bool fake_healthy(void *owner, struct errmsg *out_why)
{
    const struct fake_view *fake = owner;

    if (fake->is_sick) {
        errmsg_set(out_why, "the disk is full");
    }
    return !fake->is_sick;
}

static void note_filter(const struct api_filter *f, char *out, size_t size)
{
    (void)snprintf(
        out, size,
        "id=%s domain=%s site=%s stream=%s source=%s sender=%s rcpt=%s user=%s "
        "client=%s job=%s subject=%s class=%s reply=%s state=%d older=%" PRId64
        " newer=%" PRId64,
        f->id, f->domain, f->site, f->stream, f->source, f->sender, f->recipient, f->user,
        f->client, f->job, f->subject, f->class_name, f->reply, (int)f->state,
        f->older_ms, f->newer_ms);
}

static void fake_queue(void *owner, const struct api_filter *filter,
                       const struct api_page *page, struct api_answer *answer)
{
    struct fake_view *fake = owner;
    char text[1500];
    const struct api_queue_row row = {.id = "ID1",
                                      .recipient = "a@x.test",
                                      .state = API_STATE_DEFERRED,
                                      .reply = "450 \xFFlater"};

    note_filter(filter, text, sizeof text);
    NOTE(fake, "queue %s limit=%u cursor=%s", text, page->limit, page->cursor);
    for (unsigned i = 0; i < fake->row_count; i++) {
        api_answer_recipient(answer, &row);
    }
    api_answer_more(answer, "next");
    finish(fake, answer);
}

static void fake_message(void *owner, const char *id, struct api_answer *answer)
{
    struct fake_view *fake = owner;
    const struct api_message message = {.id = id, .sender = "s@x.test"};
    const struct api_attempt attempt = {.recipient = "a@x.test", .reply = "450 later"};

    NOTE(fake, "message %s", id);
    if (strcmp(id, "none") == 0) {
        api_answer_done(answer, API_NOT_FOUND, "no message none");
        return;
    }
    api_answer_message(answer, &message);
    api_answer_attempt(answer, &attempt);
    finish(fake, answer);
}

static void fake_why(void *owner, const char *subject, struct api_answer *answer)
{
    struct fake_view *fake = owner;
    const struct api_why why = {.subject = subject, .holds = "rate"};
    const struct api_gate gate = {
        .name = "rate", .state = API_GATE_CLOSED, .limit = "1/s"};

    NOTE(fake, "why %s", subject);
    api_answer_why(answer, &why);
    api_answer_gate(answer, &gate);
    finish(fake, answer);
}

static void fake_summary(void *owner, int64_t newer_ms, struct api_answer *answer)
{
    struct fake_view *fake = owner;
    const struct api_summary_row row = {
        .group = "total", .what = "accepted", .name = "", .count = 7};

    NOTE(fake, "summary newer=%" PRId64, newer_ms);
    api_answer_summary(answer, &row);
    api_answer_done(answer, API_DONE, "");
}

static void fake_journal(void *owner, const struct api_journal_ask *ask,
                         struct api_answer *answer)
{
    struct fake_view *fake = owner;
    const struct api_journal_row row = {.unix_ms = 5, .actor = "learnt", .kind = "rate"};

    NOTE(fake, "journal newer=%" PRId64 " kind=%s subject=%s limit=%u", ask->newer_ms,
         ask->kind, ask->subject, ask->page.limit);
    api_answer_journal(answer, &row);
    finish(fake, answer);
}

static void fake_act(void *owner, const struct api_action *action,
                     struct api_answer *answer)
{
    static const char *const names[] = {"hold", "release", "retry", "bounce"};
    struct fake_view *fake = owner;
    char text[1500];

    note_filter(&action->filter, text, sizeof text);
    NOTE(fake, "%s %s why=%s by=%s", names[action->act], text, action->why, action->by);
    api_answer_count(answer, 3);
    finish(fake, answer);
}

static void fake_pack(void *owner, const struct api_pack_ask *ask,
                      struct api_answer *answer)
{
    static const char *const names[] = {"copy", "move", "purge"};
    struct fake_view *fake = owner;
    char text[1500];

    note_filter(&ask->filter, text, sizeof text);
    NOTE(fake, "%s %s dir=%s why=%s by=%s", names[ask->how], text, ask->dir, ask->why,
         ask->by);
    api_answer_count(answer, 3);
    finish(fake, answer);
}

static void fake_unpack(void *owner, const struct api_unpack_ask *ask,
                        struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "unpack %s again=%d by=%s", ask->dir, ask->again, ask->by);
    finish(fake, answer);
}

static void fake_freeze(void *owner, const struct api_freeze_ask *ask,
                        struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "freeze %s %s for=%" PRId64 " why=%s by=%s", ask->kind, ask->name,
         ask->for_ms, ask->why, ask->by);
    finish(fake, answer);
}

static void fake_thaw(void *owner, const struct api_freeze_ask *ask,
                      struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "thaw %s %s", ask->kind, ask->name);
    finish(fake, answer);
}

static void fake_plan(void *owner, const struct api_plan_ask *ask,
                      struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "plan %s total=%" PRIu64 " stream=%s", ask->mix, ask->total, ask->stream);
    api_answer_plan(answer, &(struct api_plan_row){.site = "gmail", .limit = "rate"});
    finish(fake, answer);
}

static void fake_warmup(void *owner, const struct api_warmup_ask *ask,
                        struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "warmup %s%s %s at=%s day=%u why=%s by=%s", ask->act,
         ask->force ? " by force" : "", ask->source, ask->site, ask->day, ask->why,
         ask->by);
    finish(fake, answer);
}

static void fake_blocks_clear(void *owner, const char *source, const char *site,
                              const char *by, struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "clear %s %s by=%s", source, site, by);
    finish(fake, answer);
}

static void fake_reload(void *owner, const char *by, struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "reload by=%s", by);
    api_answer_note(answer, "mesura.conf:3: a bad line");
    api_answer_done(answer, API_CONFLICT, "the file is bad; nothing changed");
}

static void fake_drain(void *owner, bool on, const char *by, struct api_answer *answer)
{
    struct fake_view *fake = owner;

    NOTE(fake, "drain %d by=%s", on, by);
    finish(fake, answer);
}

void fake_view_init(struct fake_view *fake)
{
    *fake = (struct fake_view){.row_count = 1,
                               .view = {.owner = fake,
                                        .status = fake_status,
                                        .waits = fake_waits,
                                        .streams = fake_streams,
                                        .sources = fake_sources,
                                        .sites = fake_sites,
                                        .lanes = fake_lanes,
                                        .blocks = fake_blocks,
                                        .freezes = fake_freezes,
                                        .warmups = fake_warmups,
                                        .submit = fake_submit,
                                        .users = fake_users,
                                        .users_reload = fake_users_reload,
                                        .users_expect = fake_users_expect,
                                        .metrics = fake_metrics,
                                        .healthy = fake_healthy,
                                        .queue = fake_queue,
                                        .message = fake_message,
                                        .why = fake_why,
                                        .journal = fake_journal,
                                        .summary = fake_summary,
                                        .act = fake_act,
                                        .pack = fake_pack,
                                        .unpack = fake_unpack,
                                        .freeze = fake_freeze,
                                        .warmup = fake_warmup,
                                        .plan = fake_plan,
                                        .thaw = fake_thaw,
                                        .blocks_clear = fake_blocks_clear,
                                        .reload = fake_reload,
                                        .drain = fake_drain}};
}
