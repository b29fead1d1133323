/* Scores policy/classify against a labelled table of replies: tab-separated, with a
 * header line, columns id, code, enhanced, text, label, dnsbl, ip ("-" for none).
 *
 *     classify_score [-v] FILE
 *
 * Prints the share of right classes, list names and addresses, and the time of one reply;
 * with -v every wrong one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "policy/classify.h"

#define COLUMNS    7
#define LINE_BYTES 8192

struct score {
    unsigned rows;
    unsigned classes;
    unsigned lists;
    unsigned ips;
    unsigned unknown;
    int64_t spent_ns;
};

/* Of this process alone: others may be busy. */
static int64_t spent_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Cut a line at its tabs; false when there are too few. */
static int cut(char *line, char *columns[COLUMNS])
{
    char *at = line;

    for (int i = 0; i < COLUMNS; i++) {
        columns[i] = at;
        at += strcspn(at, "\t\r\n");
        if (*at != '\t' && i < COLUMNS - 1) {
            return 0;
        }
        *at = '\0';
        at++;
    }
    return 1;
}

static void judge(char *columns[COLUMNS], int verbose, struct score *score)
{
    char line[LINE_BYTES];
    struct reply reply;
    struct finding finding;
    int bare = strcmp(columns[2], "-") == 0;

    (void)snprintf(line, sizeof(line), "%s %s%s%s", columns[1], bare ? "" : columns[2],
                   bare ? "" : " ", columns[3]);
    if (!classify_parse_line(line, REPLY_STAGE_RCPT, &reply)) {
        (void)fprintf(stderr, "%s: no reply: %s\n", columns[0], line);
        return;
    }
    int64_t begin_ns = spent_ns();
    classify_reply(&reply, "", NULL, &finding);
    score->spent_ns += spent_ns() - begin_ns;

    const char *list = finding.list[0] != '\0' ? finding.list : "-";
    const char *ip = finding.ip[0] != '\0' ? finding.ip : "-";
    int class_right = strcmp(finding_class_name(finding.class), columns[4]) == 0;
    int list_right = strcasecmp(list, columns[5]) == 0;
    int ip_right = strcmp(ip, columns[6]) == 0;
    score->rows++;
    score->classes += class_right ? 1 : 0;
    score->lists += list_right ? 1 : 0;
    score->ips += ip_right ? 1 : 0;
    score->unknown += (finding.flags & FINDING_UNKNOWN) != 0 ? 1 : 0;
    if (verbose && !class_right) {
        (void)printf("CLASS want %s, is %s by %s: %s\n", columns[4],
                     finding_class_name(finding.class), finding.rule, line);
    }
    if (verbose && !list_right) {
        (void)printf("LIST want %s, is %s: %s\n", columns[5], list, line);
    }
    if (verbose && !ip_right) {
        (void)printf("IP want %s, is %s: %s\n", columns[6], ip, line);
    }
}

int main(int argc, char **argv)
{
    int verbose = argc > 2 && strcmp(argv[1], "-v") == 0;
    const char *path = argc > 1 ? argv[argc - 1] : NULL;
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    struct score score = {0};
    char line[LINE_BYTES];
    char *columns[COLUMNS];

    if (file == NULL) {
        (void)fprintf(stderr, "usage: classify_score [-v] FILE\n");
        return 2;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (cut(line, columns) && strcmp(columns[0], "id") != 0) {
            judge(columns, verbose, &score);
        }
    }
    (void)fclose(file);
    if (score.rows == 0) {
        (void)fprintf(stderr, "%s: no rows\n", path);
        return 1;
    }
    (void)printf("rows %u  class %.2f %%  list %.2f %%  ip %.2f %%  by codes alone %u  "
                 "%.1f us a reply\n",
                 score.rows, 100.0 * score.classes / score.rows,
                 100.0 * score.lists / score.rows, 100.0 * score.ips / score.rows,
                 score.unknown, (double)score.spent_ns / 1000.0 / score.rows);
    return 0;
}
