#include <stdio.h>

#include "tools/mesura_command.h"
#include "tools/mesura_http.h"
#include "tools/mesura_text.h"

static void print_rows(const json_t *rows)
{
    struct mesura_text_table *table =
        mesura_text_table_new(">DAY|SITE|>LEAVES|>EXPIRES|>LEFT|LIMITED BY");
    size_t index = 0;
    json_t *row = NULL;

    json_array_foreach(rows, index, row)
    {
        char day[64];
        char leaves[64];
        char expires[64];
        char left[64];
        mesura_text_table_row(
            table, (const char *const[]){
                       mesura_text_count(mesura_text_int(row, "day") + 1, day),
                       mesura_text_get(row, "site"),
                       mesura_text_count(mesura_text_int(row, "leaves"), leaves),
                       mesura_text_count(mesura_text_int(row, "expires"), expires),
                       mesura_text_count(mesura_text_int(row, "left"), left),
                       mesura_text_get(row, "limit")});
    }
    mesura_text_table_print(table, "nothing to send");
}

enum mesura_exit mesura_plan_run(const struct mesura_args *args)
{
    json_t *document = NULL;
    json_t *params = json_object();

    if (mesura_args_get(args, "mix")[0] == '\0' ||
        mesura_args_get(args, "total")[0] == '\0') {
        (void)fprintf(stderr, "mesura: plan needs --mix and --total\n");
        json_decref(params);
        return MESURA_USAGE;
    }
    for (unsigned i = 0; i < args->option_count; i++) {
        (void)json_object_set_new(params, args->options[i].name,
                                  json_string(args->options[i].value));
    }
    enum mesura_exit result = mesura_http_get(args, "/v1/plan", params, &document);
    json_decref(params);
    if (document == NULL) {
        return result;
    }
    if (args->is_json) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2));
        (void)putchar('\n');
    } else if (result == MESURA_DONE) {
        print_rows(json_object_get(document, "plan"));
        mesura_text_line("%s", mesura_text_get(document, "text"));
    }
    json_decref(document);
    return result;
}
