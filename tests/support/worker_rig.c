#include "tests/support/worker_rig.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queue/queue_impl.h"

#include "relay/accept.h"
#include "relay/auth.h"
#include "relay/core.h"
#include "relay/net/admission.h"
#include "relay/net/listener.h"
#include "relay/now.h"
#include "relay/outbound.h"
#include "relay/reader.h"
#include "relay/snapshot.h"
#include "relay/users.h"
#include "relay/worker.h"

#define PATIENCE_S 10

struct worker_rig *worker_rig_open_one; /* one in a process: letters do not name it */

static void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "worker rig: %s (errno %d)\n", what, errno);
        abort();
    }
}

/* ---- core's letters ---- */

void core_on_accepted(struct letter *letter)
{
    struct worker_rig *rig = worker_rig_open_one;
    struct accept *accept = accept_of_letter(letter);
    struct envelope envelope;
    size_t length = 0;
    const void *bytes = accept_envelope(accept, &length);
    must(envelope_decode(bytes, length, &envelope) == 0, "the envelope is readable");
    uint32_t message = queue_accepted(rig->queue.queue, &envelope, accept_place(accept));
    rig->messages[rig->accepted % WORKER_RIG_HELD] = message;
    rig->accepted++;
    envelope_free(&envelope);
    accept_indexed(accept);
}

void core_on_job(struct letter *letter)
{
    struct worker_rig *rig = worker_rig_open_one;
    must(rig->back_count < WORKER_RIG_HELD, "few jobs are back");
    rig->back[rig->back_count++] = LIST_OWNER(letter, struct job, letter);
}

void core_on_released(struct letter *letter)
{
    (void)letter;
    worker_rig_open_one->released++;
}

void core_on_slot_ended(struct letter *letter)
{
    (void)letter;
    worker_rig_open_one->ended++;
}

void core_on_worker_stopped(struct letter *letter)
{
    if (LIST_OWNER(letter, struct worker, stopped_letter) ==
        worker_rig_open_one->worker) {
        worker_rig_open_one->stopped = true;
    } else {
        worker_rig_open_one->others_stopped++;
    }
}

static void on_wake(void *owner)
{
    struct worker_rig *rig = owner;
    (void)sem_post(&rig->letters);
}

/* Wait for a letter and read all. */
static void read_letters(struct worker_rig *rig)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    int rc;
    do {
        rc = sem_timedwait(&rig->letters, &until);
    } while (rc != 0 && errno == EINTR);
    must(rc == 0, "a letter comes to core");
    (void)mailbox_run(&rig->mailbox);
}

void worker_rig_until(struct worker_rig *rig, const unsigned *what, unsigned value)
{
    while (*what != value) {
        read_letters(rig);
    }
}

void worker_rig_until_least(struct worker_rig *rig, const unsigned *what, unsigned value)
{
    while (*what < value) {
        read_letters(rig);
    }
}

/* ---- open and close ---- */

static void load(struct worker_rig *rig, const char *listener, const char *more)
{
    char text[4096];
    struct config_notes notes;
    struct errmsg err;
    const char *trust =
        strstr(listener, "trust") == NULL ? "trust = [ \"127.0.0.0/8\" ];" : "";
    (void)snprintf(text, sizeof text,
                   "hostname = \"relay.mesura.test\";\n"
                   "listeners = ( { name = \"in\"; address = \"127.0.0.1\"; port = 2525;"
                   " %s %s } );\n%s\n",
                   trust, listener, more);
    config_notes_init(&notes);
    int rc = config_load_text(text, strlen(text), "rig.conf", &rig->config, &notes);
    if (rc != 0) {
        config_notes_print(&notes, stderr);
    }
    must(rc == 0, "the configuration is good");
    config_notes_clear(&notes);
    rc = snapshot_make(&rig->snapshot, rig->config, now_unix_ms(), &err);
    must(rc == 0, rc == 0 ? "" : err.text);
}

