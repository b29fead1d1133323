#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/classify.h"

#include "relay/config.h"
#include "relay/config_notes.h"

#include "tools/mesura_command.h"

/* How replies are read here: whose rules, from which server, told in which form. */
struct reading {
    struct classify_rules rules;
    const char *provider;
    bool is_json;
    json_t *rows; /* owned; NULL without --json */
};

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

/* Bytes that are no UTF-8 are shown as '?'. */
static json_t *text_of(const char *bytes)
{
    json_t *text = json_string(bytes);
    char copy[REPLY_TEXT_BYTES];

    if (text == NULL) {
        size_t length = strlen(bytes);
        length = length < sizeof copy ? length : sizeof copy - 1;
        for (size_t i = 0; i < length; i++) {
            copy[i] = bytes[i];
            if (((unsigned char)bytes[i] & 0x80) != 0) {
                copy[i] = '?';
            }
        }
        copy[length] = '\0';
        text = json_string(copy);
    }
    return text;
}

static void tell(const struct reading *reading, const struct finding *finding,
                 const char *line)
{
    if (reading->is_json) {
        json_t *row = json_object();
        (void)json_object_set_new(row, "class",
                                  json_string(finding_class_name(finding->class)));
        (void)json_object_set_new(row, "list", text_of(finding->list));
        (void)json_object_set_new(row, "ip", text_of(finding->ip));
        (void)json_object_set_new(row, "scope",
                                  json_string(finding_scope_name(finding->scope)));
        (void)json_object_set_new(row, "rule", text_of(finding->rule));
        (void)json_object_set_new(row, "wait_s",
                                  json_integer(finding->wait_ns / 1000000000));
        (void)json_object_set_new(row, "reply", text_of(line));
        (void)json_array_append_new(reading->rows, row);
        return;
    }
    (void)printf("%s\t%s\t%s\t%s\t%s\n", finding_class_name(finding->class),
                 or_dash(finding->list), or_dash(finding->ip),
                 finding_scope_name(finding->scope), line);
}

static void classify_line(const struct reading *reading, const char *line)
{
    struct reply reply;
    struct finding finding = {.class = FINDING_PROTOCOL,
                              .scope = FINDING_SCOPE_LANE,
                              .rule = "no reply at all"};

    if (classify_parse_line(line, REPLY_STAGE_RCPT, &reply)) {
        classify_reply(&reply, reading->provider, &reading->rules, &finding);
    }
    tell(reading, &finding, line);
}

/* The configuration's rules; false after its errors on stderr. */
static bool rules_load(const char *path, const struct config **config,
                       struct classify_rules *rules)
{
    struct config_notes notes;
    int rc = 0;

    config_notes_init(&notes);
    rc = config_load(path, config, &notes);
    if (rc != 0) {
        config_notes_print(&notes, stderr);
    } else {
        rules->rules = (*config)->reply_rules;
        rules->count = (*config)->reply_count;
    }
    config_notes_clear(&notes);
    return rc == 0;
}

static void read_all(const struct reading *reading, FILE *input)
{
    char *line = NULL;
    size_t room = 0;

    while (getline(&line, &room, input) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0') {
            classify_line(reading, line);
        }
    }
    free(line);
}

enum mesura_exit mesura_classify_run(const struct mesura_args *args)
{
    bool is_file = args->name_count == 1 && strcmp(args->names[0], "-") != 0;
    const char *path = mesura_args_get(args, "config");
    const struct config *config = NULL;
    struct reading reading = {.provider = mesura_args_get(args, "provider"),
                              .is_json = args->is_json};

    if (path[0] != '\0' && !rules_load(path, &config, &reading.rules)) {
        return MESURA_NOTHING;
    }
    FILE *input = is_file ? fopen(args->names[0], "re") : stdin;
    if (input == NULL) {
        char why[128];
        (void)fprintf(stderr, "mesura: %s: %s\n", args->names[0],
                      strerror_r(errno, why, sizeof why));
        config_unref(config);
        return MESURA_NOTHING;
    }
    reading.rows = reading.is_json ? json_array() : NULL;
    read_all(&reading, input);
    if (reading.is_json) {
        json_t *document = json_object();
        (void)json_object_set_new(document, "replies", reading.rows);
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
        json_decref(document);
    }
    if (is_file) {
        (void)fclose(input);
    }
    config_unref(config);
    return MESURA_DONE;
}
