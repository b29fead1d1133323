/* A real worker over a real queue, for tests: the test's thread plays core (it reads
 * core's mailbox), the client that submits, and the server that is delivered to.
 *
 * Sockets here block, with a limit of ten seconds: a script that gets no answer fails.
 * Links against the worker's side only: it defines core's letters itself. */

#ifndef TESTS_SUPPORT_WORKER_RIG_H
#define TESTS_SUPPORT_WORKER_RIG_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/config.h"
#include "relay/job.h"
#include "relay/mailbox.h"
#include "relay/slot.h"

#include "tests/support/queue_fixture.h"

struct admission;
struct auth;
struct snapshot;
struct users;
struct worker;

#define WORKER_RIG_HELD 128
#define WORKER_RIG_LINE 2048

struct worker_rig {
    struct queue_fixture queue;
    const struct config *config;
    struct snapshot *snapshot;
    struct admission *admission;
    struct worker *worker;
    struct auth *auth;      /* NULL without users */
    struct users *table;    /* one reference: who may submit */
    char users[64];         /* the file, "" without */
    struct mailbox mailbox; /* core's */
    sem_t letters;
    uint16_t port; /* of the only listener */
    struct slot slot;
    atomic_bool source_stop;
    atomic_bool bulk_stop;
    atomic_bool lane_stop;

    unsigned accepted;                  /* messages core has heard of */
    uint32_t messages[WORKER_RIG_HELD]; /* their handles in the index */
    struct job *back[WORKER_RIG_HELD];  /* jobs that came back and were not taken */
    unsigned back_count;
    unsigned permits;      /* asked by the worker ... */
    unsigned permit_code;  /* ... answered so: 0 yes */
    unsigned permits_over; /* and over ... */
    unsigned permits_kept; /* ... with a message accepted */
    unsigned released;
    unsigned ended;
    bool stopped;
    unsigned others_stopped; /* workers that are not the rig's */
};

/* The rig that is open; NULL between tests. */
extern struct worker_rig *worker_rig_open_one;

/* A worker with one listener that trusts loopback; listener: more of its settings, such
 * as "max_message = \"1M\";", more: top-level settings. The stop of a rig also checks
 * that every credit was given back. */
void worker_rig_open(struct worker_rig *rig, const char *listener, const char *more);
/* The same with a user "ann", password "secret", and these other words of the line. */
void worker_rig_open_user(struct worker_rig *rig, const char *listener,
                          const char *words);
void worker_rig_stop(struct worker_rig *rig);  /* the worker ends; core still reads */
void worker_rig_close(struct worker_rig *rig); /* stop, if it has not been, and free */

/* Read core's letters until *what has this value. */
void worker_rig_until(struct worker_rig *rig, const unsigned *what, unsigned value);
void worker_rig_until_least(struct worker_rig *rig, const unsigned *what, unsigned value);

/* Are no credits taken? Asked until it is so, or fails. */
void worker_rig_no_credits(struct worker_rig *rig);

/* ---- sockets of both kinds ---- */

int worker_rig_connect(const struct worker_rig *rig);
void worker_rig_say(int fd, const char *text);
void worker_rig_write(int fd, const void *bytes, size_t length);
/* One line without CRLF, "" at the end of the stream. */
const char *worker_rig_line(int fd, char line[WORKER_RIG_LINE]);
/* A whole reply; its last line begins so. */
void worker_rig_expect(int fd, const char *begins);
/* A line, any; it begins so. */
void worker_rig_expect_line(int fd, const char *begins);
/* The other side has closed, with nothing more to say. */
void worker_rig_expect_end(int fd);

/* Greeting to EHLO's answer. */
int worker_rig_session(const struct worker_rig *rig);
/* Submit a message to so many recipients (r0@example.net, r1@...) with that body; core
 * has heard of it when this returns. The handle. */
uint32_t worker_rig_submit(struct worker_rig *rig, unsigned recipients, const char *body);

/* ---- delivering ---- */

/* A server's socket on 127.0.0.1; its port. */
int worker_rig_listen(uint16_t *out_port);
int worker_rig_accept(int listening);
/* A job for a message's first recipients to 127.0.0.1 at these ports, in order. */
struct job *worker_rig_job(struct worker_rig *rig, uint32_t message, unsigned recipients,
                           const uint16_t *ports, unsigned port_count);
void worker_rig_send(struct worker_rig *rig, struct job *job);
/* Wait for a job to come back; the caller's to job_free. */
struct job *worker_rig_back(struct worker_rig *rig);
/* So many results are written down. */
void worker_rig_release(struct worker_rig *rig, unsigned jobs);
/* Core wants the slot back; returns when it has it. */
void worker_rig_end_slot(struct worker_rig *rig);
/* Greet, answer EHLO with extensions ("250 HELP\r\n"). */
int worker_rig_serve(int listening, const char *extensions);
/* Read content up to and with the final dot; how many bytes came before it. */
size_t worker_rig_content(int fd, char *out, size_t size);

#endif
