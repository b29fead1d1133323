#include "tools/receiver_text.h"

#include <stdio.h>
#include <string.h>

/* What a style does not say, the plain one does. A Gmail speaks of quotas, a Yahoo of
 * volume or complaints, an Outlook of reputation; a GMX has no enhanced codes. */
static const struct {
    enum receiver_style style;
    enum receiver_class class;
    const char *text;
} texts[] = {
    {RECEIVER_STYLE_PLAIN, RECEIVER_RATE,
     "421 4.7.0 {host} Too many messages from {ip}, rate limited; slow down"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_HOURLY,
     "451 4.7.1 Hourly message limit for {ip} exceeded, try again later"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_DAILY,
     "451 4.7.1 Daily message limit for {ip} exceeded, try again later"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_CURVE,
     "421 4.7.28 Unusual rate of mail from the new address {ip}; it is rate limited"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_CONNECTIONS,
     "421 4.7.0 {host} Too many connections from {ip}"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_PER_CONNECTION,
     "421 4.7.0 {host} Too many messages on this connection"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_BOX,
     "421 4.7.0 {host} All mail from {ip} is deferred for going on too fast"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_BLOCK,
     "554 5.7.1 {host} Mail from {ip} is refused: it went on after it was asked to slow "
     "down"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_GREY, "451 4.7.1 Greylisted, please try again later"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_RBL,
     "554 5.7.1 Service unavailable; Client host [{ip}] blocked using {zone}; see "
     "https://{zone}/{ip}"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_RANDOM,
     "451 4.3.0 Temporary trouble here, try again later"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_UNKNOWN, "550 5.1.1 <{rcpt}> No such user here"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_FULL, "452 4.2.2 <{rcpt}> Mailbox full"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_RECIPIENT,
     "450 4.2.1 <{rcpt}> is receiving mail too quickly, try again later"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_OUTAGE,
     "421 4.3.2 {host} System not available, try again later"},
    {RECEIVER_STYLE_PLAIN, RECEIVER_RECIPIENTS, "452 4.5.3 Too many recipients"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_RATE,
     "421 4.7.28 Our system has detected an unusual rate of email originating from your "
     "IP address [{ip}]; it has been temporarily rate limited"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_CURVE,
     "421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating "
     "from your IP address [{ip}]"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_CONNECTIONS,
     "421 4.7.0 Too many concurrent connections from [{ip}], closing connection"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_BOX,
     "421 4.7.0 [{ip}] very low reputation of the sending IP address; mail from it is "
     "deferred"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_BLOCK,
     "550 5.7.1 [{ip}] This mail is likely unsolicited because of the very low "
     "reputation of the sending IP address"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_UNKNOWN,
     "550 5.1.1 The account {rcpt} that you tried to reach does not exist"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_FULL,
     "452 4.2.2 The recipient's inbox is out of storage space"},
    {RECEIVER_STYLE_GMAIL, RECEIVER_OUTAGE, "421 4.4.5 Server busy, try again later"},
    {RECEIVER_STYLE_YAHOO, RECEIVER_RATE,
     "421 4.7.0 [TSS04] Messages from {ip} temporarily deferred due to unexpected volume "
     "or user complaints"},
    {RECEIVER_STYLE_YAHOO, RECEIVER_CURVE,
     "421 4.7.0 [TSS05] Messages from {ip} temporarily deferred due to unexpected volume "
     "or user complaints"},
    {RECEIVER_STYLE_YAHOO, RECEIVER_PER_CONNECTION,
     "421 Max message per connection reached, closing"},
    {RECEIVER_STYLE_YAHOO, RECEIVER_BOX,
     "421 4.7.1 [TS03] All messages from {ip} will be permanently deferred; retrying "
     "will NOT succeed"},
    {RECEIVER_STYLE_YAHOO, RECEIVER_BLOCK,
     "553 5.7.2 [TSS09] All messages from {ip} will be permanently refused"},
    {RECEIVER_STYLE_YAHOO, RECEIVER_RANDOM,
     "451 Resources temporarily unavailable. Please try again later [#4.16.1]"},
    {RECEIVER_STYLE_OUTLOOK, RECEIVER_RATE,
     "451 4.7.650 The mail server [{ip}] has been temporarily rate limited due to IP "
     "reputation (S775)"},
    {RECEIVER_STYLE_OUTLOOK, RECEIVER_CURVE,
     "451 4.7.651 The mail server [{ip}] has been temporarily rate limited due to IP "
     "reputation (S3114)"},
    {RECEIVER_STYLE_OUTLOOK, RECEIVER_CONNECTIONS,
     "421 RP-003 The limit of connections from [{ip}] is exceeded"},
    {RECEIVER_STYLE_OUTLOOK, RECEIVER_PER_CONNECTION,
     "421 RP-002 The limit of messages on this connection is exceeded"},
    {RECEIVER_STYLE_OUTLOOK, RECEIVER_BOX,
     "451 4.7.500 Server busy. Please try again later from [{ip}]. (S77719)"},
    {RECEIVER_STYLE_OUTLOOK, RECEIVER_BLOCK,
     "550 5.7.1 Messages from [{ip}] were not sent: part of their network is on our "
     "block list (S3150)"},
    {RECEIVER_STYLE_OUTLOOK, RECEIVER_UNKNOWN,
     "550 5.5.0 Requested action not taken: mailbox unavailable"},
    {RECEIVER_STYLE_GMX, RECEIVER_RATE, "421 Rate limit reached. Please try again later"},
    {RECEIVER_STYLE_GMX, RECEIVER_HOURLY,
     "421 Too many messages from {ip} in a short period"},
    {RECEIVER_STYLE_GMX, RECEIVER_DAILY,
     "421 Too many messages from {ip} in a short period"},
    {RECEIVER_STYLE_GMX, RECEIVER_CONNECTIONS, "421 Too many connections from {ip}"},
    {RECEIVER_STYLE_GMX, RECEIVER_BOX, "421 Reject due to policy violations"},
    {RECEIVER_STYLE_GMX, RECEIVER_BLOCK, "554 IP address {ip} is block listed"},
    {RECEIVER_STYLE_GMX, RECEIVER_RBL,
     "554 Transaction failed; IP address {ip} is block listed at {zone}"},
    {RECEIVER_STYLE_GMX, RECEIVER_UNKNOWN,
     "550 Requested action not taken: mailbox unavailable"},
};

