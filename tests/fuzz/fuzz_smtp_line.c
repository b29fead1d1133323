/* Lines and commands: any bytes, cut anywhere, give the same lines; what a command or a
 * path points to lies within its line. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "relay/smtp/address.h"
#include "relay/smtp/command.h"
#include "relay/smtp/line.h"
#include "relay/smtp/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_params(const char *bytes, size_t length)
{
    struct params_offer all;
    struct mail_params mail;
    struct rcpt_params rcpt;
    char decoded[32];
    memset(&all, true, sizeof all); /* flags, all of them, also those to come */
    if (params_parse_mail(bytes, length, &all, &mail) == PARAMS_OK) {
        assert(strlen(mail.envid) < sizeof mail.envid);
        assert(params_xtext_decode(mail.envid, decoded, sizeof decoded) < sizeof decoded);
    }
    if (params_parse_rcpt(bytes, length, &all, true, &rcpt) == PARAMS_OK) {
        assert(params_notify_bits(rcpt.notify_text) == rcpt.notify);
        assert(strlen(rcpt.orcpt) < sizeof rcpt.orcpt);
    }
}

static void check_line(const char *bytes, size_t length)
{
    struct command command;
    struct address address;
    const char *path = NULL;
    size_t path_length = 0;
    size_t used = 0;
    uint64_t chunk = 0;
    bool is_last = false;

    command_parse(bytes, length, &command);
    assert(command.argument >= bytes);
    assert(command.argument + command.argument_length <= bytes + length);
    (void)command_chunk(&command, &chunk, &is_last);
    if (!command_path(&command, &path, &path_length)) {
        return;
    }
    assert(path + path_length == command.argument + command.argument_length);
    if (address_parse_path(path, path_length, true, &address, &used) == ADDRESS_OK) {
        assert(used <= path_length);
        check_params(path + used, path_length - used);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char buffer[512];
    char again_buffer[512];
    struct line line;
    struct line again;
    const char *bytes = (const char *)data;

    line_init(&line, buffer, sizeof buffer);
    line_init(&again, again_buffer, sizeof again_buffer);
    for (size_t at = 0; at < size;) {
        size_t used = line_feed(&line, bytes + at, size - at);
        for (size_t i = 0; i < used; i++) {
            assert(line_feed(&again, bytes + at + i, 1) == 1);
        }
        assert(used > 0);
        at += used;
        assert(line.complete == again.complete);
        assert(line.length == again.length);
        assert(memcmp(line.bytes, again.bytes, line.length) == 0);
        if (line.complete) {
            assert(strlen(line.bytes) <= line.length);
            check_line(line.bytes, line.length);
            line_reset(&line);
            line_reset(&again);
        }
    }
    return 0;
}
