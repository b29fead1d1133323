/* mesura-receiver: simulated mailbox providers with hidden limits, for the demo, tests,
 * benchmarks and rehearsals. This file reads the command line, listens and runs.
 *
 * Good path: providers are made, their sockets bound, the addresses printed, then the
 * loop runs until a signal. Failure modes: a wrong setting or an address in use (exit 2,
 * before anything listens for long), a full file table (the connection waits in the
 * backlog), a file that cannot be written (said at the end, exit 1). */

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/grab.h"
#include "tools/receiver_keys.h"
#include "tools/receiver_session.h"
#include "tools/receiver_stats.h"
#include "tools/ticks.h"

#define LISTENERS_MAX    4096
#define ACCEPTS_PER_TURN 64
#define BACKLOG          4096
#define SAVE_NS          TICKS_SECOND
#define FLUSH_NS         (100 * TICKS_MS)

struct listener {
    struct reactor_io io;
    struct receiver_provider *provider; /* borrowed: lives as long as the program */
    struct receiver_desk *desk;         /* borrowed */
};

struct program {
    struct receiver_desk desk;
    struct receiver_provider *providers[RECEIVER_PROVIDERS_MAX]; /* owned */
    size_t providers_count;
    struct listener *listeners; /* owned */
    size_t listeners_count;
    struct reactor_timer save_timer;
    struct reactor_timer flush_timer;
    char stats_file[4096];
    char events_file[4096];
    char record_directory[4096];
    uint64_t until_messages;
    int64_t for_ns;
    uint64_t seed;
    bool help;
    bool version;
    bool failed;
};

static volatile sig_atomic_t stop_asked;
static volatile sig_atomic_t print_asked;

static void on_stop(int number)
{
    (void)number;
    stop_asked = 1;
}

static void on_print(int number)
{
    (void)number;
    print_asked = 1;
}

static int add_provider(void *owner, const struct receiver_spec *spec, struct errmsg *err)
{
    struct program *program = owner;

    if (program->providers_count == RECEIVER_PROVIDERS_MAX) {
        errmsg_set(err, "at most %d providers", RECEIVER_PROVIDERS_MAX);
        return -EINVAL;
    }
    program->providers[program->providers_count++] = receiver_book_new(spec);
    return 0;
}

static int take_provider(void *base, const char *value, struct errmsg *err)
{
    struct program *program = base;
    struct receiver_spec spec;

    receiver_spec_init(&spec);
    spec.seed = program->seed;
    if (receiver_spec_parse(&spec, value, err) != 0 ||
        receiver_spec_check(&spec, err) != 0) {
        return -EINVAL;
    }
    return add_provider(program, &spec, err);
}

static int take_file(void *base, const char *value, struct errmsg *err)
{
    return receiver_spec_file(value, add_provider, base, err);
}

static int take_speed(void *base, const char *value, struct errmsg *err)
{
    struct program *program = base;
    double speed = 0.0;

    if (setting_parse_number(value, &speed) != 0 || speed <= 0.0 || speed > 1e6) {
        errmsg_set(err, "\"%.40s\" is wrong, it takes a number up to 1000000", value);
        return -EINVAL;
    }
    program->desk.speed = speed;
    return 0;
}

#define FIELD(NAME) offsetof(struct program, NAME)

static const struct setting options[] = {
    {"provider", SETTING_CALL, 0, 0, NULL, take_provider, "KEY=VALUE,...",
     "a provider with the keys below; repeatable; a value with a comma goes in \"\""},
    {"file", SETTING_CALL, 0, 0, NULL, take_file, "FILE",
     "providers = ( { name = \"...\"; ... }, ... ); with the same keys; an array where a "
     "key repeats"},
    {"speed", SETTING_CALL, 0, 0, NULL, take_speed, "X",
     "the providers' clocks run X times faster than time (not their slowness)"},
    {"stats_file", SETTING_TEXT, FIELD(stats_file), 4096, NULL, NULL, "FILE",
     "the statistics, renewed every second by rename"},
    {"events", SETTING_TEXT, FIELD(events_file), 4096, NULL, NULL, "FILE",
     "append a JSON line for each decision"},
    {"record", SETTING_TEXT, FIELD(record_directory), 4096, NULL, NULL, "DIR",
     "keep each message: N.wire as it came, N.eml as it is meant, N.json its envelope"},
    {"until_messages", SETTING_COUNT, FIELD(until_messages), 0, NULL, NULL, "N",
     "end after so many accepted messages"},
    {"for", SETTING_DURATION, FIELD(for_ns), 0, NULL, NULL, "D", "end after that time"},
    {"seed", SETTING_COUNT, FIELD(seed), 0, NULL, NULL, "N",
     "seed of the dice of the providers that follow"},
    {"help", SETTING_FLAG, FIELD(help), 0, NULL, NULL, NULL, "print this"},
    {"version", SETTING_FLAG, FIELD(version), 0, NULL, NULL, NULL, "print the version"},
    {NULL, SETTING_END, 0, 0, NULL, NULL, NULL, NULL},
};

