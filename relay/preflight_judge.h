/* The checks of a source as values: what the names say is asked of the caller, who may
 * not know it yet. Pure. */

#ifndef RELAY_PREFLIGHT_JUDGE_H
#define RELAY_PREFLIGHT_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/net/netaddr.h"
#include "relay/spf.h"

#define PREFLIGHT_TEXT     240
#define PREFLIGHT_DOMAINS  8
#define PREFLIGHT_FINDINGS (2 * (3 + PREFLIGHT_DOMAINS) + 2) /* of two addresses */

enum preflight_grade {
    PREFLIGHT_GOOD,
    PREFLIGHT_NOTE,    /* worth knowing; no reason to wait */
    PREFLIGHT_UNKNOWN, /* nobody answers: asked again */
    PREFLIGHT_BAD,
};

struct preflight_finding {
    const char *check; /* "address", "ptr", "helo", "spf", "lists" */
    enum preflight_grade grade;
    char text[PREFLIGHT_TEXT];
};

struct preflight_report {
    struct preflight_finding findings[PREFLIGHT_FINDINGS];
    size_t count;
    bool asks; /* something is not known yet: the others are provisional */
};

struct preflight_ask {
    struct netaddr addresses[2]; /* as others see the source */
    size_t address_count;
    const char *helo;
    const char *domains[PREFLIGHT_DOMAINS]; /* that it sends for */
    size_t domain_count;
    const char *listed;  /* the block list that has it; "" none */
    unsigned lists;      /* that are asked about it ... */
    unsigned unheard;    /* ... and have not answered yet */
    unsigned uncertain;  /* ... or cannot tell */
    spf_look_cb look_cb; /* as of spf */
    void *owner;
};

void preflight_judge(const struct preflight_ask *ask, struct preflight_report *out);

/* The worst of the report. */
enum preflight_grade preflight_worst(const struct preflight_report *report);

/* "ok", "note", "unknown", "bad". */
const char *preflight_grade_name(enum preflight_grade grade);

/* The name of an address in the reverse zones. */
void preflight_reverse(const struct netaddr *address, char out[DNS_NAME_BYTES]);

#endif
