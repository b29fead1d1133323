/* The worker's side of a slot, as outbound.c (its life), outbound_connect.c (hosts and
 * TLS) and outbound_mail.c (transactions) share it. Nobody else looks inside. */

#ifndef RELAY_OUTBOUND_STATE_H
#define RELAY_OUTBOUND_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reply.h"

#include "queue/list.h"

#include "relay/destination.h"
#include "relay/job.h"
#include "relay/pump.h"
#include "relay/reader.h"
#include "relay/smtp/address.h"
#include "relay/smtp/smtp_out.h"
#include "relay/tlspolicy.h"

struct conn;
struct conn_end;
struct conn_ops;
struct job;
struct slot;
struct snapshot;
struct timer;
struct worker;

struct outbound {
    struct list_node node;   /* in worker->outbounds */
    struct worker *worker;   /* borrowed */
    struct slot *slot;       /* borrowed: core keeps it until core_on_slot_ended */
    struct conn *conn;       /* NULL when there is none */
    struct smtp_out *engine; /* owned; made when the connection is up */
    struct timer *deadline;  /* owned */
    uint32_t deadline_turn;
    struct snapshot *snapshot;       /* of the connection: backs options; one reference */
    struct smtp_out_options options; /* borrowed by the engine */
    struct netaddr remote;           /* connected to, or being connected to */
    char host[LIMIT_DOMAIN + 1];
    struct job_tls tls_facts;
    int tls;                    /* the operator's policy, for this connection */
    enum tlspolicy_level level; /* what that means for its host */
    bool requiretls;            /* it is good enough for REQUIRETLS */
    int route;                  /* whose user has logged in, or -1 */
    char *token;                /* owned: what options.password points to; wiped */
    int64_t connect_started_ns;
    int64_t mail_started_ns;

    struct job *job;              /* in hand, NULL when idle */
    struct destination hops;      /* the job's, shuffled for this round of connecting */
    unsigned hop;                 /* next to try */
    unsigned at;                  /* the one being tried */
    uint32_t slow;                /* hops that did not answer in a hurry, one bit each */
    struct reply last_failure;    /* of the hops tried */
    unsigned failures;            /* how many hops it speaks for */
    struct smtp_out_mail mail;    /* the transaction, borrowed by the engine */
    struct smtp_out_rcpt *rcpts;  /* owned: of the transaction */
    char (*ascii)[ADDRESS_BYTES]; /* owned, with rcpts */
    char ascii_sender[ADDRESS_BYTES];
    char return_path[ADDRESS_BYTES]; /* of the transaction; "" the sender's own */
    unsigned first;   /* recipient of the job that the transaction begins with ... */
    unsigned sent;    /* ... and how many it has: a server may take fewer than the job */
    unsigned results; /* of the transaction, so far */
    unsigned unwritten;    /* jobs whose results are at core and not yet written down */
    uint32_t closed_after; /* to be told with the next job */
    struct pump pump;
    struct reader_ask ask;

    bool is_reading;    /* ask is out */
    bool is_connecting; /* in a round over the hops, for the job in hand */
    bool is_open;       /* the session stands: the engine has said READY */
    bool is_mailing;    /* the job's transaction is under way in the engine */
    bool is_between;    /* the next transaction of the job waits for READY */
    bool is_owing;      /* the job is done, but the reader still has its pin */
    bool is_pumping;    /* its body is on its way */
    bool is_fresh;      /* this connection was opened for the job in hand */
    bool is_again;      /* the job was begun on a connection that turned out dead */
    bool is_handshaking;
    bool is_closing;  /* conn_close was called */
    bool is_quitting; /* QUIT was said: on_closed goes on */
    bool is_driving;
    bool in_clear;   /* TLS failed on this hop: once more without */
    bool is_hurried; /* another family is left: this hop has not much time to connect */
    bool wants_end;  /* core wants the slot back */
};

/* ---- outbound.c ---- */

/* Close now; on_closed goes on. */
void outbound_close(struct outbound *outbound);

/* The job in hand goes back to core. */
void outbound_give_back(struct outbound *outbound);

/* Whatever comes next for this slot: connect, begin, idle, end. May free the outbound. */
void outbound_step(struct outbound *outbound);

extern const struct conn_ops outbound_ops;

/* ---- outbound_connect.c ---- */

/* A round over the hops of the job in hand begins. */
void outbound_connect_start(struct outbound *outbound);

/* The next hop that a source address of ours can reach and that policy lets us use; false
 * when none is left, and last_failure says why. */
bool outbound_connect_next(struct outbound *outbound);

/* TCP did not come about. */
void outbound_connect_refused(struct outbound *outbound, const struct conn_end *end);

/* The session ended before the job could begin. failure may be NULL. */
void outbound_connect_failed(struct outbound *outbound, const struct reply *failure);

/* The session stands. */
void outbound_connect_worked(struct outbound *outbound);

/* STARTTLS was answered with 220; 0 or as conn_start_tls. */
int outbound_connect_start_tls(struct outbound *outbound);
void outbound_connect_secured(struct outbound *outbound, const struct conn *conn);

/* The connection is gone: so are its secrets. */
void outbound_connect_forget(struct outbound *outbound);

/* Does the open connection lead where the job in hand wants to go, under its policy? */
bool outbound_connect_fits(const struct outbound *outbound);

/* ---- outbound_mail.c ---- */

/* Do what the engine asks until it waits. */
void outbound_mail_drive(struct outbound *outbound);

/* The body may go on: the connection drained, or a cold piece came. */
void outbound_mail_pump(struct outbound *outbound);

/* The session is idle and a job is in hand: begin it (or give it back: stopped). */
void outbound_mail_begin(struct outbound *outbound);

/* The same reply for every recipient of the job in hand, which goes back. */
void outbound_mail_answer_all(struct outbound *outbound, const struct reply *reply);

#endif
