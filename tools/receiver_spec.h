/* What one simulated provider is told to be: its address, its texts and its hidden
 * limits. Pure data, read from "name=gmail,rate=60/m,..." or from a libconfig file.
 *
 * All durations but the latencies are in the provider's own time, which runs --speed
 * times faster than the clock. */

#ifndef TOOLS_RECEIVER_SPEC_H
#define TOOLS_RECEIVER_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "tools/setting.h"

#define RECEIVER_TEXT_BYTES       512
#define RECEIVER_SPEC_SAYS        16
#define RECEIVER_SPEC_CHANGES     16
#define RECEIVER_SPEC_RBL_SOURCES 16
#define RECEIVER_PROVIDERS_MAX    1024 /* listeners in one process */

/* Where in a conversation a provider looks at a limit. */
enum receiver_stage {
    RECEIVER_CONNECT,
    RECEIVER_EHLO,
    RECEIVER_MAIL,
    RECEIVER_RCPT,
    RECEIVER_DATA,
    RECEIVER_DOT,
    RECEIVER_STAGES,
};

/* Why a provider answered as it did. The names are keys of the statistics. */
enum receiver_class {
    RECEIVER_ACCEPTED,
    RECEIVER_RATE,
    RECEIVER_HOURLY,
    RECEIVER_DAILY,
    RECEIVER_CURVE,
    RECEIVER_CONNECTIONS,
    RECEIVER_PER_CONNECTION,
    RECEIVER_BOX,
    RECEIVER_BLOCK,
    RECEIVER_GREY,
    RECEIVER_RBL,
    RECEIVER_RANDOM,
    RECEIVER_UNKNOWN,
    RECEIVER_FULL,
    RECEIVER_RECIPIENT,
    RECEIVER_SAY,
    RECEIVER_MISLEADING,
    RECEIVER_OUTAGE,
    RECEIVER_RECIPIENTS,
    RECEIVER_PROTOCOL,
    RECEIVER_HOSTILE,
    RECEIVER_CLASSES,
};

enum receiver_style {
    RECEIVER_STYLE_PLAIN,
    RECEIVER_STYLE_GMAIL,
    RECEIVER_STYLE_YAHOO,
    RECEIVER_STYLE_OUTLOOK,
    RECEIVER_STYLE_GMX,
    RECEIVER_STYLES,
};

enum receiver_tls { RECEIVER_TLS_NONE, RECEIVER_TLS_STARTTLS, RECEIVER_TLS_IMPLICIT };

/* How a limit is enforced where a reply is not the only way. */
enum receiver_how { RECEIVER_HOW_REPLY, RECEIVER_HOW_CLOSE, RECEIVER_HOW_RESET };

enum receiver_hostile {
    RECEIVER_HOSTILE_NONE,
    RECEIVER_HOSTILE_GARBAGE,  /* replies are random bytes */
    RECEIVER_HOSTILE_ENDLESS,  /* the reply to EHLO never ends */
    RECEIVER_HOSTILE_LONGLINE, /* one reply line of 100 KB */
    RECEIVER_HOSTILE_NOCODE,   /* replies have no code */
    RECEIVER_HOSTILE_NUL,      /* replies contain NUL and bare CR */
    RECEIVER_HOSTILE_ORDER,    /* each reply is the one due to the next command */
    RECEIVER_HOSTILE_EARLY,    /* 250 to the message before its final dot */
    RECEIVER_HOSTILE_CUT,      /* closes after hostile_bytes bytes of replies */
    RECEIVER_HOSTILE_CUTIN,    /* closes after hostile_bytes bytes received */
    RECEIVER_HOSTILE_HOLE,     /* accepts the connection, never says anything */
    RECEIVER_HOSTILE_MUTE,     /* greets, then never answers */
    RECEIVER_HOSTILE_DRIP,     /* one byte of reply a second */
    RECEIVER_HOSTILE_DOTCLOSE, /* takes the message, closes without an answer */
    RECEIVER_HOSTILE_DOTMUTE,  /* takes the message, never answers */
    RECEIVER_HOSTILE_GREET421,
    RECEIVER_HOSTILE_GREET554,
    RECEIVER_HOSTILE_INJECT, /* plaintext replies right behind the 220 of STARTTLS */
};

