/* The operator's command. It asks the daemon over its control socket and knows nothing
 * that cannot be asked there; `classify` alone needs no daemon. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/mesura_args.h"
#include "tools/mesura_command.h"
#include "tools/mesura_sendmail.h"
#include "tools/mesura_user.h"

#define SELECTORS                                                                   \
    "id domain site stream source sender rcpt user client job subject state class " \
    "reply older newer"
#define SELECTOR_HELP                                                                 \
    "Selectors (all that are given must match; '*' matches any run of characters):\n" \
    "  --id ID  --domain D  --site S  --stream S  --source S  --sender A  --rcpt A\n" \
    "  --user U  --client C  --job J  --subject T  --class C  --reply T\n"            \
    "  --state ready|deferred|active|held  --older 2h  --newer 10m\n"

#define RIGHTS_HELP                                                                    \
    "  --streams a,b        may use these, the first without asking\n"                 \
    "  --from D,*.D,A       MAIL FROM and From: domains, those below one, addresses\n" \
    "  --networks CIDR,...  may come from these alone\n"                               \
    "  --per-minute N  --per-hour N  --per-day N   recipients, by the clock (UTC)\n"   \
    "  --max-message 25M    --priority LOW-HIGH (0-9, 9 first)\n"                      \
    "\"any\" takes a right's restriction off, 0 a limit.\n"
#define USERS_HELP \
    "The file is --users FILE, else $MESURA_USERS, else what the daemon reads.\n"
#define PASSWORD_HELP                                                           \
    "The password is asked for on the terminal, else it is the first line of\n" \
    "standard input or of --password-file.\n"

struct command {
    const char *name;
    const char *part; /* the second word, NULL when there is none */
    const char *usage;
    const char *summary;
    const char *help;
    const char *options;
    const char *flags;
    unsigned names_min;
    unsigned names_max;
    enum mesura_exit (*run)(const struct mesura_args *args);
};

