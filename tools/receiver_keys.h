/* The keys of a provider: name, field, unit and help of each, for the command line, the
 * file and --help. */

#ifndef TOOLS_RECEIVER_KEYS_H
#define TOOLS_RECEIVER_KEYS_H

#include "tools/setting.h"

/* Over struct receiver_spec. */
extern const struct setting receiver_keys[];

/* Names of enum receiver_stage, enum receiver_class and enum receiver_style. */
extern const char *const receiver_keys_stages[];
extern const char *const receiver_keys_classes[];
extern const char *const receiver_keys_styles[];

#endif
