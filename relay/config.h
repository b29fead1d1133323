/* The configuration: a libconfig file becomes one const struct config, or a list of what
 * is wrong with it.
 *
 * Every value has its type, its unit and its default; every name is resolved to an index.
 * A loaded configuration never changes, so any thread may read it; a new file is a new
 * struct config. Threads that keep one take a reference (config_ref). Strings are never
 * NULL: what was not given is "". Keys, defaults and meaning: man page mesura.conf(5). */

#ifndef RELAY_CONFIG_H
#define RELAY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "queue/errmsg.h"

#include "relay/config_choices.h"
#include "relay/config_network.h"
#include "relay/config_notes.h"
#include "relay/units.h"

struct replies_rule; /* policy/replies.h */

/* An index that names nothing: no fallback source, no warm-up, any stream. */
#define CONFIG_NONE UINT32_MAX

struct config_strings {
    const char *const *items;
    size_t count;
};

struct config_indexes {
    const uint32_t *items;
    size_t count;
};

struct config_durations {
    const int64_t *items_ns;
    size_t count;
};

struct config_counts {
    const uint64_t *items;
    size_t count;
};

/* Who set a value: for `mesura why`. A default has file "" and line 0. */
struct config_where {
    const char *file; /* borrowed: lives as long as the configuration */
    unsigned line;
};

struct config_listener {
    const char *name;
    struct config_address address;
    uint16_t port; /* 0: the system picks one (tests) */
    enum config_listener_tls tls;
    enum config_auth auth;
    bool returns; /* takes what comes back to the streams' return paths, from anybody */
    bool auth_without_tls;             /* only possible on a loopback address */
    uint32_t stream;                   /* index: mail that names no stream goes here */
    struct config_indexes streams;     /* those a client may name; contains stream */
    struct config_networks trust;      /* clients that may submit without logging in */
    struct config_networks proxy_from; /* these speak the PROXY protocol, always */
    bool client_certificates; /* asked for; one that a user has logs the user in */
    enum config_line_endings line_endings;
    enum config_long_lines long_lines;
    uint64_t max_message;                 /* bytes; 0 no limit */
    uint32_t max_recipients;              /* a message; 0 no limit, here and below */
    uint32_t max_connections;             /* at once on this listener */
    uint32_t max_connections_per_address; /* clients outside trust only */
    uint32_t max_errors;                  /* refused commands, then 421 */
    int64_t idle_timeout_ns; /* no command and no data for so long, then 421 */
};

/* A sender becomes another: "root@host.local", or "@host.local" for a whole domain; to an
 * address, or to "@example.com" with the local part kept. */
struct config_rewrite {
    const char *from;
    const char *to;
};

/* A certificate for names of its own, as clients ask for them (SNI). */
struct config_certificate {
    struct config_strings names;
    const char *certificate;
    const char *key;
};

struct config_header {
    const char *name; /* when removed, "X-Php-*" is every field that begins so */
    enum config_header_action action;
    const char *value;
    uint32_t stream; /* index, or CONFIG_NONE: every stream */
};

/* The guard of a copy of a real system: nobody hears from it who is not allowed. */
struct config_staging {
    const char *redirect_all; /* who gets the mail of all others; "" it is refused */
    struct config_strings
        allowed; /* patterns of rewrite.h; without both keys: no guard */
};

struct config_tls {
    const char *certificate; /* PEM file, the chain; "" without TLS listeners */
    const char *key;
};

struct config_http {
    bool enabled; /* the group is there; the unix socket is always on */
    struct config_address address;
    uint16_t port;
    const char *token_file;
};

struct config_queue {
    uint64_t memory;      /* bytes of memory for the index and what waits */
    uint64_t low_space;   /* free bytes on the file system below which 452 is said */
    uint64_t reserve;     /* bytes kept for state records when the disk is full */
    uint64_t compact;     /* bytes a second that compaction may write, within its bound */
    const char *key_file; /* of the queue's encryption; "" none */
};

struct config_dns {
    struct config_strings
        servers; /* "address:port" or "[address6]:port"; none: the system's */
    int64_t timeout_ns;
};

struct config_zone {
    const char *zone;     /* as replies name it: "zen.spamhaus.org" */
    const char *query;    /* asked instead, "zen.dq.spamhaus.net"; "": the zone itself */
    const char *key_file; /* its first line goes between address and zone; "" none */
    enum config_zone_kind kind;
    struct config_strings codes; /* answers that are listings; none: by the zone's name */
};

struct config_dnsbl {
    int64_t every_ns;              /* between two questions about one address */
    struct config_strings servers; /* as in dns; none: those of dns */
    const struct config_zone *zones;
    size_t zone_count;
};

/* How MTA-STS policies are fetched. */
struct config_mta_sts {
    uint16_t port; /* of policy hosts */
    int64_t timeout_ns;
};

