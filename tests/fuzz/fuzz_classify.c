/* A reply's bytes, and which provider sent it: nothing may crash, and what comes out is a
 * value in range with terminated texts. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"
#include "policy/stop.h"
#include "policy/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply reply;
    struct finding finding;
    char line[4096];
    size_t length = size < sizeof(line) - 1 ? size : sizeof(line) - 1;

    memcpy(line, data, length);
    line[length] = '\0';
    enum reply_stage stage =
        (enum reply_stage)(length > 0 ? data[length - 1] % (REPLY_STAGE_QUIT + 1) : 0);
    if (!classify_parse_line(line, stage, &reply)) {
        return 0;
    }
    classify_reply(&reply, "mx1.google.com", NULL, &finding);
    check(finding.class < FINDING_CLASSES && finding.scope < FINDING_SCOPES);
    check(memchr(finding.list, '\0', sizeof(finding.list)) != NULL);
    check(memchr(finding.ip, '\0', sizeof(finding.ip)) != NULL);
    check(finding.rule != NULL && finding.wait_ns >= 0);
    struct verdict verdict = verdict_of(&reply, &finding);
    check((verdict.message == VERDICT_DONE) == (finding.class == FINDING_NONE));
    check(verdict.source != VERDICT_SOURCE_FREEZE || finding.class == FINDING_IP_LISTED);
    struct stop stop = {0};
    struct stop_hit hit = {.list = finding.list,
                           .kind = stop_list_kind(finding.list, 0),
                           .ip = finding.ip,
                           .site = "",
                           .why = reply.text};
    (void)stop_freeze(&stop, &hit, 1);
    check(stop_list_zone(finding.list) != NULL);
    return 0;
}