/* A cheap hash, so that tests are quick; the daemon's own take 64 MiB. */
static void make_users(struct worker_rig *rig, const char *words)
{
    char hash[USERS_HASH_BYTES];
    char line[512];
    struct errmsg err;
    struct users *users = NULL;
    struct users_errors errors = {0};
    must(sodium_init() >= 0, "sodium");
    must(crypto_pwhash_str_alg(hash, "secret", 6, 1, crypto_pwhash_MEMLIMIT_MIN,
                               crypto_pwhash_ALG_ARGON2ID13) == 0,
         "a hash");
    (void)snprintf(line, sizeof line, "ann %s %s\n", hash, words);
    (void)snprintf(rig->users, sizeof rig->users, "/tmp/mesura-users-XXXXXX");
    int fd = mkstemp(rig->users);
    must(fd >= 0, "a file");
    must(write(fd, line, strlen(line)) == (ssize_t)strlen(line), "is written");
    must(close(fd) == 0, "is closed");
    struct auth_options options = {.threads = 1};
    must(auth_start(&rig->auth, &options, &err) == 0, "auth starts");
    must(users_load(&users, rig->users, &errors) == 0, "the users are good");
    rig->table = users;
    auth_set_users(rig->auth, users_ref(users));
}

static void open_rig(struct worker_rig *rig, const char *listener, const char *more)
{
    must(sem_init(&rig->letters, 0, 0) == 0, "a semaphore");
    mailbox_init(&rig->mailbox, on_wake, rig);
    queue_fixture_init(&rig->queue);
    rig->queue.options.segment_bytes = 4 * 1024 * 1024;
    queue_fixture_reopen(&rig->queue);
    load(rig, listener, more);

    struct errmsg err;
    struct netaddr any;
    int fd = -1;
    must(reader_start(&err) == 0, "the reader starts");
    must(netaddr_parse("127.0.0.1", 0, &any) == 0, "an address");
    must(listener_bind(&any, false, -1, &fd, &err) == 0, "a listener");
    must(listener_local(fd, &any) == 0, "its port");
    rig->port = any.port;
    if (rig->table == NULL) {
        rig->table = users_new();
    }
    rig->admission = admission_new((const uint64_t[2]){1, 2});
    struct worker_options options = {.core_mailbox = &rig->mailbox,
                                     .queue = rig->queue.queue,
                                     .auth = rig->auth,
                                     .admissions = &rig->admission,
                                     .snapshot = rig->snapshot,
                                     .users = rig->table,
                                     .listener_fds = &fd,
                                     .listener_count = 1};
    must(worker_start(&rig->worker, &options, &err) == 0, "the worker starts");
    rig->slot.worker = rig->worker;
}

void worker_rig_open(struct worker_rig *rig, const char *listener, const char *more)
{
    memset(rig, 0, sizeof *rig);
    worker_rig_open_one = rig;
    open_rig(rig, listener, more);
}

void worker_rig_open_user(struct worker_rig *rig, const char *listener, const char *words)
{
    char more[128];
    memset(rig, 0, sizeof *rig);
    worker_rig_open_one = rig;
    make_users(rig, words);
    (void)snprintf(more, sizeof more, "users = \"%s\";", rig->users);
    open_rig(rig, listener, more);
}

void worker_rig_stop(struct worker_rig *rig)
{
    if (rig->stopped) {
        return;
    }
    worker_stop(rig->worker);
    while (!rig->stopped) {
        read_letters(rig);
    }
    worker_join(rig->worker);
}

void worker_rig_close(struct worker_rig *rig)
{
    worker_rig_stop(rig);
    (void)mailbox_run(&rig->mailbox);
    for (unsigned i = 0; i < rig->back_count; i++) {
        job_free(rig->back[i]);
    }
    must(atomic_load(&rig->queue.queue->reserved_bytes) == 0, "all credits are back");
    must(atomic_load(&rig->queue.queue->reserved_memory) == 0, "all slots are back");
    must(admission_total(rig->admission) == 0, "all sessions have left");
    worker_free(rig->worker);
    auth_stop(rig->auth);
    if (rig->users[0] != '\0') {
        (void)unlink(rig->users);
    }
    reader_stop();
    users_free(rig->table);
    snapshot_unref(rig->snapshot);
    config_unref(rig->config);
    admission_free(rig->admission);
    queue_fixture_done(&rig->queue);
    (void)sem_destroy(&rig->letters);
    worker_rig_open_one = NULL;
}