struct config_timeouts {
    int64_t connect_ns;
    int64_t fallback_ns; /* connecting, while an address of the other family is left */
    int64_t greeting_ns;
    int64_t command_ns; /* EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET */
    int64_t data_ns;    /* DATA until 354, and each stretch of the body */
    int64_t dot_ns;     /* the final dot until its answer */
    int64_t idle_ns;    /* an open connection without work is closed after */
};

struct config_delivery {
    bool enabled; /* false: accept and keep, send nothing */
    uint16_t port;
    enum config_delivery_tls tls;
    bool ipv6;
    bool allow_private_mx;
    bool chunking;            /* BDAT where a server offers it */
    const char *trust;        /* PEM file of roots; "" the system's */
    uint32_t max_connections; /* outbound at once, all together; 0 no limit */
    struct config_timeouts timeouts;
};

/* One next hop of a route, tried in order. */
struct config_host {
    const char *name; /* host name or address, without brackets */
    uint16_t port;
};

struct config_route {
    const char *domain; /* recipient domain, ".example.net" its subdomains, "*" all */
    const char *sender; /* address or "@domain" of the envelope sender; "" any */
    uint32_t stream;    /* index, or CONFIG_NONE: any */
    const struct config_host *hosts;
    size_t host_count; /* at least 1 */
    uint16_t port;     /* of the hosts that named none: it stands in them already */
    enum config_delivery_tls tls;
    const char *user; /* "" without AUTH */
    enum config_route_auth auth;
    const char *password_file; /* a path, or "credential:NAME" of systemd */
    const char *token_file;    /* likewise; read again for each connection */
};

struct config_source {
    const char *name;
    struct config_address address;  /* bound locally; AF_UNSPEC: the system picks */
    struct config_address address6; /* AF_UNSPEC: no IPv6 from this source */
    struct config_address public;   /* as others see it; the address where not given */
    const char *helo;               /* the hostname where not given */
    uint32_t warmup;                /* index, or CONFIG_NONE */
    bool shared;                    /* may serve more than one stream */
};

struct config_stream {
    const char *name;
    struct config_indexes sources; /* at least one */
    uint32_t weight;
    int64_t lifetime_ns;
    uint32_t retry;           /* index into schedules */
    int64_t delay_notice_ns;  /* 0: none */
    uint32_t fallback_source; /* index, or CONFIG_NONE */
    struct units_window window;
    const char *timezone; /* IANA name, of the window */
    enum config_on_block on_block;
    enum config_mode mode;
    const char *archive; /* who gets a copy of each message; "" nobody */
    struct config_strings
        senders;      /* domains whose mail is of this stream; ".x" below x */
    bool takes_lists; /* mail to lists and bulk by its header is, too */
    enum config_suppression_rule suppression;
    enum config_signed signatures;
    const char *return_path; /* domain of MAIL FROM of what leaves; "" as submitted */
};

/* What comes back to a return path. */
struct config_returns {
    const char *mailbox; /* for what is no report of ours; "" that of alerts */
};

/* When a refused mailbox is not written to any more, and for how long. */
struct config_suppression {
    int64_t strict_for_ns;
    int64_t strict_apart_ns;
    uint32_t lenient_after;
    int64_t lenient_within_ns;
    int64_t lenient_for_ns;
    int64_t complaint_for_ns; /* 0: for ever */
    double breaker_share;
    double breaker_times;
};

/* Limits of one lane (source x site); total_* over all sources. 0 or unlimited: none. */
struct config_site {
    const char *name;
    struct config_strings match; /* "gmail.com" a recipient domain, "mx:*.google.com" */
    uint32_t max_connections;
    struct units_rate max_rate;
    uint32_t messages_per_connection;
    uint32_t max_recipients; /* of one transaction */
    enum config_delivery_tls tls;
    uint32_t total_max_connections;
    struct units_rate total_max_rate;
};

/* After the listed steps each pause is the one before times factor, up to max. */
struct config_schedule {
    const char *name; /* "default" is what `retry` says */
    struct config_durations steps;
    int64_t first_ns; /* the first pause where no steps are given */
    double factor;
    int64_t max_ns;
    double jitter;           /* 0.2 is 20 % up or down */
    int64_t lifetime_ns;     /* of a stream that names this schedule and says none */
    int64_t delay_notice_ns; /* likewise */
};

struct config_adapt {
    bool enabled;
    struct units_rate start_rate;
    int64_t pause_ns;
    int64_t max_pause_ns;
};

struct config_warmup {
    const char *name;
    uint64_t start;             /* recipients on the first day */
    double growth;              /* a day */
    uint32_t days;              /* after so many the ramp is done */
    struct config_counts steps; /* a day each; when given, instead of start and growth */
    uint64_t total;             /* cap of the source over all sites; 0: their sum */
    const char *timezone;
    uint16_t day_starts_minute;
    struct units_window window;
    enum config_warmup_per per;
    struct config_strings overflow;  /* what mail above the allowance does; "wait" */
    enum config_preflight preflight; /* check the source before its first day */
};

