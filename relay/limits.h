/* Every cap in the daemon, each with its reason. queue/ and policy/ are handed theirs.
 * What an operator may change is in the configuration and only bounded here. */

#ifndef RELAY_LIMITS_H
#define RELAY_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* SMTP, RFC 5321 4.5.3.1; the command line leaves room for the parameters of RFC 3461
 * 5.4 and RFC 4954. */
#define LIMIT_LOCAL_PART   64
#define LIMIT_DOMAIN       255
#define LIMIT_PATH         256
#define LIMIT_COMMAND_LINE 2048
#define LIMIT_TEXT_LINE    1000 /* CRLF included, a stuffed dot not counted */
#define LIMIT_REPLY_LINE   512
#define LIMIT_REPLY_LINES  128         /* a longer multi-line reply is a protocol error */
#define LIMIT_REPLY_BYTES  (64 * 1024) /* of one multi-line reply */

/* Content. The header block is kept whole in the accept record; what is above these is
 * not mail (facts: the largest real headers are below 100 KiB). */
#define LIMIT_HEADER_BYTES  ((size_t)256 * 1024)
#define LIMIT_HEADER_FIELDS 1000
#define LIMIT_BODY_INLINE \
    ((size_t)128 * 1024) /* a larger body is written in pieces as it comes */
#define LIMIT_PIECE_BYTES    ((size_t)128 * 1024)
#define LIMIT_RECEIVED_COUNT 100 /* RFC 5321 6.3 */

/* Control: an operator's command is small; anything longer is not one. */
#define LIMIT_API_BODY        ((size_t)1024 * 1024)
/* Messages by HTTP: one (JSON has attachments in base64), and all that are on their way
 * to a worker together; who comes above that hears 503. */
#define LIMIT_API_MESSAGE     ((size_t)64 * 1024 * 1024)
#define LIMIT_API_MESSAGES    ((size_t)256 * 1024 * 1024)
/* The drop directory: messages at workers at once, and names looked at in one go (any
 * local user may fill it). */
#define LIMIT_DROP_FLYING     16
#define LIMIT_DROP_NAMES      2000
/* Retry storms: users' messages whose bodies are remembered, and refusals of them. */
#define LIMIT_STORM_MESSAGES  16384
#define LIMIT_STORM_REFUSALS  2048
#define LIMIT_API_ROWS        2000 /* of one kind in a document: made on core, 5 us a row */
#define LIMIT_API_PAGE        500 /* rows of the queue at once; then the next page is asked */
#define LIMIT_API_TEXT        ((size_t)4 * 1024 * 1024) /* of /metrics */
#define LIMIT_API_PARAMS      32          /* selectors and options of one ask */
#define LIMIT_API_CONNECTIONS 64          /* operators, dashboards, scrapers at once */
#define LIMIT_API_MEMORY      (32 * 1024) /* of a connection: request line and headers */
#define LIMIT_API_IDLE_S      60          /* then a keep-alive connection is closed */
#define LIMIT_API_WHY         512         /* an operator's reason */

#define LIMIT_MESSAGE_RECIPIENTS 10000 /* where a listener sets no limit of its own */
/* /etc/aliases: entries, and targets of all of them; real ones have a few dozen. */
#define LIMIT_ALIASES_FILE       ((size_t)1024 * 1024)
#define LIMIT_ALIASES            10000
/* Addresses named in the field that says where a staging relay's mail would have gone. */
#define LIMIT_STAGING_NAMED      20
#define LIMIT_IDLE_COMMANDS      100 /* NOOP and the like between two messages */
#define LIMIT_CREDIT_STEP \
    ((size_t)1024 * 1024) /* credits for a body larger than declared */

#define LIMIT_LINGER_MS    2000  /* for the last answer to arrive before a close */
#define LIMIT_HANDSHAKE_MS 30000 /* TLS, either side */
#define LIMIT_TLS_SESSIONS \
    256 /* to be resumed, of one worker: the hosts of a busy hour */

#define LIMIT_STOP_MS 5000 /* sessions that are still busy at the end are cut */

/* DNS, against floods (facts/protocol.md, table 2, row 19). */
#define LIMIT_MX_HOSTS    10
#define LIMIT_ADDRESSES   20
#define LIMIT_CNAME_STEPS 8
#define LIMIT_OWN_ADDRESSES \
    256 /* of listeners and this machine: many containers have fewer */
#define LIMIT_TLSA          20    /* of all hosts together; real ones have 1 to 4 each */
#define LIMIT_DNS_IN_FLIGHT 256   /* answers fit a socket's receive buffer */
#define LIMIT_STS_DOMAINS   20000 /* looked at for MTA-STS; few of them have a policy */
#define LIMIT_FETCHES       32 /* over HTTPS at once; a slow host holds one for its time */
#define LIMIT_RESOLVE_ANSWERS \
    50000 /* about 600 B each: 30 MB; a big sender meets fewer domains a day */

