/* A file of the drop directory: no bytes crash the parser; what it takes has a sender,
 * recipients without control bytes, words, and a message within the bytes. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/dropfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dropfile file;
    struct errmsg err = {""};
    if (dropfile_parse(&file, (const char *)data, size, &err) == 0) {
        assert(file.content <= size);
        assert(file.from[0] != '\0');
        assert(file.to.length > 0);
        for (size_t i = 0; i < file.to.length; i++) {
            assert((unsigned char)file.to.bytes[i] >= ' ');
        }
        assert(strpbrk(file.notify, " \r\n<>") == NULL);
        assert(strpbrk(file.ret, " \r\n<>") == NULL);
    } else {
        assert(err.text[0] != '\0');
    }
    dropfile_done(&file);
    return 0;
}