void worker_rig_no_credits(struct worker_rig *rig)
{
    for (unsigned i = 0; i < 2000; i++) {
        (void)mailbox_run(&rig->mailbox);
        if (atomic_load(&rig->queue.queue->reserved_bytes) == 0 &&
            atomic_load(&rig->queue.queue->reserved_memory) == 0) {
            return;
        }
        queue_fixture_pause();
    }
    must(false, "the credits are given back");
}

/* ---- sockets ---- */

static void be_patient(int fd)
{
    struct timeval limit = {.tv_sec = PATIENCE_S};
    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "a limit");
    must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0, "a limit");
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int worker_rig_connect(const struct worker_rig *rig)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(rig->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "a socket");
    be_patient(fd);
    must(connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0, "connects");
    return fd;
}

void worker_rig_write(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        must(sent > 0, "the other side takes what is sent");
        at += sent;
        length -= (size_t)sent;
    }
}

const char *worker_rig_line(int fd, char line[WORKER_RIG_LINE])
{
    size_t length = 0;
    for (;;) {
        char byte;
        ssize_t got = recv(fd, &byte, 1, 0);
        must(got >= 0 || errno == ECONNRESET, "a line comes in time");
        if (got <= 0) {
            break;
        }
        must(length + 1 < WORKER_RIG_LINE, "a line is not endless");
        line[length++] = byte;
        if (byte == '\n') {
            break;
        }
    }
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) {
        length--;
    }
    line[length] = '\0';
    return line;
}

static void must_begin(const char *line, const char *begins)
{
    if (strncmp(line, begins, strlen(begins)) != 0) {
        (void)fprintf(stderr, "expected \"%s\", got \"%s\"\n", begins, line);
        abort();
    }
}

void worker_rig_expect(int fd, const char *begins)
{
    char line[WORKER_RIG_LINE];
    do {
        (void)worker_rig_line(fd, line);
    } while (strlen(line) > 3 && line[3] == '-');
    must_begin(line, begins);
}

void worker_rig_expect_line(int fd, const char *begins)
{
    char line[WORKER_RIG_LINE];
    must_begin(worker_rig_line(fd, line), begins);
}

void worker_rig_expect_end(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    must(got == 0 || (got < 0 && errno == ECONNRESET), "the other side has closed");
    must(close(fd) == 0, "closes");
}

int worker_rig_session(const struct worker_rig *rig)
{
    int fd = worker_rig_connect(rig);
    worker_rig_expect(fd, "220 ");
    worker_rig_say(fd, "EHLO client.test\r\n");
    worker_rig_expect(fd, "250 ");
    return fd;
}

uint32_t worker_rig_submit(struct worker_rig *rig, unsigned recipients, const char *body)
{
    unsigned before = rig->accepted;
    int fd = worker_rig_session(rig);
    worker_rig_say(fd, "MAIL FROM:<s@example.com>\r\n");
    worker_rig_expect(fd, "250 ");
    for (unsigned i = 0; i < recipients; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "RCPT TO:<r%u@example.net>\r\n", i);
        worker_rig_say(fd, line);
        worker_rig_expect(fd, "250 ");
    }
    worker_rig_say(fd, "DATA\r\n");
    worker_rig_expect(fd, "354 ");
    worker_rig_say(fd, "Subject: a test\r\n\r\n");
    worker_rig_say(fd, body);
    worker_rig_say(fd, "\r\n.\r\nQUIT\r\n");
    worker_rig_expect(fd, "250 ");
    worker_rig_expect(fd, "221 ");
    worker_rig_expect_end(fd);
    worker_rig_until(rig, &rig->accepted, before + 1);
    return rig->messages[before % WORKER_RIG_HELD];
}

