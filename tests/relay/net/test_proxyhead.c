#include <string.h>

#include "relay/net/proxyhead.h"

#include "tests/support/test.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"

/* One header: what is behind it is left, in any cut, and it names this client. */
static void expect(const char *bytes, size_t length, enum proxyhead_status status,
                   const char *client)
{
    for (size_t step = 1; step <= length; step++) {
        struct proxyhead head;
        char text[NETADDR_TEXT_BYTES];
        size_t at = 0;
        proxyhead_init(&head);
        while (at < length && head.status == PROXYHEAD_MORE) {
            size_t part = step < length - at ? step : length - at;
            at += proxyhead_feed(&head, bytes + at, part);
        }
        cr_assert_eq(head.status, status, "step %zu: %d", step, (int)head.status);
        if (status == PROXYHEAD_DONE) {
            cr_assert_eq(at, length, "all of it and no more");
            cr_assert_str_eq(netaddr_format_port(&head.client, text), client);
        }
    }
}

static void expect_line(const char *line, enum proxyhead_status status,
                        const char *client)
{
    expect(line, strlen(line), status, client);
}

TEST(proxyhead, lines)
{
    /* Version 1: both families, and what is none. */
    expect_line("PROXY TCP4 192.0.2.7 192.0.2.1 51234 25\r\n", PROXYHEAD_DONE,
                "192.0.2.7:51234");
    expect_line("PROXY TCP6 2001:db8::7 ::1 65535 25\r\n", PROXYHEAD_DONE,
                "[2001:db8::7]:65535");
    expect_line("PROXY UNKNOWN\r\n", PROXYHEAD_DONE, "");
    expect_line("PROXY UNKNOWN ffff::1 what ever\r\n", PROXYHEAD_DONE, "");
    static const char *const bad[] = {
        "EHLO x\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 51234 25\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 51234\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 51234 25 9\r\n",
        "PROXY TCP4  192.0.2.7 192.0.2.1 51234 25\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 65536 25\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 -1 25\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.1 01 25\r\n",
        "PROXY TCP4 ::1 ::1 1 25\r\n",
        "PROXY TCP6 192.0.2.7 192.0.2.1 1 25\r\n",
        "PROXY UDP4 192.0.2.7 192.0.2.1 1 25\r\n",
        "PROXY \r\n",
        "PROXYTCP4 192.0.2.7 192.0.2.1 1 25\r\n",
        ("PROXY UNKNOWN "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_line(bad[i], PROXYHEAD_BAD, "");
    }
    expect("PROXY UNKNOWN \0\r\n", 17, PROXYHEAD_BAD, "");
    expect_line("PROXY TCP4 192.0.2.7", PROXYHEAD_MORE, "");
}

TEST(proxyhead, binary)
{
    /* Version 2: IPv4, IPv6, extensions skipped, LOCAL, mapped addresses as themselves;
     * other versions, families and lengths are refused. */
    static const char v4[] = V2 "\x21\x11\0\x0c"
                                "\xc0\0\2\7\xc0\0\2\1\xc8\x22\0\x19";
    static const char extended[] = V2 "\x21\x11\0\x10"
                                      "\xc0\0\2\7\xc0\0\2\1\xc8\x22\0\x19\x04\0\x01z";
    static const char v6[] = V2 "\x21\x21\0\x24"
                                "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                                "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xc8\x22\0\x19";
    static const char mapped[] = V2 "\x21\x21\0\x24"
                                    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7"
                                    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xc8\x22\0\x19";
    static const char local[] = V2 "\x20\0\0\0";
    static const char unspecified[] = V2 "\x21\0\0\2zz";
    static const char version[] = V2 "\x11\x11\0\0";
    static const char command[] = V2 "\x22\x11\0\0";
    static const char small[] = V2 "\x21\x11\0\2zz";
    static const char unix_socket[] = V2 "\x21\x31\0\1z";
    static const char large[] = V2 "\x21\x11\xff\xff";
    expect(v4, sizeof v4 - 1, PROXYHEAD_DONE, "192.0.2.7:51234");
    expect(extended, sizeof extended - 1, PROXYHEAD_DONE, "192.0.2.7:51234");
    expect(v6, sizeof v6 - 1, PROXYHEAD_DONE, "[2001:db8::7]:51234");
    expect(mapped, sizeof mapped - 1, PROXYHEAD_DONE, "192.0.2.7:51234");
    expect(local, sizeof local - 1, PROXYHEAD_DONE, "");
    expect(unspecified, sizeof unspecified - 1, PROXYHEAD_DONE, "");
    expect(version, sizeof version - 1, PROXYHEAD_BAD, "");
    expect(command, sizeof command - 1, PROXYHEAD_BAD, "");
    expect(small, sizeof small - 1, PROXYHEAD_BAD, "");
    expect(unix_socket, sizeof unix_socket - 1, PROXYHEAD_BAD, "");
    expect(large, sizeof large - 1, PROXYHEAD_BAD, "");
    expect(v4, sizeof v4 - 2, PROXYHEAD_MORE, "");
}

TEST(proxyhead, leaves_what_is_behind)
{
    /* The client's first words belong to the client. */
    struct proxyhead head;
    static const char bytes[] = "PROXY TCP4 192.0.2.7 192.0.2.1 1 25\r\nEHLO x\r\n";
    proxyhead_init(&head);
    size_t used = proxyhead_feed(&head, bytes, sizeof bytes - 1);
    cr_assert_str_eq(bytes + used, "EHLO x\r\n");
    cr_assert_eq(proxyhead_feed(&head, "more", 4), 0);
}
