#include "relay/idn.h"

#include <idn2.h>
#include <string.h>

bool idn_to_ascii(const char *domain, char *out, size_t cap)
{
    char *ascii = NULL;
    if (idn2_to_ascii_8z(domain, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
        IDN2_OK) {
        return false;
    }
    size_t length = strlen(ascii);
    bool fits = length < cap;
    if (fits) {
        memcpy(out, ascii, length + 1);
    }
    idn2_free(ascii);
    return fits;
}
