#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/now.h"
#include "relay/view_parts.h"
#include "relay/view_words.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static struct view_path asked(struct view_rig *rig, const char *source)
{
    struct view_path path = {.core = rig->core,
                             .site = sites_find(&rig->core->sites, "gmail"),
                             .source = sources_find(&rig->core->sources, source)};
    view_path_ask(&path);
    return path;
}

/* A learnt rate says that it was learnt and from which reply; the configured connections
 * name their line or the default. */
TEST(view_words, learnt_and_configured)
{
    struct view_rig rig;
    struct view_words words;
    struct api_gate gate;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "transactional",
                          (const char *const[]){"a@gmail.test", NULL});
    struct view_path path = asked(&rig, "tx1");
    (void)snprintf(path.lane->cause, sizeof path.lane->cause, "421 slow down");
    view_path_gate(&path, GATE_RATE, &words, &gate);
    cr_assert_str_eq(gate.owner, "learnt");
    cr_assert_str_eq(gate.reply, "421 slow down");
    cr_assert_not_null(strstr(gate.limit, "/s"));
    view_path_gate(&path, GATE_CONNECTIONS, &words, &gate);
    cr_assert_str_eq(gate.value, "0");
    cr_assert_str_neq(gate.owner, "");
    view_rig_close(&rig);
}

/* Every gate of every state has texts that end, and a gate that holds has an owner. */
TEST(view_words, no_gate_without_words)
{
    struct view_rig rig;
    struct view_words words;
    struct api_gate gate;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    struct stop *stop = &sources_find(&rig.core->sources, "bulk1")->stop;
    stop_hold(stop, STOP_CAUSE_OPERATOR, STOP_REACH_ALL, "by hand", INT64_MAX,
              now_unix_ms());
    struct view_path path = asked(&rig, "bulk1");
    cr_assert_eq(path.holds, GATE_SOURCE_STOP);
    for (int at = 0; at < GATE_COUNT; at++) {
        view_path_gate(&path, (enum gate)at, &words, &gate);
        if (gate.state == API_GATE_CLOSED) {
            cr_assert_str_neq(gate.owner, "", "%s", gate.name);
            cr_assert_str_neq(words.sentence, "", "%s", gate.name);
        }
    }
    view_path_gate(&path, GATE_SOURCE_STOP, &words, &gate);
    cr_assert_str_eq(gate.owner, "operator");
    cr_assert_str_eq(gate.reply, "by hand");
    cr_assert_eq(gate.opens_unix_ms, 0, "until it is lifted");
    view_rig_close(&rig);
}

/* A long text is cut, not written past its end. */
TEST(view_words, long_texts_are_cut)
{
    struct view_words words;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    view_words_put(words.value, "%s", text);
    cr_assert_eq(strlen(words.value), VIEW_TEXT - 1);
}
