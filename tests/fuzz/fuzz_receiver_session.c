/* A client's bytes against a simulated provider: nothing crashes, every session ends,
 * and what is counted adds up. The first byte chooses the provider, the second how the
 * bytes are cut. */

#include <sys/socket.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/receiver_session.h"
#include "tools/ticks.h"

#define TURNS      64
#define MOST_BYTES 60000 /* fits into a socket at once */

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const specs[] = {
    "name=plain",
    "name=limits,rate=1/h,burst=2,strikes=1,at=rcpt,recipients=3,per_connection=2",
    "name=curve,curve=1,hourly=2,max_size=64,unknown=0.3,full=0.2,misleading=0.3",
    "name=grey,grey_min=1s,random=0.2,random_at=dot,text_rate=\"451 {rcpt}{ip}{\"",
    "name=rbl,rbl_after_messages=1,rbl_at=dot,per_connection=1,how_per_connection=close",
    "name=endless,hostile=endless",
    "name=order,hostile=order",
    "name=cut,hostile=cut,hostile_bytes=90",
    "name=dot,hostile=dotclose",
    "name=nul,hostile=nul,tls=starttls,tls_required=true",
};

static struct receiver_desk desk;

static void prepare_desk(void)
{
    if (desk.speed == 0.0) {
        struct errmsg err;

        if (reactor_init(&desk.reactor, &err) != 0) {
            abort();
        }
        desk.tls = wire_server_tls("fuzz.test", &err);
        desk.speed = 1000.0;
        desk.start_ns = desk.reactor.now_ns;
        list_init(&desk.sessions);
    }
}

static struct receiver_provider *make_provider(uint8_t choice)
{
    struct receiver_spec spec;
    struct errmsg err;

    receiver_spec_init(&spec);
    if (receiver_spec_parse(&spec, specs[choice % (sizeof specs / sizeof specs[0])],
                            &err) != 0 ||
        receiver_spec_check(&spec, &err) != 0) {
        abort();
    }
    return receiver_book_new(&spec);
}

/* Read what the provider says, so that it never waits for room. */
static void drain(int fd)
{
    char bytes[65536];

    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
    }
}

static void turn_and_drain(int fd)
{
    if (reactor_turn(&desk.reactor, 0) != 0) {
        abort();
    }
    drain(fd);
}

static void converse(int fd, const uint8_t *data, size_t size, size_t cut)
{
    if (send(fd, data, cut, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        turn_and_drain(fd);
        (void)send(fd, data + cut, size - cut, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < TURNS && !list_is_empty(&desk.sessions); i++) {
        turn_and_drain(fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_storage peer = {.ss_family = AF_INET};
    struct receiver_provider *provider = NULL;
    const struct receiver_source *source = NULL;
    int ends[2];

    if (size < 2 || size > MOST_BYTES ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) {
        return 0;
    }
    prepare_desk();
    provider = make_provider(data[0]);
    receiver_session_start(&desk, provider, ends[0], &peer);
    converse(ends[1], data + 2, size - 2, (size - 2) * data[1] / 256);
    receiver_session_close_all(&desk);
    (void)close(ends[1]);
    source = receiver_book_source(provider, &peer, 0);
    if (source->tally.open != 0 || source->tally.messages > source->tally.transactions ||
        source->tally.connections != 1) {
        abort();
    }
    receiver_book_free(provider);
    receiver_seen_done(&desk.seen);
    return 0;
}
