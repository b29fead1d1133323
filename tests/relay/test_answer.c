#include <string.h>

#include "relay/answer.h"
#include "relay/job.h"

#include "tests/support/core_rig.h"
#include "tests/support/test.h"

static struct core_rig rig;

/* What an answer of this origin makes of a recipient that had two attempts. */
static unsigned attempts_after(enum reply_origin origin)
{
    struct flow flow = {.source = ""};
    struct job *job = job_new(1);
    struct reply reply = {.origin = origin, .code = 450, .text = "later\a"};
    struct finding finding = {.class = FINDING_THROTTLE};
    struct answer answer = {.job = job,
                            .reply = &reply,
                            .finding = &finding,
                            .recipient = {.flow = &flow, .attempts = 2}};
    struct answer_texts texts;
    struct change change;
    answer_fill(&answer, &texts, &change);
    unsigned attempts = change.attempts;
    bool is_clean = strcmp(change.text, "later?") == 0;
    job_free(job);
    cr_assert(is_clean);
    return attempts;
}

/* Only an answer of the other side counts as an attempt: silence does not lengthen the
 * next wait. Control bytes of a reply never reach the disk. */
TEST(answer, silence_is_no_attempt)
{
    cr_assert_eq(attempts_after(REPLY_REMOTE), 3);
    cr_assert_eq(attempts_after(REPLY_MALFORMED), 3);
    cr_assert_eq(attempts_after(REPLY_NETWORK), 2);
    cr_assert_eq(attempts_after(REPLY_LOCAL), 2);
}

/* The envelope of a waiting message can be read back; that of one unknown cannot. */
TEST(answer, reads_the_envelope)
{
    struct core_rig_mail mail = {0};
    core_rig_open(&rig, "");
    uint64_t id = core_rig_accept(&rig, &mail);
    struct queue_message content = {0};
    const struct envelope *envelope =
        answer_read(rig.core, index_find(rig.core->index, id), &content);
    bool is_read = envelope != NULL && strcmp(envelope->sender, "sender@from.test") == 0;
    queue_message_free(&content);
    core_rig_close(&rig);
    cr_assert(is_read);
}
