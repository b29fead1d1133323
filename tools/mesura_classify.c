#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

#include "tools/mesura_command.h"

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

static void classify_line(const char *line)
{
    struct reply reply;
    struct finding finding;

    if (!classify_parse_line(line, REPLY_STAGE_RCPT, &reply)) {
        (void)printf("protocol\t-\t-\t%s\t%s\n", finding_scope_name(FINDING_SCOPE_LANE),
                     line);
        return;
    }
    classify_reply(&reply, "", NULL, &finding);
    (void)printf("%s\t%s\t%s\t%s\t%s\n", finding_class_name(finding.class),
                 or_dash(finding.list), or_dash(finding.ip),
                 finding_scope_name(finding.scope), line);
}

enum mesura_exit mesura_classify_run(const struct mesura_args *args)
{
    bool is_file = args->name_count == 1 && strcmp(args->names[0], "-") != 0;
    FILE *input = is_file ? fopen(args->names[0], "re") : stdin;
    char *line = NULL;
    size_t room = 0;

    if (input == NULL) {
        char why[128];
        (void)fprintf(stderr, "mesura: %s: %s\n", args->names[0],
                      strerror_r(errno, why, sizeof why));
        return MESURA_NOTHING;
    }
    while (getline(&line, &room, input) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0') {
            classify_line(line);
        }
    }
    free(line);
    if (is_file) {
        (void)fclose(input);
    }
    return MESURA_DONE;
}