static const struct command commands[] = {
    {"status", NULL, "status", "what moves, what waits and why, in one screen",
     "Streams, sources and sites with their state, what is stopped, what is warming "
     "up.\n",
     "", "", 0, 0, mesura_status_run},
    {"top", NULL, "top", "status, live", "Every two seconds, until interrupted.\n", "",
     "", 0, 0, mesura_status_top},
    {"queue", "show", "queue show ID", "one message with every attempt and exact reply",
     "", "", "", 1, 1, mesura_queue_show},
    {"queue", "hold", "queue hold SELECTORS", "hold recipients until they are released",
     SELECTOR_HELP "  --all for everything; --why TEXT is kept in the journal\n",
     SELECTORS " why", "all", 0, 0, mesura_queue_hold},
    {"queue", "release", "queue release SELECTORS", "release held recipients",
     SELECTOR_HELP "  --all for everything; --why TEXT is kept in the journal\n",
     SELECTORS " why", "all", 0, 0, mesura_queue_release},
    {"queue", "retry", "queue retry SELECTORS", "make recipients due now",
     SELECTOR_HELP "  --all for everything; a stop or a freeze still holds\n",
     SELECTORS " why", "all", 0, 0, mesura_queue_retry},
    {"queue", "bounce", "queue bounce SELECTORS", "return recipients to their senders",
     SELECTOR_HELP "  --all for everything; --why TEXT goes into the notification\n",
     SELECTORS " why", "all", 0, 0, mesura_queue_bounce},
    {"queue", "purge", "queue purge SELECTORS",
     "remove recipients for good; says where their export is",
     SELECTOR_HELP "  --all for everything; --why TEXT is kept in the journal\n"
                   "What is removed is first exported, to a directory of its own under "
                   "the spool.\n"
                   "Nobody is notified: queue bounce does that.\n",
     SELECTORS " why", "all", 0, 0, mesura_move_purge},
    {"queue", "export", "queue export SELECTORS [--to DIR]",
     "copy messages to files; they stay queued",
     SELECTOR_HELP "  --all for everything; --to DIR, else a directory under the spool\n"
                   "Each message is ID.eml and ID.json.\n",
     SELECTORS " why to", "all", 0, 0, mesura_move_copy},
    {"queue", NULL, "queue [SELECTORS]",
     "the recipients in the queue, each with its reason", SELECTOR_HELP, SELECTORS, "", 0,
     0, mesura_queue_list},
    {"why", NULL, "why ID|ADDRESS|DOMAIN|SITE", "the gates in order, and which one holds",
     "Each gate with its value against its limit, who set it, since when, the reply "
     "that\n"
     "caused it, and when it opens.\n",
     "", "", 1, 1, mesura_why_run},
    {"freeze", NULL, "freeze stream|source|site|user NAME [--for D] [--why TEXT]",
     "stop one until it is thawed", "A freeze survives a restart of the daemon.\n",
     "for why", "", 2, 2, mesura_change_freeze},
    {"thaw", NULL, "thaw stream|source|site|user NAME [--why TEXT]", "end a freeze", "",
     "why", "", 2, 2, mesura_change_thaw},
    {"blocks", "clear", "blocks clear SOURCE [SITE]", "lift a stop now",
     "First fix what caused it: a source that is still listed will be stopped again.\n",
     "", "", 1, 2, mesura_change_blocks_clear},
    {"blocks", NULL, "blocks", "what is stopped, by which reply, and what ends it", "",
     "", "", 0, 0, mesura_list_blocks},
    {"streams", NULL, "streams", "the streams", "", "", "", 0, 0, mesura_list_streams},
    {"sources", NULL, "sources", "the source addresses", "", "", "", 0, 0,
     mesura_list_sources},
    {"sites", NULL, "sites", "the receivers: limits set, rate now, deferral share", "",
     "", "", 0, 0, mesura_list_sites},
    {"lanes", NULL, "lanes", "each source to each site: limits set and learnt", "", "",
     "", 0, 0, mesura_list_lanes},
    {"plan", NULL, "plan --mix DOMAIN=SHARE,... --total N [--stream S]",
     "when such a campaign would be done, day by day and site by site",
     "Runs today's queue of the stream and the campaign over what holds now: warm-ups "
     "(clean\n"
     "days advance them), learnt and set rates, windows, lifetimes. It supposes that\n"
     "receivers go on as they are.\n",
     "mix total stream", "", 0, 0, mesura_plan_run},
    {"warmup", "start", "warmup start SOURCE [--site S] [--force] [--why TEXT]",
     "begin a ramp again with its first day",
     "What was sent today stays sent: no act gives an allowance twice. Without --site "
     "all\n"
     "ramps of the source. Its checks (PTR, HELO, SPF, block lists) come first, where\n"
     "preflight asks for them; --force with --why starts whatever they say.\n",
     "site why", "force", 1, 1, mesura_change_warmup_start},
    {"warmup", "pause", "warmup pause SOURCE [--site S] [--why TEXT]",
     "no step forward until resumed; trouble still goes back", "", "site why", "", 1, 1,
     mesura_change_warmup_pause},
    {"warmup", "resume", "warmup resume SOURCE [--site S] [--why TEXT]",
     "let a ramp advance again", "", "site why", "", 1, 1, mesura_change_warmup_resume},
    {"warmup", "set", "warmup set SOURCE --day N [--site S] [--why TEXT]",
     "put a ramp on a day of its curve", "Beyond the last day it is done.\n",
     "site why day", "", 1, 1, mesura_change_warmup_set},
    {"warmup", NULL, "warmup [SOURCE]", "each ramp: day, cap, sent, evidence", "", "", "",
     0, 1, mesura_list_warmup},
    {"journal", NULL, "journal [--since D] [--kind K] [--subject TEXT] [--limit N]",
     "every change of a limit or a state, newest first", "", "since kind subject limit",
     "", 0, 0, mesura_list_journal},
    {"summary", NULL, "summary [--since D]",
     "volumes, top senders, users and sites, replies by class",
     "The last 24 hours, or --since 7d; whole hours, up to 35 days back. Ends with the\n"
     "replies that nobody understood, the most frequent first: write rules for those.\n",
     "since", "", 0, 0, mesura_summary_run},
    {"user", "add", "user add NAME [RIGHTS] [--no-password]", "a user that may submit",
     RIGHTS_HELP PASSWORD_HELP USERS_HELP, MESURA_USER_RIGHTS " users password-file",
     "no-password", 1, 1, mesura_user_add},
    {"user", "set", "user set NAME RIGHTS", "change what a user may do",
     RIGHTS_HELP USERS_HELP, MESURA_USER_RIGHTS " users", "", 1, 1, mesura_user_set},
    {"user", "passwd", "user passwd NAME", "another password; open sessions end",
     PASSWORD_HELP USERS_HELP, "users password-file", "", 1, 1, mesura_user_passwd},
    {"user", "token", "user token NAME [--revoke]", "a token for POST /v1/messages",
     "It is shown once; the file keeps a hash. --revoke voids every token of the "
     "user.\n" USERS_HELP,
     "users", "revoke", 1, 1, mesura_user_token},
    {"user", "del", "user del NAME", "remove a user; open sessions end", USERS_HELP,
     "users", "", 1, 1, mesura_user_del},
    {"user", "disable", "user disable NAME", "end its sessions, refuse its logins",
     "What it has sent and is queued stays: see mesura queue --user NAME.\n" USERS_HELP,
     "users", "", 1, 1, mesura_user_disable},
    {"user", "enable", "user enable NAME", "let a disabled user in again", USERS_HELP,
     "users", "", 1, 1, mesura_user_enable},
    {"user", "expect", "user expect NAME --volume N --until T",
     "announce a campaign: so many recipients are nothing odd",
     "T is 24h, 3d, 2026-12-24 or 2026-12-24T18:00 (local time). Asks the daemon.\n",
     "volume until", "", 1, 1, mesura_user_expect},
    {"user", "list", "user list", "the users and their rights", USERS_HELP, "users", "",
     0, 0, mesura_user_list},
    {"sendmail", NULL,
     "sendmail [-t] [-i] [-f ADDR] [-F NAME] [-bs] [-N W] [-R W] ADDR...",
     "hand in one message from standard input, as /usr/sbin/sendmail",
     "-t takes recipients from To, Cc and Bcc; a lone dot ends the message unless -i;\n"
     "-bs speaks SMTP. It goes to the first plain loopback listener of\n"
     "/etc/mesura/mesura.conf ($MESURA_CONFIG), or $MESURA_SERVER; when none answers, "
     "to\n"
     "the directory `drop` ($MESURA_DROP), from which the daemon takes it at its "
     "start.\n",
     "", "", 0, 0, NULL},
    {"reload", NULL, "reload", "apply the configuration file",
     "A bad file changes nothing; every error is printed. What cannot change while the\n"
     "daemon runs is said.\n",
     "", "", 0, 0, mesura_change_reload},
    {"drain", NULL, "drain [--wait] [--off]", "stop accepting and empty the queue",
     "--wait returns when the queue is empty; --off accepts mail again.\n", "",
     "wait off", 0, 0, mesura_change_drain},
    {"export", NULL, "export DIR [--keep] [--why TEXT]",
     "move the whole queue into a directory",
     "Each message is ID.eml and ID.json; manifest.json says that all are there. The\n"
     "messages leave the queue when they are durable in DIR: mesura import DIR on "
     "another\n"
     "relay takes them, with their ids. --keep copies them only. Those in a "
     "conversation\n"
     "stay; drain or freeze first, and do it again. The daemon writes: DIR must be a "
     "place\n"
     "where it may.\n",
     "why", "keep", 1, 1, mesura_move_export},
    {"import", NULL, "import DIR [--again]", "queue what another relay has exported",
     "Half of an export is refused whole; a message that is queued here, or was "
     "imported\n"
     "before, is refused and named (exit status 1). --again takes the latter, and an\n"
     "export that was cut off.\n",
     "", "again", 1, 1, mesura_move_import},
    {"classify", NULL, "classify [--config FILE] [--provider MX] [FILE]",
     "what remote replies mean; needs no daemon",
     "One reply a line in (\"554 5.7.1 ...\"), from FILE or standard input; out comes\n"
     "LABEL<TAB>DNSBL<TAB>IP<TAB>SCOPE<TAB>reply, with - for what the reply does not "
     "say.\n"
     "--config asks the rules of that configuration before the built-in ones; "
     "--provider\n"
     "is the MX or site name that the replies came from. --json also names the rule.\n",
     "config provider", "", 0, 1, mesura_classify_run},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_usage(FILE *out)
{
    (void)fprintf(out, "usage: mesura COMMAND [--json] [--socket PATH] ...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-52s %s\n", commands[i].usage, commands[i].summary);
    }
    (void)fprintf(out,
                  "  %-52s %s\n\n"
                  "--json prints one JSON document. --socket, else $MESURA_SOCKET, else\n"
                  "/run/mesura/control.sock is where the daemon is asked.\n"
                  "Exit status: 0 done, 1 nothing matched or the check failed, 2 usage,\n"
                  "69 the daemon is not reachable, 77 not allowed.\n",
                  "help [COMMAND]", "this, or more about one");
}

