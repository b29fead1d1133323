#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/headeredit.h"
#include "relay/textbuf.h"

#include "tests/support/loaded.h"

#define RULES                                                                           \
    LOADED_HOST                                                                         \
    "origin = \"o.test\";\n"                                                            \
    "rewrites = ( { from = \"@h.local\"; to = \"noreply@o.test\"; } );\n"               \
    "headers = ( { name = \"X-Php-*\"; }, { name = \"User-Agent\"; stream = \"bulk\"; " \
    "},\n"                                                                              \
    "  { name = \"Precedence\"; action = \"set\"; value = \"bulk\"; stream = "          \
    "\"bulk\"; },\n"                                                                    \
    "  { name = \"X-Env\"; action = \"add\"; value = \"live\"; } );\n"

static void expect(const struct config *config, uint32_t stream, const char *block,
                   const char *wanted)
{
    struct textbuf out;
    textbuf_init(&out, 65536);
    bool is_new = headeredit_apply(config, stream, block, strlen(block), &out);
    cr_assert_not(out.failed);
    cr_assert_str_eq(out.bytes == NULL ? "" : out.bytes, wanted);
    cr_assert_eq(is_new, strcmp(block, wanted) != 0);
    textbuf_done(&out);
}

TEST(headeredit, addresses)
{
    /* Bare names get the origin wherever an address stands; senders go through the table,
     * recipients do not; names, comments, folds and what is no address stay. */
    struct loaded loaded = loaded_text(LOADED_HOST "origin = \"o.test\";\nrewrites = ( { "
                                                   "from = \"@h.local\"; to = "
                                                   "\"noreply@o.test\"; } );");
    const struct config *config = loaded.config;
    expect(config, 0, "From: root (Cron Daemon)\r\nTo: root\r\nSubject: root\r\n",
           "From: root@o.test (Cron Daemon)\r\nTo: root@o.test\r\nSubject: root\r\n");
    expect(config, 0,
           "from:\"Shop, Inc\" <shop@h.local>,\r\n Kim <kim>\r\nTo: a@h.local\r\n",
           "from:\"Shop, Inc\" <noreply@o.test>,\r\n Kim <kim@o.test>\r\n"
           "To: a@h.local\r\n");
    expect(config, 0, "To: undisclosed-recipients:;\r\nCc: g: a, b@x.test;, <>\r\n",
           "To: undisclosed-recipients:;\r\nCc: g: a@o.test, b@x.test;, <>\r\n");
    expect(config, 0, "From: John Smith\r\nSender: \r\nReply-To: x@y.test\r\n",
           "From: John Smith\r\nSender: \r\nReply-To: x@y.test\r\n");
    expect(config, 0, "From: a\r\n", "From: a@o.test\r\n");
    expect(config, 0, "", "");
    loaded_clear(&loaded);
}

TEST(headeredit, fields)
{
    /* Removed by name or by its start, set in the place of what is there, added at the
     * end; a stream's rules only for the stream. */
    struct loaded loaded = loaded_text(RULES);
    uint32_t bulk = config_stream_find(loaded.config, "bulk");
    const char *block = "X-PHP-Script: a\r\n\tb\r\nFrom: a@b.test\r\nUser-Agent: x\r\n"
                        "Precedence: list\r\nX-Ph: y\r\n";
    cr_assert_not_null(loaded.config);
    expect(loaded.config, bulk, block,
           "From: a@b.test\r\nX-Ph: y\r\nPrecedence: bulk\r\nX-Env: live\r\n");
    expect(loaded.config, loaded.config->default_stream, block,
           "From: a@b.test\r\nUser-Agent: x\r\nPrecedence: list\r\nX-Ph: y\r\n"
           "X-Env: live\r\n");
    expect(loaded.config, loaded.config->default_stream, "A: b",
           "A: b\r\nX-Env: live\r\n");
    loaded_clear(&loaded);
}

TEST(headeredit, keeps_lines_short)
{
    /* A field that would get a line above 998 bytes stays as it came. */
    struct loaded loaded = loaded_text(LOADED_HOST);
    static const char address[] = "ab, ";
    char block[1200] = "To: ";
    size_t length = 4;
    for (int i = 0; i < 240; i++) {
        memcpy(block + length, address, sizeof address - 1);
        length += sizeof address - 1;
    }
    (void)snprintf(block + length, sizeof block - length, "z\r\n");
    expect(loaded.config, 0, block, block);
    loaded_clear(&loaded);
}
