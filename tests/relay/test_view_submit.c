#include <string.h>

#include "relay/users.h"
#include "relay/view_parts.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static enum api_result submit(struct view_rig *rig, const char *token, bool is_local)
{
    struct api_submission ask = {.token = token,
                                 .is_json = true,
                                 .from = "",
                                 .to = "",
                                 .is_local = is_local,
                                 .client = is_local ? "" : "192.0.2.7",
                                 .by = "test",
                                 .body = strdup("{}"),
                                 .length = 2};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->submit(rig->view->owner, &ask, answer);
    json_t *document = view_rig_read(rig, answer);
    json_decref(document);
    return rig->result;
}

/* Only a token of an enabled user opens the door, or the control socket itself; the rig
 * has no worker, so that who may hears that no mail is taken. */
TEST(view_submit, asks_for_a_token)
{
    struct view_rig rig;
    struct errmsg err;
    struct users_token token;
    char text[USERS_TOKEN_TEXT_BYTES];
    view_rig_open(&rig);
    users_make_token(text, &token);
    struct users_user user = {
        .name = "app", .priority_high = 9, .tokens = &token, .token_count = 1};
    cr_assert_eq(users_put(rig.core->users, &user, &err), 0);
    cr_assert_eq(submit(&rig, "", false), API_UNKNOWN);
    cr_assert_eq(submit(&rig, "mesura_wrong", false), API_UNKNOWN);
    cr_assert_eq(submit(&rig, "mesura_wrong", true), API_UNKNOWN);
    cr_assert_eq(submit(&rig, text, false), API_BUSY);
    cr_assert_eq(submit(&rig, "", true), API_BUSY);
    user.is_disabled = true;
    cr_assert_eq(users_put(rig.core->users, &user, &err), 0);
    cr_assert_eq(submit(&rig, text, false), API_DENIED);
    view_rig_close(&rig);
}