static void print_help(void)
{
    (void)printf("Usage: mesura-receiver [OPTIONS] --provider KEY=VALUE,... ...\n\n"
                 "Simulated mailbox providers with hidden limits, each on a port of its "
                 "own. Prints\n"
                 "where they listen as one line of JSON, and the statistics as one line "
                 "of JSON on\n"
                 "SIGUSR1 and at the end (SIGTERM, SIGINT).\n\n");
    setting_help(stdout, options, "--");
    (void)printf("\nThe keys of a provider:\n");
    setting_help(stdout, receiver_keys, "");
}

static void on_connection(void *owner, uint32_t events)
{
    struct listener *listener = owner;

    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int fd = accept4(listener->io.fd, (struct sockaddr *)&peer, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            return; /* none left, or no descriptor free: the rest waits in the backlog */
        }
        receiver_session_start(listener->desk, listener->provider, fd, &peer);
    }
}

static int listen_at(struct program *program, struct receiver_provider *provider,
                     const char *text, struct errmsg *err)
{
    struct listener *listener = &program->listeners[program->listeners_count];
    struct sockaddr_storage address;
    socklen_t size = 0;
    char real[WIRE_ADDRESS_TEXT];
    size_t used = strlen(provider->address);
    int yes = 1;
    int fd = -1;

    if (program->listeners_count == LISTENERS_MAX ||
        wire_parse_address(text, &address, &size) != 0) {
        errmsg_set(err, "listen: \"%.60s\" is not ADDRESS:PORT", text);
        return -EINVAL;
    }
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        int rc = -errno;

        errmsg_errno(err, rc, "listen at %s", text);
        if (fd >= 0) {
            (void)close(fd);
        }
        return rc;
    }
    wire_address_text(&address, real, sizeof real);
    (void)snprintf(provider->address + used, sizeof provider->address - used, "%s%s",
                   used > 0 ? " " : "", real);
    listener->io = (struct reactor_io){.fd = fd, .cb = on_connection, .owner = listener};
    listener->provider = provider;
    listener->desk = &program->desk;
    program->listeners_count++;
    return reactor_watch(&program->desk.reactor, &listener->io, EPOLLIN);
}

static int listen_all(struct program *program, struct errmsg *err)
{
    program->listeners = grab_zeroed(LISTENERS_MAX, sizeof *program->listeners);
    for (size_t i = 0; i < program->providers_count; i++) {
        struct receiver_provider *provider = program->providers[i];
        const char *text = provider->spec.listen;

        while (*(text += strspn(text, " ")) != '\0') {
            char one[WIRE_ADDRESS_TEXT];
            size_t length = strcspn(text, " ");
            int rc = 0;

            (void)snprintf(one, sizeof one, "%.*s", (int)length, text);
            rc = listen_at(program, provider, one, err);
            if (rc != 0) {
                errmsg_wrap(err, "provider %s", provider->spec.name);
                return rc;
            }
            text += length;
        }
    }
    return 0;
}

static void print_listening(const struct program *program)
{
    (void)printf("{\"listening\":[");
    for (size_t i = 0; i < program->providers_count; i++) {
        (void)printf("%s{\"name\":\"%s\",\"address\":\"%s\"}", i > 0 ? "," : "",
                     program->providers[i]->spec.name, program->providers[i]->address);
    }
    (void)printf("],\"pid\":%d}\n", (int)getpid());
    (void)fflush(stdout);
}

static void on_save(void *owner)
{
    struct program *program = owner;
    struct reactor *reactor = &program->desk.reactor;

    reactor_timer_set(reactor, &program->save_timer, reactor->now_ns + SAVE_NS);
    if (receiver_stats_save(program->stats_file, &program->desk, program->providers,
                            program->providers_count) != 0) {
        program->failed = true;
    }
}

static void on_flush(void *owner)
{
    struct program *program = owner;
    struct reactor *reactor = &program->desk.reactor;

    reactor_timer_set(reactor, &program->flush_timer, reactor->now_ns + FLUSH_NS);
    receiver_trail_flush(program->desk.trail);
}