struct config_dkim {
    const char *domain;
    const char *selector;
    const char *key;    /* PEM file */
    uint32_t stream;    /* index, or CONFIG_NONE: every stream */
    const char *begins; /* "2026-11-21T08:00:00Z": signs from then on; "" at once */
    const char *ends;   /* ... until then; "" never */
};

struct config_alerts {
    const char *mail;
    const char *command;
};

struct config_log {
    const char *file; /* "" writes none, here and below */
    const char *maillog;
};

/* A rule about replies as it stands in the file; what is asked is its replies_rule. */
struct config_reply {
    const char *name;     /* "" where it has none */
    const char *match;    /* phrase pattern of policy/match.h; "" any text */
    const char *unless;   /* phrase pattern that must not be there; "" none */
    const char *code;     /* "421", "4xx"; "" any */
    const char *enhanced; /* "4.7.28", "*.7.1"; "" any */
    const char *provider; /* glob on the MX or site name; "" any */
    const char *class_name;
    const char *scope_name;
    struct config_strings samples; /* replies that it must decide: checked at load */
    struct config_strings never;   /* replies that it must not decide */
};

struct config {
    const char *path; /* of the file itself */
    const char *hostname;
    const char *spool;
    const char *control;
    uint32_t workers;    /* 0: one per core */
    const char *origin;  /* domain of bare names; the hostname where not given */
    const char *aliases; /* file; "" none */
    const char *drop;    /* directory of sendmail's messages; "" none */
    const char *users;   /* file; may be missing when no listener asks for AUTH */
    struct config_tls tls;
    struct config_http http;
    struct config_queue queue;
    struct config_dns dns;
    struct config_dnsbl dnsbl;
    struct config_delivery delivery;
    struct config_mta_sts mta_sts;
    struct config_adapt adapt;
    struct config_suppression suppression;
    struct config_returns returns;
    struct config_alerts alerts;
    struct config_log log;
    struct config_staging staging;
    const struct config_certificate *certificates; /* may be none */
    size_t certificate_count;
    const struct config_rewrite *rewrites; /* in the order of the file; may be none */
    size_t rewrite_count;
    const struct config_header *headers; /* likewise */
    size_t header_count;
    const struct config_listener *listeners; /* at least one */
    size_t listener_count;
    const struct config_route *routes; /* in the order of the file; may be none */
    size_t route_count;
    const struct config_source *sources; /* at least one */
    size_t source_count;
    const struct config_stream *streams; /* at least one */
    size_t stream_count;
    uint32_t default_stream; /* "transactional" where there is one, else the first */
    const struct config_site *sites; /* the file's own first, then the shipped ones */
    size_t site_count;
    uint32_t default_site; /* the one named "default": limits of all others */
    const struct config_schedule *schedules;
    size_t schedule_count;
    const struct config_warmup *warmups;
    size_t warmup_count;
    const struct config_dkim *dkim;
    size_t dkim_count;
    const struct config_reply *replies;
    size_t reply_count;
    const struct replies_rule *reply_rules; /* of replies, one each, in the same order */
};

/* Read the file and all it includes. Returns 0 and a configuration with one reference,
 * which the caller gives back with config_unref; or -EINVAL, *config NULL, and at least
 * one error in notes. Warnings may be there in both cases. Blocks on files; not for the
 * event loops. */
ATTR_MUST_CHECK int config_load(const char *path, const struct config **config,
                                struct config_notes *notes);

/* As config_load, of text in memory; name stands for the file in notes. The text may not
 * include files. */
ATTR_MUST_CHECK int config_load_text(const char *text, size_t bytes, const char *name,
                                     const struct config **config,
                                     struct config_notes *notes);

/* mesurad -t: load, look at this machine too (addresses, files), print every note to
 * out. Returns the exit status: 0 good (warnings or not), 1 bad. */
int config_check(const char *path, FILE *out);

/* Any thread. config_ref returns its argument. NULL may be unref'ed. */
const struct config *config_ref(const struct config *config);
void config_unref(const struct config *config);

/* Are all name servers on this machine? Only their word on DNSSEC is believed. The
 * system's resolvers (none configured) are not known to be. */
bool config_dns_is_local(const struct config *config);

/* Bulk mail: the stream of that name, and those with that retry schedule. */
bool config_stream_is_bulk(const struct config *config,
                           const struct config_stream *stream);

/* Where the value at this address (a field of this configuration, such as
 * &config->sites[2].max_rate) was set. */
struct config_where config_where(const struct config *config, const void *value);

/* "FILE:LINE" of it, or "default", into buffer of size bytes. Returns buffer. */
char *config_where_print(const struct config *config, const void *value, char *buffer,
                         size_t size);

/* The index of the name, or CONFIG_NONE. */
uint32_t config_stream_find(const struct config *config, const char *name);
uint32_t config_source_find(const struct config *config, const char *name);
uint32_t config_site_find(const struct config *config, const char *name);

#endif