/* ---- delivering ---- */

int worker_rig_listen(uint16_t *out_port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "a socket");
    be_patient(fd);
    must(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0, "binds");
    must(listen(fd, 16) == 0, "listens");
    must(getsockname(fd, (struct sockaddr *)&addr, &size) == 0, "has a port");
    *out_port = ntohs(addr.sin_port);
    return fd;
}

int worker_rig_accept(int listening)
{
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    must(fd >= 0, "the relay connects");
    be_patient(fd);
    return fd;
}

struct job *worker_rig_job(struct worker_rig *rig, uint32_t message, unsigned recipients,
                           const uint16_t *ports, unsigned port_count)
{
    struct destination to = {.domain = "example.net", .explicit_route = true};
    struct job *job = job_new(recipients);
    for (unsigned i = 0; i < port_count; i++) {
        (void)snprintf(to.hosts[i].name, sizeof to.hosts[i].name, "mx%u.example.net", i);
        must(netaddr_parse("127.0.0.1", ports[i], &to.hops[i].addr) == 0, "an address");
        to.hops[i].host = (uint8_t)i;
    }
    to.host_count = (uint8_t)port_count;
    to.hop_count = (uint8_t)port_count;
    job->slot = &rig->slot;
    job->snapshot = snapshot_ref(rig->snapshot);
    job->destination = job_destination_new(&to);
    job->message = message;
    job->helo = "relay.mesura.test";
    job->tls = CONFIG_TLS_NONE;
    job->source_stop = &rig->source_stop;
    job->lane_stop = &rig->lane_stop;
    job->raises[0] = &rig->source_stop;
    job->raises[1] = &rig->bulk_stop;
    job->may_stop = true;
    for (unsigned i = 0; i < recipients; i++) {
        job->rcpts[i].number = (uint16_t)i;
    }
    must(queue_pin_message(rig->queue.queue, message, &job->pin) == 0, "is pinned");
    return job;
}

void worker_rig_send(struct worker_rig *rig, struct job *job)
{
    mailbox_post(&rig->slot.worker->mailbox, &job->letter, outbound_on_job);
}

struct job *worker_rig_back(struct worker_rig *rig)
{
    while (rig->back_count == 0) {
        read_letters(rig);
    }
    struct job *job = rig->back[0];
    rig->back_count--;
    memmove(rig->back, rig->back + 1,
            rig->back_count * (sizeof rig->back / WORKER_RIG_HELD));
    return job;
}

void worker_rig_release(struct worker_rig *rig, unsigned jobs)
{
    unsigned before = rig->released;
    rig->slot.told = jobs;
    mailbox_post(&rig->slot.worker->mailbox, &rig->slot.release, outbound_on_release);
    worker_rig_until(rig, &rig->released, before + 1);
}

void worker_rig_end_slot(struct worker_rig *rig)
{
    unsigned before = rig->ended;
    mailbox_post(&rig->slot.worker->mailbox, &rig->slot.end, outbound_on_end);
    worker_rig_until(rig, &rig->ended, before + 1);
}

int worker_rig_serve(int listening, const char *extensions)
{
    int fd = worker_rig_accept(listening);
    worker_rig_say(fd, "220 mx.example.net ESMTP\r\n");
    worker_rig_expect_line(fd, "EHLO relay.mesura.test");
    worker_rig_say(fd, "250-mx.example.net\r\n");
    worker_rig_say(fd, extensions);
    return fd;
}

size_t worker_rig_content(int fd, char *out, size_t size)
{
    size_t length = 0;
    while (length < 5 || memcmp(out + length - 5, "\r\n.\r\n", 5) != 0) {
        must(length + 1 < size, "the content is not endless");
        ssize_t got = recv(fd, out + length, 1, 0);
        must(got == 1, "the content comes in time");
        length++;
    }
    out[length - 3] = '\0';
    return length - 3;
}
