#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

/* Every sample's name begins with mesura_, follows its type, and ends in a number; names
 * are told once. */
TEST(view_metrics, is_prometheus_text)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@gmail.test", NULL});
    json_t *document = view_rig_table(&rig, rig.view->metrics);
    char *text = strdup(json_string_value(document));
    char *rest = text;
    char type[128] = "";
    unsigned samples = 0;
    cr_assert_not_null(strstr(text, "\nmesura_queue_recipients{state=\"ready\"} 1\n"));
    cr_assert_not_null(strstr(text, "stream_queued_recipients{stream=\"bulk\"} 1\n"));
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        char told[sizeof type];
        if (sscanf(line, "# TYPE %127s", told) == 1) {
            cr_assert_str_neq(told, type);
            (void)snprintf(type, sizeof type, "%s", told);
        } else if (line[0] != '#' && line[0] != '\0') {
            char *end = NULL;
            cr_assert_eq(strncmp(line, "mesura_", 7), 0);
            cr_assert_eq(strncmp(line, type, strlen(type)), 0, "%s under %s", line, type);
            (void)strtod(strrchr(line, ' ') + 1, &end);
            cr_assert_eq(*end, '\0', "%s", line);
            samples++;
        }
    }
    cr_assert_gt(samples, 30);
    free(text);
    json_decref(document);
    view_rig_close(&rig);
}
