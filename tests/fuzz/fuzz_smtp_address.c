/* An accepted address survives being parsed again, fits its buffers, and holds no byte
 * that could break a command. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "relay/smtp/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct address address;
    struct address again;
    char path[ADDRESS_BYTES + 2];
    char ascii[ADDRESS_BYTES];
    size_t used = 0;

    if (size == 0) {
        return 0;
    }
    bool utf8 = (data[0] & 1) != 0;
    const char *bytes = (const char *)data + 1;
    if (address_parse_path(bytes, size - 1, utf8, &address, &used) != ADDRESS_OK) {
        return 0;
    }
    assert(used <= size - 1);
    assert(address.length == strlen(address.text));
    for (size_t i = 0; i < address.length; i++) {
        unsigned char byte = (unsigned char)address.text[i];
        assert(byte >= 0x20 && byte != 0x7f);
        assert(utf8 || byte < 0x80);
    }
    int length = snprintf(path, sizeof path, "<%s>", address.text);
    assert(address_parse_path(path, (size_t)length, utf8, &again, &used) == ADDRESS_OK);
    assert(used == (size_t)length);
    assert(strcmp(again.text, address.text) == 0);
    assert(again.length == address.length);
    assert(again.local_length == address.local_length);
    assert(again.has_domain == address.has_domain);
    assert(again.is_quoted == address.is_quoted);
    assert(again.is_literal == address.is_literal);
    assert(again.is_utf8_local == address.is_utf8_local);
    assert(again.is_utf8_domain == address.is_utf8_domain);
    (void)address_domain_ascii(&address, NULL, ascii, sizeof ascii);
    (void)address_to_ascii(&address, NULL, ascii, sizeof ascii);
    return 0;
}
