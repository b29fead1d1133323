#include <stdio.h>
#include <string.h>

#include "relay/fingerprint.h"
#include "relay/storms.h"

#include "tests/support/test.h"

#define DAY (INT64_C(86400) * 1000)

static const char *ask(struct storms *storms, const char *user, const char *to,
                       uint64_t body, int64_t now_ms)
{
    return storms_reply(storms, user, fingerprint_text(to), body, now_ms);
}

TEST(storms, the_third_time_is_refused_with_the_reply)
{
    /* Same user, recipient and body, twice refused within a day; another of any of the
     * three, or a day later, is none of it. */
    struct storms *storms = storms_new();
    for (uint64_t id = 1; id <= 2; id++) {
        cr_assert_null(ask(storms, "erp", "kim@x.test", 7, 1000));
        storms_message(storms, id, "erp", 7);
        storms_refused(storms, id, "KIM@x.test", "550 5.7.1 no", 1000);
    }
    cr_assert_str_eq(ask(storms, "erp", "kim@x.test", 7, 2000), "550 5.7.1 no");
    cr_assert_null(ask(storms, "crm", "kim@x.test", 7, 2000));
    cr_assert_null(ask(storms, "erp", "lee@x.test", 7, 2000));
    cr_assert_null(ask(storms, "erp", "kim@x.test", 8, 2000));
    cr_assert_null(ask(storms, "erp", "kim@x.test", 7, 1001 + DAY));
    storms_refused(storms, 2, "kim@x.test", "550 5.7.1 no", 2000 + DAY);
    cr_assert_null(ask(storms, "erp", "kim@x.test", 7, 2000 + DAY), "counted anew");
    storms_refused(storms, 999, "kim@x.test", "of a message that is not known", 1);
    storms_free(storms);
}

TEST(storms, memory_is_bounded)
{
    /* A hundred thousand refusals: the newest are known, nothing grows. */
    struct storms *storms = storms_new();
    for (uint64_t id = 1; id <= 100000; id++) {
        char to[32];
        (void)snprintf(to, sizeof to, "r%lu@x.test", (unsigned long)(id / 2));
        storms_message(storms, id, "erp", 7);
        storms_refused(storms, id, to, "550 no", (int64_t)id);
    }
    cr_assert_not_null(ask(storms, "erp", "r49999@x.test", 7, 100000));
    storms_free(storms);
}
