/* The words of the simulated providers: which reply each class of refusal gets, in the
 * manner of each kind of provider. */

#ifndef TOOLS_RECEIVER_TEXT_H
#define TOOLS_RECEIVER_TEXT_H

#include <stddef.h>

#include "tools/receiver_spec.h"

/* What fills the braces. All borrowed for the call. */
struct receiver_text_facts {
    const char *ip;
    const char *recipient;
};

/* Write the reply, without CRLF, into out: template where it is not NULL, else the
 * spec's own text for the class, else the style's. Returns its code. */
int receiver_text_reply(const struct receiver_spec *spec, enum receiver_class class,
                        const char *template, const struct receiver_text_facts *facts,
                        char out[RECEIVER_TEXT_BYTES]);

#endif
