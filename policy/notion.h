/* Which things does a reply speak of, in whatever language?
 *
 * A server says "mailbox" and "full" in its own tongue and order; what that means
 * together is the same everywhere. Here are the words: a notion is a set of stems, in the
 * languages of the world's large receivers, and a text is reduced to the set of notions
 * found in it. The rules of replies_notions.c combine them and know no language. Any
 * thread; no state.
 */

#ifndef POLICY_NOTION_H
#define POLICY_NOTION_H

#include <stdint.h>

#include "policy/match.h"

enum notion {
    /* things */
    NOTION_MAILBOX,
    NOTION_RECIPIENT,
    NOTION_USER,
    NOTION_ADDRESS, /* of mail, or of the network: see NOTION_IP */
    NOTION_QUOTA,
    NOTION_SIZE,
    NOTION_MESSAGE,
    NOTION_CONTENT,
    NOTION_ATTACHMENT,
    NOTION_FILE,
    NOTION_SPAM,
    NOTION_VIRUS,
    NOTION_SENDER,
    NOTION_DOMAIN,
    NOTION_IP,
    NOTION_YOUR_SERVER,
    NOTION_SERVER,
    NOTION_CONNECTION,
    NOTION_REPUTATION,
    NOTION_BLACKLIST,
    NOTION_DNSBL, /* a list that anybody may ask: "RBL" */
    NOTION_REVERSE,
    NOTION_MX,
    NOTION_HELO,
    NOTION_SPF, /* and DKIM, DMARC */
    NOTION_RELAY,
    NOTION_LOGIN,
    NOTION_MEMBER, /* of a list or a group */
    NOTION_TLS,
    NOTION_LOOP,
    NOTION_SYNTAX,
    NOTION_GREYLIST,
    NOTION_HOUR,     /* a limit by time */
    NOTION_RECEIVES, /* what a mailbox does */
    /* what is said of them */
    NOTION_UNKNOWN,
    NOTION_DISABLED,
    NOTION_FULL,
    NOTION_EXCEEDED,
    NOTION_TOO_MANY,
    NOTION_TOO_BIG,
    NOTION_LIMIT,
    NOTION_FREQUENT,
    NOTION_REFUSED,
    NOTION_BLOCKED,
    NOTION_NOT_ALLOWED,
    NOTION_FAILED,
    NOTION_INVALID,
    NOTION_NONE, /* "no", "without", "missing" */
    NOTION_LATER,
    NOTION_TEMPORARY,
    NOTION_UNAVAILABLE,
    NOTION_BUSY,
    NOTION_ERROR,
    NOTIONS, /* how many; at most 64 */
};

/* A set with this notion alone. */
#define NOTION_SET(NOTION) (UINT64_C(1) << (NOTION))

/* The notions of the text, as a set. */
uint64_t notion_find(const struct match_text *text);

/* Its pattern of match.h, for tests. */
const char *notion_words(enum notion notion);

#endif
