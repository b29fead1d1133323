/* The value of one answer of a remote server, or of the transport in its place.
 *
 * A reply is never an error code: "554 5.7.1 blocked", "connection refused" and "no MX
 * record" are all values with the stage in which they came, and policy/classify turns
 * them into a verdict. Absent text is "" and never NULL. Header only. */

#ifndef POLICY_REPLY_H
#define POLICY_REPLY_H

#include <stdint.h>

/* How much of a reply's text is kept; longer ones are cut (RFC 5321 4.5.3.1.5 asks for
 * 512 per line, multi-line replies are joined with one space). */
#define REPLY_TEXT_BYTES 1024

/* Where in the conversation the answer came. The order is that of a session. */
enum reply_stage {
    REPLY_STAGE_DNS,      /* resolving the destination, before any connection */
    REPLY_STAGE_CONNECT,  /* TCP */
    REPLY_STAGE_GREETING, /* the 220 */
    REPLY_STAGE_EHLO,
    REPLY_STAGE_STARTTLS, /* the command and the handshake */
    REPLY_STAGE_AUTH,
    REPLY_STAGE_MAIL,
    REPLY_STAGE_RCPT,
    REPLY_STAGE_DATA, /* the 354 */
    REPLY_STAGE_BODY, /* while the message was on its way, before the final dot was sent
                       */
    REPLY_STAGE_DOT,  /* after the final dot: the outcome may be unknown */
    REPLY_STAGE_QUIT,
};

/* Who speaks. Only a remote reply may move a lane, a stop or a ramp; what is our own
 * fault (our DNS, our TLS, our limits, our disk) never does. */
enum reply_origin {
    REPLY_REMOTE,      /* the other server said it; code and text are its own */
    REPLY_NETWORK,     /* refused, reset, unreachable, timed out, closed; code is 0 */
    REPLY_MALFORMED,   /* it spoke, but not SMTP; code is 0 or what could be read */
    REPLY_DNS_FAILURE, /* permanent (NXDOMAIN, null MX) or temporary: see enhanced */
    REPLY_LOCAL,       /* our own decision or fault; text says which */
};

struct reply {
    enum reply_stage stage;
    enum reply_origin origin;
    uint16_t code; /* 200-599; 0 when no code was received */
    uint16_t
        enhanced[3]; /* class.subject.detail of RFC 3463 (4.7.650); 0.0.0 when absent */
    char text[REPLY_TEXT_BYTES]; /* terminated; without the codes; control bytes as '?' */
};

#endif
