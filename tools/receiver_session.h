/* One connection to a simulated provider: bytes in, replies out, and its ending. What the
 * commands mean is receiver_talk's, what the content means receiver_body's, how a hostile
 * provider breaks it receiver_hostile's; they share this struct.
 *
 * A session frees itself when its connection is over. */

#ifndef TOOLS_RECEIVER_SESSION_H
#define TOOLS_RECEIVER_SESSION_H

#include <sys/socket.h>

#include "queue/list.h"

#include "tools/reactor.h"
#include "tools/receiver_book.h"
#include "tools/receiver_record.h"
#include "tools/receiver_seen.h"
#include "tools/receiver_trail.h"
#include "tools/wire.h"

#define RECEIVER_SESSION_IN_BYTES     65536
#define RECEIVER_SESSION_LINE_BYTES   4096   /* a longer command line ends the session */
#define RECEIVER_SESSION_OUT_BYTES    262144 /* of replies that wait for a slow client */
#define RECEIVER_SESSION_PATH_BYTES   512    /* of an address or a parameter list */
#define RECEIVER_SESSION_HEADER_BYTES 8192   /* searched for the message id */
#define RECEIVER_SESSION_RECIPIENTS                     \
    10000 /* of one message, whatever the provider says \
           */
#define RECEIVER_SESSION_ID_BYTES 256

/* What all sessions share. */
struct receiver_desk {
    struct reactor reactor;
    struct ssl_ctx_st *tls;         /* owned by main; NULL when nobody offers TLS */
    struct receiver_trail *trail;   /* owned by main; may be NULL */
    struct receiver_record *record; /* owned by main; may be NULL */
    struct receiver_seen seen;
    struct list sessions;
    int64_t start_ns;
    double speed; /* the providers' clocks run so many times faster */
    uint64_t connections;
    uint64_t messages;          /* accepted by all */
    struct errmsg record_error; /* the first message that could not be recorded */
};

enum receiver_session_state {
    RECEIVER_SESSION_COMMAND,   /* reading command lines; also before the greeting */
    RECEIVER_SESSION_HANDSHAKE, /* TLS */
    RECEIVER_SESSION_DATA,
    RECEIVER_SESSION_BDAT,
    RECEIVER_SESSION_LINGER, /* all is said; waits for the client to close */
    RECEIVER_SESSION_SILENT, /* reads and says nothing, for ever */
};

/* What happens when the replies have been written. */
enum receiver_session_end {
    RECEIVER_SESSION_STAY,
    RECEIVER_SESSION_END,      /* close, waiting a moment for the client */
    RECEIVER_SESSION_END_NOW,  /* close */
    RECEIVER_SESSION_END_RESET /* close with an RST */
};

struct receiver_session {
    struct list_node node;      /* of desk.sessions */
    struct receiver_desk *desk; /* borrowed: outlives every session, as the next */
    struct receiver_provider *provider; /* borrowed */
    struct receiver_source *source;     /* borrowed; NULL: turned away */
    struct reactor_io io;
    struct reactor_timer timer;
    struct wire wire;
    enum receiver_session_state state;
    enum receiver_session_end end;
    enum receiver_hostile hostile;
    bool held;      /* a latency runs: nothing is read, nothing is written */
    bool greeted;   /* the greeting is due or said */
    bool flooding;  /* hostile: more of the endless reply whenever there is room */
    bool start_tls; /* handshake as soon as the 220 is written */
    bool tls;
    uint64_t number;
    uint64_t messages; /* accepted on this connection */
    uint64_t bytes_in;
    uint64_t bytes_out;

    char helo[256];
    bool has_sender;
    char sender[RECEIVER_SESSION_PATH_BYTES];
    char sender_parameters[RECEIVER_SESSION_PATH_BYTES];
    int64_t begun_ns;
    struct receiver_record_part recipients; /* count times ADDRESS NUL PARAMETERS NUL */
    size_t recipients_count;

    bool line_start; /* DATA: the next byte begins a line */
    bool header_done;
    bool chunked;      /* BDAT */
    bool chunk_last;   /* BDAT LAST */
    bool chunk_refuse; /* the chunk is read and answered with 503 */
    uint64_t chunk_left;
    uint64_t size; /* of the message so far */
    struct receiver_record_part content;
    size_t header_used;
    char header[RECEIVER_SESSION_HEADER_BYTES];

    size_t in_start;
    size_t in_used;
    char *in; /* owned; not zeroed */
    size_t out_sent;
    size_t out_used;
    size_t out_size;
    char *out; /* owned */
};

/* The provider's time of this loop turn. */
int64_t receiver_session_model_ns(const struct receiver_desk *desk);

/* Take over an accepted descriptor and begin. */
void receiver_session_start(struct receiver_desk *desk,
                            struct receiver_provider *provider, int fd,
                            const struct sockaddr_storage *peer);

/* Close and free every session. */
void receiver_session_close_all(struct receiver_desk *desk);

/* Say one reply, without its CRLF, in whatever way the provider is hostile, after the
 * provider's latency for replies. */
void receiver_session_say(struct receiver_session *session, const char *text);

/* Put bytes behind the replies that wait to be written, as they are. */
void receiver_session_put(struct receiver_session *session, const char *bytes,
                          size_t size);

/* Neither read nor write for that long, drawn from the span; {0, 0} does nothing. */
void receiver_session_hold(struct receiver_session *session,
                           const struct setting_span *span);

#endif
