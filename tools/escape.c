#include "tools/escape.h"

#include <stdio.h>
#include <string.h>

size_t escape_json(const char *text, char *out, size_t size)
{
    size_t used = 0;

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        char piece[8] = {(char)byte, '\0'};
        size_t length = 1;

        if (byte == '"' || byte == '\\') {
            piece[0] = '\\';
            piece[1] = (char)byte;
            length = 2;
        } else if (byte < 0x20 || byte >= 0x7f) {
            length = (size_t)snprintf(piece, sizeof piece, "\\u%04x", byte);
        }
        if (used + length >= size) {
            break;
        }
        memcpy(out + used, piece, length);
        used += length;
    }
    out[used] = '\0';
    return used;
}
