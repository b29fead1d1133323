#include "policy/finding.h"

#include <stddef.h>
#include <string.h>

static const char *const class_names[FINDING_CLASSES] = {
    [FINDING_NONE] = "accepted",
    [FINDING_THROTTLE] = "throttle",
    [FINDING_GREYLIST] = "greylist",
    [FINDING_IP_LISTED] = "ip-listed",
    [FINDING_IP_REPUTATION] = "ip-reputation",
    [FINDING_DOMAIN_REPUTATION] = "domain-reputation",
    [FINDING_AUTH_POLICY] = "auth-policy",
    [FINDING_CONTENT] = "content",
    [FINDING_BAD_MAILBOX] = "bad-mailbox",
    [FINDING_BAD_DOMAIN] = "bad-domain",
    [FINDING_MAILBOX_FULL] = "mailbox-full",
    [FINDING_MESSAGE_TOO_BIG] = "message-too-big",
    [FINDING_RECIPIENT_RATE] = "recipient-rate",
    [FINDING_REMOTE_FAILURE] = "remote-failure",
    [FINDING_PROTOCOL] = "protocol",
    [FINDING_OTHER] = "other",
};

static const char *const scope_names[FINDING_SCOPES] = {
    [FINDING_SCOPE_RECIPIENT] = "recipient",
    [FINDING_SCOPE_MESSAGE] = "message",
    [FINDING_SCOPE_SENDER_DOMAIN] = "sender-domain",
    [FINDING_SCOPE_LANE] = "lane",
    [FINDING_SCOPE_SOURCE] = "source",
    [FINDING_SCOPE_NETBLOCK] = "netblock",
};

static const char *const blocked_names[FINDING_BLOCKEDS] = {
    [FINDING_BLOCKED_NOTHING] = "",  [FINDING_BLOCKED_IP] = "ip",
    [FINDING_BLOCKED_HELO] = "helo", [FINDING_BLOCKED_MAIL_FROM] = "mail-from",
    [FINDING_BLOCKED_FROM] = "from", [FINDING_BLOCKED_DKIM] = "dkim",
    [FINDING_BLOCKED_URL] = "url",
};

static const char *const behaviour_names[FINDING_BEHAVIOURS] = {
    [FINDING_BEHAVIOUR_NONE] = "",
    [FINDING_BEHAVIOUR_GOOGLE_4728] = "google-4.7.28",
    [FINDING_BEHAVIOUR_YAHOO_TSS04] = "yahoo-tss04",
    [FINDING_BEHAVIOUR_MICROSOFT_S775] = "microsoft-s775",
    [FINDING_BEHAVIOUR_GMX_LATER] = "gmx",
};

const char *finding_class_name(enum finding_class class)
{
    return class_names[class];
}

const char *finding_scope_name(enum finding_scope scope)
{
    return scope_names[scope];
}

const char *finding_blocked_name(enum finding_blocked blocked)
{
    return blocked_names[blocked];
}

const char *finding_behaviour_name(enum finding_behaviour behaviour)
{
    return behaviour_names[behaviour];
}

bool finding_class_parse(const char *name, enum finding_class *out_class)
{
    for (int i = 0; i < FINDING_CLASSES; i++) {
        if (strcmp(class_names[i], name) == 0) {
            *out_class = (enum finding_class)i;
            return true;
        }
    }
    return false;
}

bool finding_scope_parse(const char *name, enum finding_scope *out_scope)
{
    for (int i = 0; i < FINDING_SCOPES; i++) {
        if (strcmp(scope_names[i], name) == 0) {
            *out_scope = (enum finding_scope)i;
            return true;
        }
    }
    return false;
}
