/* Every cap in the daemon, each with its reason. queue/ and policy/ are handed theirs.
 * What an operator may change is in the configuration and only bounded here. */

#ifndef RELAY_LIMITS_H
#define RELAY_LIMITS_H

/* SMTP, RFC 5321 4.5.3.1; the command line leaves room for the parameters of RFC 3461
 * 5.4 and RFC 4954. */
#define LIMIT_LOCAL_PART 64
#define LIMIT_DOMAIN 255
#define LIMIT_PATH 256
#define LIMIT_COMMAND_LINE 2048
#define LIMIT_TEXT_LINE 1000 /* CRLF included, a stuffed dot not counted */
#define LIMIT_REPLY_LINE 512
#define LIMIT_REPLY_LINES 128        /* a longer multi-line reply is a protocol error */
#define LIMIT_REPLY_BYTES (64 * 1024) /* of one multi-line reply */

/* Content. The header block is kept whole in the accept record; what is above these is
 * not mail (facts: the largest real headers are below 100 KiB). */
#define LIMIT_HEADER_BYTES (256 * 1024)
#define LIMIT_HEADER_FIELDS 1000
#define LIMIT_BODY_INLINE (128 * 1024) /* a larger body is written in pieces as it comes */
#define LIMIT_PIECE_BYTES (128 * 1024)
#define LIMIT_RECEIVED_COUNT 100 /* RFC 5321 6.3 */

/* Control: an operator's command is small; anything longer is not one. */
#define LIMIT_API_BODY (1024 * 1024)
#define LIMIT_API_ROWS 10000

/* DNS, against floods (facts/protocol.md, table 2, row 19). */
#define LIMIT_MX_HOSTS 10
#define LIMIT_ADDRESSES 20
#define LIMIT_CNAME_STEPS 8

/* Configuration: a file is written by a person; anything larger is not one. */
#define LIMIT_CONFIG_BYTES 4194304 /* 4 MiB, all files together, includes counted each time */
#define LIMIT_CONFIG_INCLUDE_DEPTH 8
#define LIMIT_CONFIG_NESTING 16   /* groups in groups; the deepest real one has 4 */
#define LIMIT_CONFIG_NOTES 500    /* nobody reads more errors than that */
#define LIMIT_CONFIG_ENTRIES 4096 /* of one list: streams, sites, networks, patterns */
#define LIMIT_CONFIG_STRING 1024  /* one value */
#define LIMIT_CONFIG_NAME 64      /* of a stream, source, site: it stands in every log line */
#define LIMIT_CONFIG_STEPS 16     /* of a retry schedule: BACKOFF_STEPS */
#define LIMIT_CONFIG_DAYS 64      /* in a warm-up table: RAMP_STEPS */
#define LIMIT_CONFIG_RATE 1000000000 /* per period; pace counts in 32 bits */

#endif
