/* Domains in UTF-8 to A-labels (IDNA 2008, non-transitional), over libidn2. */

#ifndef RELAY_IDN_H
#define RELAY_IDN_H

#include <stdbool.h>
#include <stddef.h>

/* As address_idn_cb asks: lower-case A-labels into out, or false. Any thread. */
bool idn_to_ascii(const char *domain, char *out, size_t cap);

#endif
