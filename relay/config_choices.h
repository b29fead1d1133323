/* The values of the configuration that are one of a few words. */

#ifndef RELAY_CONFIG_CHOICES_H
#define RELAY_CONFIG_CHOICES_H

enum config_listener_tls {
    CONFIG_LISTENER_PLAIN,
    CONFIG_LISTENER_STARTTLS,
    CONFIG_LISTENER_IMPLICIT,
};

enum config_auth {
    CONFIG_AUTH_NONE,
    CONFIG_AUTH_OPTIONAL, /* trusted networks need none, others must log in */
    CONFIG_AUTH_REQUIRED, /* trusted networks too */
};

enum config_line_endings {
    CONFIG_LINES_STRICT,    /* a bare CR or LF in content is refused */
    CONFIG_LINES_NORMALIZE, /* it becomes CRLF */
};

enum config_long_lines {
    CONFIG_LONG_LINES_REFUSE, /* a line over 998 bytes is refused with 550 5.6.0 */
};

enum config_header_action {
    CONFIG_HEADER_REMOVE,
    CONFIG_HEADER_ADD, /* beside those there are */
    CONFIG_HEADER_SET, /* in their place */
};

/* What a listing in this zone means for the source; "": by the zone's name. */
enum config_zone_kind {
    CONFIG_ZONE_BY_NAME,
    CONFIG_ZONE_GRAVE,     /* nothing leaves */
    CONFIG_ZONE_COMPLAINT, /* bulk stops, transactional mail goes carefully */
    CONFIG_ZONE_POLICY,    /* bulk stops */
    CONFIG_ZONE_NETWORK,   /* only the receiver that refuses is stopped */
};

enum config_delivery_tls {
    CONFIG_TLS_NONE,          /* never */
    CONFIG_TLS_OPPORTUNISTIC, /* when offered; any certificate */
    CONFIG_TLS_REQUIRED,      /* or the message waits; any certificate */
    CONFIG_TLS_VERIFY,        /* or the message waits; certificate of that name */
    CONFIG_TLS_DANE,    /* as the receiver's TLSA records say; without, opportunistic */
    CONFIG_TLS_STS,     /* the same, else as its MTA-STS policy says */
    CONFIG_TLS_INHERIT, /* of a site: as delivery.tls says */
};

enum config_route_auth {
    CONFIG_ROUTE_AUTH_PASSWORD, /* PLAIN or LOGIN, whichever is offered */
    CONFIG_ROUTE_AUTH_PLAIN,
    CONFIG_ROUTE_AUTH_LOGIN,
    CONFIG_ROUTE_AUTH_XOAUTH2, /* with the token of token_file */
};

enum config_on_block {
    CONFIG_ON_BLOCK_HOLD,   /* what a stop caught waits, its lifetime running */
    CONFIG_ON_BLOCK_BOUNCE, /* it fails to its sender at once */
};

enum config_signed {
    CONFIG_SIGNED_MAY,  /* mail leaves with the signatures there are keys for */
    CONFIG_SIGNED_MUST, /* mail that no key signs is refused with 550 */
};

/* What keeps a stream's mail from recipients (docs/policy.md). */
enum config_suppression_rule {
    CONFIG_SUPPRESSION_AUTO, /* strict for bulk, lenient for the others */
    CONFIG_SUPPRESSION_STRICT,
    CONFIG_SUPPRESSION_LENIENT,
    CONFIG_SUPPRESSION_NONE,
};

enum config_mode {
    CONFIG_MODE_ENFORCE,
    CONFIG_MODE_OBSERVE, /* judge and journal, stop and slow nothing */
};

enum config_warmup_per {
    CONFIG_WARMUP_PER_SITE,   /* start and steps count for each site */
    CONFIG_WARMUP_PER_SOURCE, /* they count for the source in total */
};

enum config_preflight {
    CONFIG_PREFLIGHT_AUTO, /* what strangers can see, or what `public` names */
    CONFIG_PREFLIGHT_OFF,
    CONFIG_PREFLIGHT_ON,
};

#endif
