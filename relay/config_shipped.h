/* The data files of conf/ as they were when mesura was built, so that a hostname alone
 * makes a relay. Written by conf/embed.py; constants. */

#ifndef RELAY_CONFIG_SHIPPED_H
#define RELAY_CONFIG_SHIPPED_H

#include <stddef.h>

/* Terminated; the byte counts leave the NUL out. Empty where the file was missing. */
extern const char config_shipped_defaults[];
extern const size_t config_shipped_defaults_bytes;
extern const char config_shipped_sites[];
extern const size_t config_shipped_sites_bytes;
extern const char config_shipped_ramps[];
extern const size_t config_shipped_ramps_bytes;

#endif
