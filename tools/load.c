/* mesura-load: an SMTP load generator that measures. This file reads the command line,
 * runs and reports. Exit status: 0 every message has a 250, 1 not, 2 usage. */

#include <sys/resource.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/grab.h"
#include "tools/load_crew.h"
#include "tools/load_plan.h"
#include "tools/load_tally.h"

static volatile int stop_asked;

static void on_stop(int number)
{
    (void)number;
    stop_asked = 1;
}

static void prepare_process(void)
{
    struct sigaction stop = {.sa_handler = on_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit files;

    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int run(const struct load_plan *plan)
{
    struct load_tally *tally = grab_zeroed(1, sizeof *tally);
    struct load_crew crew;
    struct errmsg err = {""};
    int status = 2;

    if (load_tally_open(tally, plan, &err) == 0 &&
        load_crew_init(&crew, plan, tally, &err) == 0) {
        bool ran = load_crew_run(&crew, &stop_asked) == 0;
        bool complete = ran && load_crew_complete(&crew);

        load_tally_report(tally, plan, complete, stdout);
        load_crew_done(&crew);
        status = complete ? 0 : 1;
    }
    if (err.text[0] != '\0') {
        (void)fprintf(stderr, "mesura-load: %s\n", err.text);
    }
    if (!load_tally_close(tally)) {
        (void)fprintf(stderr, "mesura-load: the ledger could not be written\n");
        status = 1;
    }
    free(tally);
    return status;
}

static void print_help(void)
{
    (void)printf("Usage: mesura-load [OPTIONS] [ADDRESS:PORT]\n\n"
                 "Sends messages over SMTP and measures the time to each 250.\n");
    setting_help(stdout, load_plan_options, "--");
}

int main(int argc, char **argv)
{
    struct load_plan *plan = grab_zeroed(1, sizeof *plan);
    struct errmsg err = {""};
    int status = 2;

    load_plan_init(plan);
    if (setting_arguments(load_plan_options, plan, argc, argv, &err) == 0) {
        if (plan->help) {
            print_help();
            status = 0;
        } else if (plan->version) {
            (void)printf("mesura-load %s\n", MESURA_VERSION);
            status = 0;
        } else if (load_plan_prepare(plan, &err) == 0) {
            prepare_process();
            status = run(plan);
        }
    }
    if (err.text[0] != '\0') {
        (void)fprintf(stderr, "mesura-load: %s\n", err.text);
    }
    load_plan_done(plan);
    free(plan);
    return status;
}
