/* The asks about the suppression list. Core thread. */

#ifndef RELAY_API_SUPPRESS_H
#define RELAY_API_SUPPRESS_H

#include "relay/api_ask.h"

void api_suppress_list(const struct api_ask *ask);
void api_suppress_add(const struct api_ask *ask);
void api_suppress_remove(const struct api_ask *ask);
void api_suppress_import(const struct api_ask *ask);

#endif