static int open_files(struct program *program, struct errmsg *err)
{
    struct receiver_desk *desk = &program->desk;

    if (program->events_file[0] != '\0') {
        desk->trail = receiver_trail_open(program->events_file, err);
        if (desk->trail == NULL) {
            return -EINVAL;
        }
        on_flush(program);
    }
    if (program->record_directory[0] != '\0') {
        desk->record = receiver_record_open(program->record_directory, err);
        if (desk->record == NULL) {
            return -EINVAL;
        }
    }
    for (size_t i = 0; i < program->providers_count && desk->tls == NULL; i++) {
        const struct receiver_spec *spec = &program->providers[i]->spec;

        if (spec->tls != RECEIVER_TLS_NONE) {
            desk->tls = wire_server_tls(spec->hostname, err);
            if (desk->tls == NULL) {
                return -EINVAL;
            }
        }
    }
    return 0;
}

static int prepare(struct program *program, struct errmsg *err)
{
    struct sigaction stop = {.sa_handler = on_stop};
    struct sigaction print = {.sa_handler = on_print};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit files;
    int rc = 0;

    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGUSR1, &print, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    rc = reactor_init(&program->desk.reactor, err);
    if (rc == 0) {
        rc = open_files(program, err);
    }
    if (rc == 0) {
        rc = listen_all(program, err);
    }
    program->desk.start_ns = program->desk.reactor.now_ns;
    return rc;
}

static int run(struct program *program)
{
    struct receiver_desk *desk = &program->desk;
    int rc = 0;

    print_listening(program);
    if (program->stats_file[0] != '\0') {
        on_save(program);
    }
    while (rc == 0 && stop_asked == 0) {
        int64_t lived_ns = desk->reactor.now_ns - desk->start_ns;

        if ((program->for_ns > 0 && lived_ns >= program->for_ns) ||
            (program->until_messages > 0 && desk->messages >= program->until_messages)) {
            break;
        }
        if (print_asked != 0) {
            print_asked = 0;
            receiver_trail_flush(desk->trail);
            receiver_stats_print(stdout, desk, program->providers,
                                 program->providers_count);
        }
        rc = reactor_turn(&desk->reactor, 100 * TICKS_MS);
    }
    if (program->stats_file[0] != '\0') {
        on_save(program);
    }
    receiver_stats_print(stdout, desk, program->providers, program->providers_count);
    return rc;
}

static int finish(struct program *program)
{
    struct receiver_desk *desk = &program->desk;
    bool failed = program->failed;

    receiver_session_close_all(desk);
    for (size_t i = 0; i < program->listeners_count; i++) {
        (void)close(program->listeners[i].io.fd);
    }
    free(program->listeners);
    for (size_t i = 0; i < program->providers_count; i++) {
        receiver_book_free(program->providers[i]);
    }
    if (receiver_trail_close(desk->trail) != 0) {
        failed = true;
    }
    if (desk->record_error.text[0] != '\0') {
        (void)fprintf(stderr, "mesura-receiver: %s\n", desk->record_error.text);
        failed = true;
    }
    receiver_record_close(desk->record);
    receiver_seen_done(&desk->seen);
    wire_tls_free(desk->tls);
    reactor_done(&desk->reactor);
    if (failed) {
        (void)fprintf(stderr, "mesura-receiver: a file could not be written\n");
    }
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct program *program = grab_zeroed(1, sizeof *program);
    struct errmsg err = {""};
    int status = 2;

    list_init(&program->desk.sessions);
    program->desk.reactor.epoll_fd = -1;
    program->desk.speed = 1.0;
    program->save_timer.cb = on_save;
    program->save_timer.owner = program;
    program->flush_timer.cb = on_flush;
    program->flush_timer.owner = program;
    if (setting_arguments(options, program, argc, argv, &err) == 0) {
        if (program->help) {
            print_help();
            status = 0;
        } else if (program->version) {
            (void)printf("mesura-receiver %s\n", MESURA_VERSION);
            status = 0;
        } else if (program->providers_count == 0) {
            errmsg_set(&err, "name at least one --provider; see --help");
        } else if (prepare(program, &err) == 0) {
            status = run(program) == 0 ? 0 : 1;
        }
    }
    if (err.text[0] != '\0') {
        (void)fprintf(stderr, "mesura-receiver: %s\n", err.text);
    }
    if (finish(program) != 0 && status == 0) {
        status = 1;
    }
    free(program);
    return status;
}