static enum mesura_exit print_help(const char *name)
{
    bool is_known = false;

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            (void)printf("%smesura %s\n  %s\n%s", is_known ? "\n" : "", commands[i].usage,
                         commands[i].summary, commands[i].help);
            is_known = true;
        }
    }
    if (!is_known) {
        (void)fprintf(stderr, "mesura: no command '%s'; mesura help lists them\n", name);
        return MESURA_USAGE;
    }
    return MESURA_DONE;
}

/* The command of these words, the two-word one before the one-word one. */
static const struct command *find_command(int count, char **words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->name, words[0]) != 0) {
            continue;
        }
        if (command->part == NULL ||
            (count > 1 && strcmp(command->part, words[1]) == 0)) {
            return command;
        }
    }
    return NULL;
}

static enum mesura_exit run_command(const struct command *command, int count,
                                    char **words)
{
    struct mesura_args args;

    if (command->run == NULL) {
        return (enum mesura_exit)mesura_sendmail(count, words); /* its own options */
    }
    if (!mesura_args_parse(&args, command->options, command->flags, count, words)) {
        (void)fprintf(stderr, "usage: mesura %s\n", command->usage);
        return MESURA_USAGE;
    }
    if (args.is_help) {
        return print_help(command->name);
    }
    if (args.name_count < command->names_min || args.name_count > command->names_max) {
        (void)fprintf(stderr, "usage: mesura %s\n", command->usage);
        return MESURA_USAGE;
    }
    return command->run(&args);
}

