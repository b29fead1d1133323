/* Bytes from name servers: the first byte chooses what was asked for. Whatever comes, the
 * answer keeps its bounds and every name in it is a terminated host name. */

#include <stdlib.h>
#include <string.h>

#include "relay/net/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t length = strnlen(name, DNS_NAME_BYTES);
    if (length == DNS_NAME_BYTES || strspn(name, allowed) != length) {
        abort();
    }
}

static void check_record(const struct dns_answer *answer, const struct dns_record *record)
{
    switch (answer->type) {
    case DNS_MX:
    case DNS_PTR:
    case DNS_CNAME: check_name(record->name); break;
    case DNS_TXT:
        if (record->size > DNS_TEXT_BYTES) {
            abort();
        }
        break;
    case DNS_TLSA:
        if (record->tlsa.size > DNS_TLSA_BYTES) {
            abort();
        }
        break;
    case DNS_A:
    case DNS_AAAA: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A,   DNS_CNAME, DNS_PTR, DNS_MX,
                                          DNS_TXT, DNS_AAAA,  DNS_TLSA};
    static struct dns_answer answer;
    if (size == 0) {
        return 0;
    }
    enum dns_type type = types[data[0] % (sizeof types / sizeof *types)];
    dns_answer_parse(data + 1, size - 1, "a.example", type, &answer);
    if (answer.count > DNS_RECORDS_MAX || answer.type != type ||
        (answer.outcome == DNS_OK) != (answer.count > 0)) {
        abort();
    }
    check_name(answer.name);
    for (unsigned i = 0; i < answer.count; i++) {
        check_record(&answer, &answer.records[i]);
        if (i > 0 && answer.records[i].preference < answer.records[i - 1].preference) {
            abort();
        }
    }
    return 0;
}