/* A connection's written bytes that its peer has not taken: replies to a client that
 * never reads end here. Bodies are borrowed and not counted. */
#define LIMIT_CONN_PENDING 65536

/* Block lists: zones named by replies or the file; (source, zone) pairs that are asked
 * about, one a second: an hour's worth. */
#define LIMIT_WATCHER_ZONES     64
#define LIMIT_WATCHER_PAIRS     4096
/* Names asked about one source before its warm-up: eight domains with ten look-ups of SPF
 * each, most of them shared. */
#define LIMIT_PREFLIGHT_LOOKUPS 120
/* Recipients held because their refusal stopped a source: what is in flight then. */
#define LIMIT_CAUGHT            20000

/* Outgoing transactions: RFC 5321 4.5.3.1.8 asks every server to take 100. */
#define LIMIT_OUT_RCPTS 100

/* Log: what may wait for a slow disk, and one event written out (26 texts of 512 bytes
 * and a reply of 1024, each byte escaped as six at worst). */
#define LIMIT_LOG_PENDING ((uint64_t)16 * 1024 * 1024)
#define LIMIT_LOG_RECORD  ((size_t)96 * 1024)

/* Store: what may wait for a slow disk; rows of one answer, one page of a screen or
 * report; bytes of one answer. */
#define LIMIT_STORE_PENDING ((uint64_t)8 * 1024 * 1024)
#define LIMIT_STORE_ROWS    10000
#define LIMIT_STORE_HOURS \
    ((int64_t)35 * 24) /* of counts: a month, and the week before it */
#define LIMIT_STORE_ANSWER ((size_t)16 * 1024 * 1024)

/* Counts of an hour: names in a group (senders and texts come from outside; a report
 * shows twenty), and keys in all, of which a place takes 200 bytes. */
#define LIMIT_HOURS_NAMES 400
#define LIMIT_HOURS_KEYS  3000

/* Alerts: waiting notices (a person reads them), and remembered (event, subject) pairs:
 * sources times sites of a large installation. */
#define LIMIT_ALERT_PENDING   64
#define LIMIT_ALERT_MEMORY    1024
#define LIMIT_ALERT_ARGUMENTS 16

/* Metrics: label sets of one family (sources times sites of a large installation), and
 * families we declare. */
#define LIMIT_METRIC_SERIES   1024
#define LIMIT_METRIC_FAMILIES 96
#define LIMIT_METRIC_SLOTS    32768 /* per thread; a histogram takes 16 */

/* Users: the file is read whole; a company has hundreds, a provider tens of thousands. */
#define LIMIT_USERS_FILE ((size_t)16 * 1024 * 1024)
#define LIMIT_USERS_LINE ((size_t)8 * 1024)
#define LIMIT_USERS      50000

/* Password checks: waiting for a hash thread (each takes about 75 ms: 5 s on one); names
 * and addresses whose tries are counted; successes remembered. */
#define LIMIT_AUTH_MEMORY_KIB 262144 /* of one hash: four times ours */
#define LIMIT_AUTH_PASSES     8
#define LIMIT_AUTH_QUEUE      64
#define LIMIT_AUTH_BUCKETS    8192
#define LIMIT_AUTH_CACHE      4096

/* Time zone files: the largest of tzdata has 4 KiB and 236 changes. */
#define LIMIT_ZONE_FILE    ((size_t)128 * 1024)
#define LIMIT_ZONE_CHANGES 4096

/* Configuration: a file is written by a person; anything larger is not one. */
#define LIMIT_CONFIG_BYTES \
    ((size_t)4 * 1024 * 1024) /* all files together, includes counted each time */
#define LIMIT_CONFIG_INCLUDE_DEPTH 8
#define LIMIT_CONFIG_NESTING       16  /* groups in groups; the deepest real one has 4 */
#define LIMIT_CONFIG_NOTES         500 /* nobody reads more errors than that */
#define LIMIT_CONFIG_ENTRIES       4096 /* of one list: streams, sites, networks, patterns */
#define LIMIT_CONFIG_STRING        1024 /* one value */
/* Chunks of one message (BDAT): against millions of tiny ones. */
#define LIMIT_CHUNKS               10000
#define LIMIT_CONFIG_NAME                                                               \
    64                        /* of a stream, source, site: it stands in every log line \
                               */
#define LIMIT_CONFIG_STEPS 16 /* of a retry schedule: BACKOFF_STEPS */
#define LIMIT_CONFIG_DAYS  64 /* in a warm-up table: RAMP_STEPS */
#define LIMIT_CONFIG_RATE  1000000000 /* per period; pace counts in 32 bits */

/* Messages whose bounces wait to be written: 8 bytes each. Beyond it the index is looked
 * through again when these are done. */
#define LIMIT_OWED (1024 * 1024)

#endif