/* `mesura --json status` is as good as `mesura status --json`: move what stands before
 * the command behind it. */
static int skip_leading_options(int count, char **words)
{
    int at = 0;

    while (at < count && words[at][0] == '-') {
        at += strcmp(words[at], "--socket") == 0 ? 2 : 1;
    }
    return at < count ? at : count;
}

/* The first of the leading words that is no option of every command; NULL. */
static const char *foreign_option(int leading, char **words)
{
    for (int at = 0; at < leading; at++) {
        if (strcmp(words[at], "--socket") == 0) {
            at++;
        } else if (strcmp(words[at], "--json") != 0 &&
                   strncmp(words[at], "--socket=", strlen("--socket=")) != 0) {
            return words[at];
        }
    }
    return NULL;
}

static enum mesura_exit run_words(int count, char **words)
{
    int leading = skip_leading_options(count, words);
    char *sorted[2 * MESURA_ARGS_MAX] = {NULL};
    int sorted_count = 0;

    if (count > MESURA_ARGS_MAX) {
        (void)fprintf(stderr, "mesura: too many words\n");
        return MESURA_USAGE;
    }
    if (leading == count) {
        if (count == 1 && strcmp(words[0], "--version") == 0) {
            (void)printf("mesura %s\n", MESURA_VERSION);
            return MESURA_DONE;
        }
        bool is_asked = count == 1 &&
                        (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0);
        print_usage(is_asked ? stdout : stderr);
        return is_asked ? MESURA_DONE : MESURA_USAGE;
    }
    const char *foreign = foreign_option(leading, words);
    if (foreign != NULL) {
        (void)fprintf(stderr,
                      "mesura: no option %s in front of a command; there are --json and "
                      "--socket PATH\n",
                      foreign);
        return MESURA_USAGE;
    }
    if (strcmp(words[leading], "help") == 0) {
        if (leading + 1 < count) {
            return print_help(words[leading + 1]);
        }
        print_usage(stdout);
        return MESURA_DONE;
    }
    const struct command *command = find_command(count - leading, words + leading);
    if (command == NULL) {
        (void)fprintf(stderr, "mesura: no command '%s'; mesura help lists them\n",
                      words[leading]);
        return MESURA_USAGE;
    }
    int behind = leading + (command->part == NULL ? 1 : 2);
    for (int i = behind; i < count; i++) {
        sorted[sorted_count++] = words[i];
    }
    for (int i = 0; i < leading; i++) {
        sorted[sorted_count++] = words[i];
    }
    return run_command(command, sorted_count, sorted);
}

/* Aliases are read at start and at a reload: a daemon that is there reads them now, one
 * that is not has nothing to rebuild. */
static enum mesura_exit new_aliases(int count, char **words)
{
    char reload[] = "reload";
    char *all[MESURA_ARGS_MAX] = {reload};
    int used = 1;
    for (int i = 0; i < count && used < MESURA_ARGS_MAX; i++) {
        all[used++] = words[i];
    }
    enum mesura_exit result = run_words(used, all);
    return result == MESURA_UNREACHABLE ? MESURA_DONE : result;
}

int main(int argc, char **argv)
{
    static const struct command mailq = {.name = "mailq",
                                         .usage = "queue (called as mailq)",
                                         .options = "",
                                         .flags = "",
                                         .run = mesura_queue_mailq};
    const char *name = strrchr(argv[0], '/');

    name = name == NULL ? argv[0] : name + 1;
    enum mesura_exit result = MESURA_DONE;
    if (strcmp(name, "mailq") == 0) {
        result = run_command(&mailq, argc - 1, argv + 1);
    } else if (strcmp(name, "newaliases") == 0) {
        result = new_aliases(argc - 1, argv + 1);
    } else if (strcmp(name, "sendmail") == 0) {
        return mesura_sendmail(argc - 1, argv + 1);
    } else if (argc > 1 && strcmp(argv[1], "sendmail") == 0) {
        return mesura_sendmail(argc - 2, argv + 2);
    } else {
        result = run_words(argc - 1, argv + 1);
    }
    if (fflush(stdout) != 0) {
        return MESURA_NOTHING;
    }
    return (int)result;
}
