/* A DNS response as a value: the one parser for bytes that name servers send.
 *
 * Pure, bounded, fuzzed. Names are lower case, without the final dot; the root is "".
 * Records whose names have bytes other than letters, digits, '-', '_' and '.' are
 * dropped. */

#ifndef RELAY_NET_DNS_ANSWER_H
#define RELAY_NET_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_BYTES  256 /* 253 characters at most, terminated */
#define DNS_RECORDS_MAX 20
#define DNS_TEXT_BYTES  512 /* of one TXT record; longer ones are cut */
#define DNS_TLSA_BYTES  64  /* SHA-512; of a longer association the size is 0 */

enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52,
};

enum dns_outcome {
    DNS_OK,        /* count > 0 */
    DNS_NODATA,    /* the name exists, but not this type */
    DNS_NXDOMAIN,  /* the name does not exist: permanent */
    DNS_SERVFAIL,  /* a server failed or refused, or DNSSEC does not hold: temporary */
    DNS_TIMEOUT,   /* no server answered: temporary */
    DNS_MALFORMED, /* not a response to our question, or damaged: temporary */
};

struct dns_tlsa {
    uint8_t usage;
    uint8_t selector;
    uint8_t matching;
    uint8_t size;
    uint8_t data[DNS_TLSA_BYTES];
};

struct dns_record {
    uint16_t preference; /* MX */
    uint16_t size;       /* of text, TXT only */
    union {
        uint8_t address[16];       /* A (4 bytes), AAAA */
        char name[DNS_NAME_BYTES]; /* MX host, PTR and CNAME target */
        char text[DNS_TEXT_BYTES]; /* TXT, strings joined; any byte, also NUL; not
                                      terminated */
        struct dns_tlsa tlsa;
    };
};

struct dns_answer {
    enum dns_outcome outcome;
    enum dns_type type;
    uint8_t rcode;
    bool secure;    /* AD: the resolver says that DNSSEC holds */
    bool cut;       /* there were more than DNS_RECORDS_MAX */
    uint32_t ttl_s; /* the smallest on the way; for "no", from the SOA, else 0 */
    uint8_t count;  /* of records; MX in order of preference: the best are kept */
    char name[DNS_NAME_BYTES]; /* the end of the CNAME chain: whose records these are */
    struct dns_record records[DNS_RECORDS_MAX];
};

/* Read the response to the question (name, type). Sets out in every case: what is not a
 * well-formed answer to this question is DNS_MALFORMED. CNAMEs are followed inside the
 * response, LIMIT_CNAME_STEPS at most. */
void dns_answer_parse(const uint8_t *bytes, size_t size, const char *name,
                      enum dns_type type, struct dns_answer *out);

/* "no such domain", "server failure", ... for a sentence. */
const char *dns_answer_outcome_name(enum dns_outcome outcome);

#endif