/* A reply given by chance at one stage. */
struct receiver_say {
    int stage; /* enum receiver_stage */
    double chance;
    char text[RECEIVER_TEXT_BYTES];
};

/* From at_ns on, the capacity is its base times factor. */
struct receiver_change {
    int64_t at_ns;
    double factor;
};

struct receiver_spec {
    char name[64];
    char listen[256]; /* addresses, separated by blanks */
    char hostname[128];
    int style;           /* enum receiver_style */
    int tls;             /* enum receiver_tls */
    int at;              /* enum receiver_stage at which the paced limits are looked at */
    int how_connections; /* enum receiver_how */
    int how_per_connection;
    int how_outage;
    bool tls_required;
    char ehlo[256];
    uint64_t max_size;
    uint64_t seed;

    double rate_per_s; /* 0: unlimited */
    double burst;      /* 0: what one second brings, at least 1 */
    uint64_t hourly;   /* 0: unlimited, here and below */
    uint64_t daily;
    int64_t day_ns;
    int share_bits; /* sources of one IPv4 prefix share the limits: 0 all, 32 none */
    uint64_t connections;
    uint64_t per_connection;
    uint64_t recipients;
    double reputation;
    double diurnal;
    double diurnal_phase;
    struct receiver_change changes[RECEIVER_SPEC_CHANGES];
    size_t changes_count;
    int64_t outage_at_ns;
    int64_t outage_every_ns;
    int64_t outage_for_ns;

    uint64_t strikes; /* 0: no escalation */
    int64_t strike_window_ns;
    int64_t box_ns;
    uint64_t box_attempts;
    int64_t block_ns;

    uint64_t curve_first; /* 0: no curve */
    double curve_growth;
    double curve_overrun;
    int64_t curve_block_ns;

    int64_t grey_min_ns; /* 0: no greylisting */
    int64_t grey_max_ns;
    int64_t grey_keep_ns;
    int grey_bits; /* as share_bits */
    bool grey_triplet;

    int64_t rbl_after_ns; /* negative: not by time */
    uint64_t rbl_after_messages;
    int64_t rbl_clear_ns;
    int rbl_at; /* enum receiver_stage */
    char rbl_zone[128];
    char rbl_names[64]; /* the address to blame; "" is the client's */
    char rbl_sources[RECEIVER_SPEC_RBL_SOURCES][48];
    size_t rbl_sources_count; /* 0: all */

    double random;
    int random_at;
    double unknown;
    char unknown_prefix[32];
    double full;
    double recipient;
    double misleading;
    struct receiver_say says[RECEIVER_SPEC_SAYS];
    size_t says_count;

    struct setting_span latency_connect;
    struct setting_span latency_reply;
    struct setting_span latency_dot;

    int hostile; /* enum receiver_hostile */
    uint64_t hostile_bytes;
    double hostile_chance;

    char texts[RECEIVER_CLASSES][RECEIVER_TEXT_BYTES]; /* "": the style's */
};

/* The defaults of a provider: accepts everything. */
void receiver_spec_init(struct receiver_spec *spec);

/* Read "key=value,key=value,..."; a value with a comma is put in double quotes. Returns
 * 0 or -EINVAL with the sentence in err. */
int receiver_spec_parse(struct receiver_spec *spec, const char *text,
                        struct errmsg *err) ATTR_MUST_CHECK;

/* Read `providers = ( { name = "..."; ... }, ... );` and give each provider to add,
 * which says 0 to go on. Returns 0 or a negative errno; err names file and line. */
int receiver_spec_file(const char *path,
                       int (*add)(void *owner, const struct receiver_spec *spec,
                                  struct errmsg *err),
                       void *owner, struct errmsg *err) ATTR_MUST_CHECK;

/* Whether the settings make sense together; fills in what follows from others. */
int receiver_spec_check(struct receiver_spec *spec, struct errmsg *err) ATTR_MUST_CHECK;

#endif
