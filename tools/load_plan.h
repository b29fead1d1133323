/* What mesura-load is told to send: the options, and what the message of a given number
 * looks like. The same number always gives the same envelope and the same size. */

#ifndef TOOLS_LOAD_PLAN_H
#define TOOLS_LOAD_PLAN_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "tools/setting.h"

#define LOAD_PLAN_MIX        256  /* domains of --mix */
#define LOAD_PLAN_HEADER     8192 /* bytes of one message's header */
#define LOAD_PLAN_ADDRESS    512  /* bytes of one address */
#define LOAD_PLAN_RECIPIENTS 1000
#define LOAD_PLAN_SESSIONS   20000
#define LOAD_PLAN_EXTRA      4096 /* bytes of --header lines */

enum load_tls { LOAD_TLS_NONE, LOAD_TLS_STARTTLS, LOAD_TLS_IMPLICIT };

struct load_domain {
    char name[256];
    uint64_t up_to; /* weights of this one and those before it */
};

struct load_plan {
    char target[64];
    char source[64]; /* local address; "": any */
    struct sockaddr_storage target_address;
    socklen_t target_size;
    struct sockaddr_storage source_address;
    socklen_t source_size; /* 0: any */
    uint64_t sessions;
    uint64_t messages; /* 0: until the duration is over */
    int64_t duration_ns;
    uint64_t size_bytes;
    struct load_domain mix[LOAD_PLAN_MIX];
    size_t mix_count;
    uint64_t domains; /* of each domain so many: dN.domain; 0 and 1: the domain itself */
    uint64_t users;
    uint64_t recipients;
    double rate_per_s; /* 0: as fast as it goes */
    uint64_t per_connection;
    bool pipelining;
    int tls;        /* enum load_tls */
    char user[128]; /* AUTH PLAIN when set */
    char password[128];
    char helo[256];
    char sender[LOAD_PLAN_ADDRESS];
    char subject[256];
    char extra[LOAD_PLAN_EXTRA]; /* header lines, each with CRLF */
    char id_header[64];
    char tag[64];
    uint64_t first_id;
    bool once;
    bool reconnect;
    int64_t pause_ns;   /* of a session that met a 4xx or lost its connection */
    int64_t timeout_ns; /* without any progress */
    char ledger[4096];
    bool json;
    bool help;
    bool version;

    char date[64];
    char *body; /* owned; size_bytes of lines and the final dot behind them */
    size_t body_bytes;
};

/* The options, for setting_arguments and the help. */
extern const struct setting load_plan_options[];

void load_plan_init(struct load_plan *plan);
void load_plan_done(struct load_plan *plan);

/* Check the options and make what follows from them. Returns 0 or -EINVAL. */
int load_plan_prepare(struct load_plan *plan, struct errmsg *err) ATTR_MUST_CHECK;

/* Recipient index of message id, without brackets. Returns its length. */
size_t load_plan_recipient(const struct load_plan *plan, uint64_t id, uint64_t index,
                           char *out, size_t size);

/* The text that identifies message id in its id header and in the ledger. */
void load_plan_id(const struct load_plan *plan, uint64_t id, char *out, size_t size);

/* Message id: its header, with the empty line, into out; and the part of plan->body that
 * follows, final dot included. Returns the header's length. */
size_t load_plan_message(const struct load_plan *plan, uint64_t id, char *out,
                         size_t size, char **out_body, size_t *out_body_bytes);

#endif
