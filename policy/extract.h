/* Facts named in a reply's text: the list, the address, the time to wait.
 *
 * Separate from the rules, because they are wanted whatever the class. Bytes from
 * outside; bounded by the length of the text. */

#ifndef POLICY_EXTRACT_H
#define POLICY_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The DNSBL that the text names: its zone where one is given ("bl.spamcop.net"), else the
 * name of the list ("Spamhaus XBL"). False, and out_list "", when there is none. At most
 * size - 1 bytes; size >= 1. */
bool extract_list(const char *text, char *out_list, size_t size);

/* The first IPv4 or IPv6 address that stands for the sending host. Loopback addresses and
 * what is introduced as another host's (a resolver) do not. False, and out_ip "", when
 * there is none. */
bool extract_ip(const char *text, char *out_ip, size_t size);

/* The wait that the text asks for ("in 300s", "after 5 minutes"), at most a week. 0:
 * none. */
int64_t extract_wait_ns(const char *text);

#endif
