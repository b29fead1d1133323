#include "policy/notion.h"
#include "policy/replies_tables.h"

/* Sentences whose grammar says more than their words: "mail from 192.0.2.1 refused, spam"
 * speaks of an address, "cannot contact the spam filter" of the receiver. Asked before
 * the words alone. */
static const struct replies_rule rules[] = {
    /* The receiver's helpers are out of order. */
    {.name = "helper-down",
     .match = "contact*daemon|contact*scanner|contact*filter|reach*daemon|"
              "connect to*daemon|connect to*scanner|scanner*malfunction|"
              "scanner*unavailable|scanner*not available|scanner*failure|scanner*failed|"
              "scanner*error|scanning*failed|scan*timed out|filter*unavailable|"
              "filter*not available|filter*timed out|milter*error|milter*tempfail|"
              "clamd|<milter>*fail|policy server*timeout|policy service*|"
              "greylist*database|greylist*unavailable|greylist*error|"
              "unable to verify*at this time|callout*timed out|callout*timeout|"
              "recipient verif*tempor|unable to check*recipient",
     .unless = "spf|dkim|dmarc|sender",
     REPLIES_4XX,
     .class = FINDING_REMOTE_FAILURE,
     .scope = FINDING_SCOPE_LANE},
    {.name = "helper-full",
     .match = "no space left|disk full|disk is full|file system full|filesystem full|"
              "disk space low|insufficient disk|insufficient system|out of disk|"
              "cannot write|can't write|write error|write failed|system storage|"
              "spool*full|queue*disk",
     .unless = "user|mailbox|recipient",
     .class = FINDING_REMOTE_FAILURE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_LOAD},
    {.name = "bare-newline",
     .match = "lone cr|lone lf|bare lf|bare cr|bare linefeed|bare line feed|bare newline|"
              "stray newline|smtplf.html|bare carriage|<crlf>*requir|end of data",
     .unless = "timeout|timed out",
     .class = FINDING_PROTOCOL,
     .scope = FINDING_SCOPE_MESSAGE},
    {.name = "tls-broken",
     .match = "tls handshake|ssl handshake|handshake fail|tls negotiation|"
              "tls not available|tls is not available|starttls*fail|tls*fail*start|"
              "unable to start tls|cannot start tls",
     .unless = "required|must",
     .class = FINDING_PROTOCOL,
     .scope = FINDING_SCOPE_MESSAGE},

    /* Unknown so far: come back. */
    {.name = "newcomer",
     .match = "new sender*retry|new sender*try|first time we see|first time*seen*try|"
              "not seen*before*try|never seen*before|unknown to us so far|"
              "unknown sender*retry in|delayed*anti-spam measure*retry|"
              "please retry*new triplet|first contact|sender/recipient|"
              "new host*combination|new triplet",
     REPLIES_4XX,
     .class = FINDING_GREYLIST,
     .scope = FINDING_SCOPE_RECIPIENT},

    /* Not for strangers. */
    {.name = "insiders-only",
     .match = "not accept external|only accepts*mail from|only accept*mail from|"
              "only accept*internal|accepts only mail from|internal use only|"
              "internal*recipient*only|external senders|outside senders|"
              "from outside*not|restricted to internal|not authorized to accept mail|"
              "accepts mail only from|allowed senders list|allowed-senders|"
              "nur*interne|uniquement*internes|solo*internos|only*members*post|"
              "only accepts mail from its members|does not want*mail|"
              "doesn't want*mail|refuses mail from you|refuses your m|"
              "not wish to receive|recipient's own|recipient's filter|recipient's rule",
     .unless = "your server|your ip|client host|relay",
     .class = FINDING_OTHER,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "may-not-exist",
     .match = "account or domain may not exist",
     .class = FINDING_BAD_MAILBOX,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "other-exchanger",
     .match = "non-local e-mail|non-local address|non-local domain|"
              "unable to route|no mail host|not the mail exchanger|not a mail "
              "exchanger|not mx for|not an mx for|"
              "not the mx for",
     .unless = "sender|your domain",
     .class = FINDING_BAD_DOMAIN,
     .scope = FINDING_SCOPE_RECIPIENT},

    /* How fast a mailbox is filled is the mailbox's affair, whoever fills it. */
    {.name = "mailbox-receives-many",
     .unless = "recipients",
     .speaks = NOTION_SET(NOTION_RECEIVES) | NOTION_SET(NOTION_TOO_MANY),
     .speaks_any = NOTION_SET(NOTION_MAILBOX) | NOTION_SET(NOTION_RECIPIENT) |
                   NOTION_SET(NOTION_USER),
     .silent = NOTION_SET(NOTION_YOUR_SERVER) | NOTION_SET(NOTION_IP) |
               NOTION_SET(NOTION_CONNECTION) | NOTION_SET(NOTION_SENDER),
     .class = FINDING_RECIPIENT_RATE,
     .scope = FINDING_SCOPE_RECIPIENT,
     .flags = FINDING_TEMPORARY},
    {.name = "mailbox-receives-fast",
     .unless = "recipients",
     .speaks = NOTION_SET(NOTION_RECEIVES) | NOTION_SET(NOTION_FREQUENT),
     .speaks_any = NOTION_SET(NOTION_MAILBOX) | NOTION_SET(NOTION_RECIPIENT) |
                   NOTION_SET(NOTION_USER),
     .silent = NOTION_SET(NOTION_YOUR_SERVER) | NOTION_SET(NOTION_IP) |
               NOTION_SET(NOTION_CONNECTION) | NOTION_SET(NOTION_SENDER),
     .class = FINDING_RECIPIENT_RATE,
     .scope = FINDING_SCOPE_RECIPIENT,
     .flags = FINDING_TEMPORARY},

    /* Where would an answer go? */
    {.name = "sender-without-mx",
     .speaks = NOTION_SET(NOTION_SENDER) | NOTION_SET(NOTION_MX),
     .silent = NOTION_SET(NOTION_RECIPIENT) | NOTION_SET(NOTION_BLACKLIST),
     .class = FINDING_AUTH_POLICY,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_MAIL_FROM},

    {.name = "domain-without-mx",
     .speaks = NOTION_SET(NOTION_DOMAIN) | NOTION_SET(NOTION_MX),
     .speaks_any = NOTION_SET(NOTION_NONE) | NOTION_SET(NOTION_UNKNOWN),
     .silent = NOTION_SET(NOTION_SENDER) | NOTION_SET(NOTION_YOUR_SERVER) |
               NOTION_SET(NOTION_HELO),
     REPLIES_5XX,
     .class = FINDING_BAD_DOMAIN,
     .scope = FINDING_SCOPE_RECIPIENT},
    {.name = "mailbox-rate",
     .speaks = NOTION_SET(NOTION_MAILBOX) | NOTION_SET(NOTION_FREQUENT),
     .silent = NOTION_SET(NOTION_SENDER) | NOTION_SET(NOTION_YOUR_SERVER) |
               NOTION_SET(NOTION_IP) | NOTION_SET(NOTION_CONNECTION),
     REPLIES_4XX,
     .class = FINDING_RECIPIENT_RATE,
     .scope = FINDING_SCOPE_RECIPIENT},

    /* A domain's name is not an address's. */
    {.name = "domain-has-reputation",
     .unless = "http*domain|url|link|<helo",
     .speaks = NOTION_SET(NOTION_REPUTATION) | NOTION_SET(NOTION_DOMAIN),
     .silent = NOTION_SET(NOTION_YOUR_SERVER) | NOTION_SET(NOTION_IP) |
               NOTION_SET(NOTION_RECIPIENT),
     .class = FINDING_DOMAIN_REPUTATION,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_FROM},

    /* Limits, whoever is named beside them. */
    {.name = "address-limit",
     .match = "exceeded permitted limit|session limit|sessions limit|concurrency limit|"
              "connection limit|too many recipients from|message count|count quota|"
              "send limit|sending limit*exceed|sending limit*reach|sent more than|sent "
              "too many|"
              "sending too much|sends too much|too much mail from|over quota, retry|"
              "ip over quota|limit*per ip|per-ip*limit|limit for your ip",
     .unless = "recipients per message|mailbox is full|user has|recipient has|"
               "blocked for|mailbox over|mailbox quota|size",
     .class = FINDING_THROTTLE,
     .scope = FINDING_SCOPE_LANE,
     .flags = FINDING_RATE | FINDING_TEMPORARY},
    {.name = "complaints-deferred",
     .match = "deferred*complain|throttled*complain|complain*deferred|"
              "temporarily*because of*complain|rate limited*complain",
     REPLIES_4XX,
     .class = FINDING_THROTTLE,
     .scope = FINDING_SCOPE_LANE,
     .blocked = FINDING_BLOCKED_IP,
     .flags = FINDING_RATE},

    /* An address is the subject, its spam the reason. */
    {.name = "address-refused",
     .match =
         "mail from #.#.#.#*block|mail from #.#.#.#*refus|mail from #.#.#.#*reject|"
         "mail from [#.#.#.#*block|mail from [#.#.#.#*refus|email from #.#.#.#*block|"
         "email from #.#.#.#*refus|email from #.#.#.#*reject|"
         "messages from #.#.#.#*block|messages from #.#.#.#*refus|"
         "messages from [#.#.#.#*block|connection from #.#.#.#*|"
         "connections from #.#.#.#*|connection from [#.#.#.#*|"
         "access*from #.#.#.#*block|access denied from #.#.#.#|"
         "client host*rejected|client host*refused|client host*denied|"
         "host #.#.#.#*block|host [#.#.#.#*reject|host [#.#.#.#*block|"
         "<ip #.#.#.#*block|<ip #.#.#.#*refus|<ip #.#.#.#*reject|"
         "<ip #.#.#.#*banned|ip address #.#.#.#*block|ip address #.#.#.#*refus|"
         "ip address #.#.#.#*reject|<ip [#.#.#.#*block|<ip [#.#.#.#*reject|"
         "spam from #.#.#.#*block|your subnet|your range|ip range*|your country|geo "
         "block|geoblock|geo-block|geo location|"
         "your host has been banned|host*banned|ipbl>|ip=#.#.#.#*ask your postmaster",
     .unless = "as spam|spam content|content|virus|is spam|cannot find your|hostname|"
               "reverse|<ptr>|<rdns>|blocked using|rejected using|<rbl>|dnsbl|listed|"
               "blacklist|blocklist|black list|block list|spamhaus|spamcop|barracuda|"
               "limit|too many|too much mail|throttl|<spf>|dmarc|dkim|greylist|relay|see "
               "|using|"
               "recipient address|unknown|tls|encrypt|helo",
     .silent = NOTION_SET(NOTION_DNSBL),
     .class = FINDING_IP_REPUTATION,
     .scope = FINDING_SCOPE_LANE,
     .blocked = FINDING_BLOCKED_IP},

    /* A file, a virus: the message, whatever its name reminds of. */
    {.name = "infected",
     .match = "<virus*found|<virus:|<virus *detect|infected:|banned: .|banned:*.|"
              "<eicar|heuristics.|eicar-signature|message filtered|"
              "suspicious content|as suspicious|attachment*not "
              "allowed|attachment*forbidden|forbidden attachment",
     .class = FINDING_CONTENT,
     .scope = FINDING_SCOPE_MESSAGE,
     .flags = FINDING_PERMANENT},
    {.name = "sender-denied",
     .match = "accept mail from this domain|accept mail from your domain|"
              "accept*messages from your domain|"
              "envelope sender has been denied|envelope sender*badmailfrom|"
              "envelope sender is*blocked|sender has been blocked|"
              "your address has been blocked|sender address*has been blocked",
     .unless = "recipient|verif",
     .class = FINDING_DOMAIN_REPUTATION,
     .scope = FINDING_SCOPE_SENDER_DOMAIN,
     .blocked = FINDING_BLOCKED_MAIL_FROM},
};

const struct replies_rule *replies_subject_table(size_t *out_count)
{
    *out_count = sizeof(rules) / sizeof(rules[0]);
    return rules;
}