static const char *text_of(enum receiver_style style, enum receiver_class class)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].style == style && texts[i].class == class) {
            return texts[i].text;
        }
    }
    return NULL;
}

static const char *template_of(const struct receiver_spec *spec,
                               enum receiver_class class)
{
    const char *text = text_of((enum receiver_style)spec->style, class);

    if (spec->texts[class][0] != '\0') {
        return spec->texts[class];
    }
    if (text == NULL) {
        text = text_of(RECEIVER_STYLE_PLAIN, class);
    }
    return text != NULL ? text : "451 4.3.0 Not now";
}

static const char *fill(const struct receiver_spec *spec, const char *name, size_t length,
                        const struct receiver_text_facts *facts)
{
    const struct {
        const char *name;
        const char *value;
    } fields[] = {
        {"ip", facts->ip},
        {"host", spec->hostname},
        {"zone", spec->rbl_zone},
        {"rcpt", facts->recipient},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strlen(fields[i].name) == length &&
            memcmp(fields[i].name, name, length) == 0) {
            return fields[i].value;
        }
    }
    return NULL;
}

int receiver_text_reply(const struct receiver_spec *spec, enum receiver_class class,
                        const char *template, const struct receiver_text_facts *facts,
                        char out[RECEIVER_TEXT_BYTES])
{
    const char *from = template != NULL ? template : template_of(spec, class);
    struct receiver_text_facts named = *facts;
    size_t used = 0;

    if (class == RECEIVER_RBL && spec->rbl_names[0] != '\0') {
        named.ip = spec->rbl_names;
    }
    while (*from != '\0' && used + 1 < RECEIVER_TEXT_BYTES) {
        const char *brace = *from == '{' ? strchr(from, '}') : NULL;
        const char *value = brace != NULL
                                ? fill(spec, from + 1, (size_t)(brace - from - 1), &named)
                                : NULL;

        if (value == NULL) {
            out[used++] = *from++;
            continue;
        }
        size_t length = strnlen(value, RECEIVER_TEXT_BYTES - 1 - used);

        memcpy(out + used, value, length);
        used += length;
        from = brace + 1;
    }
    out[used] = '\0';
    return (out[0] - '0') * 100 + (out[1] - '0') * 10 + (out[2] - '0');
}
