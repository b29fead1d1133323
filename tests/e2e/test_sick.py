"""Twenty domains, one throttling and one dead: the other eighteen do not notice."""
import statistics
import time

from mail import Raw, message
from patience import wait_until

DOMAINS = [f"d{number}.test" for number in range(20)]
EACH = 25


def median_delay(new_relay, new_peer, dead_port, with_sick):
    """The median time from submission to arrival over the eighteen healthy domains."""
    relay = new_relay()
    relay.change(sites=[{"name": "default", "max_rate": "unlimited", "max_connections": 5}])
    healthy = new_peer()
    throttling = new_peer(lambda stage, *_: "421 4.7.0 too busy, come back later" if stage == "connect" else None)
    for number, domain in enumerate(DOMAINS):
        port = healthy.port
        if with_sick and number in (3, 11):
            port = throttling.port if number == 3 else dead_port
        relay.route(domain, port)
    relay.start()
    sent = {}
    with Raw(relay, timeout=60) as client:
        client.greet()
        for turn in range(EACH):
            for domain in DOMAINS:
                subject = f"{domain}/{turn}"
                client.envelope(f"kim@{domain}")
                client.send(message(subject=subject) + b".\r\n")
                sent[subject] = time.monotonic()
                assert client.reply().startswith("250")
    wanted = {f"{domain}/{turn}" for number, domain in enumerate(DOMAINS) if number not in (3, 11)
              for turn in range(EACH)}
    wait_until(lambda: len([1 for m in healthy.taken() if m.field("Subject")[0] in wanted]) >= len(wanted), 60,
               "the healthy domains")
    delays = [m.time - sent[m.field("Subject")[0]] for m in healthy.taken() if m.field("Subject")[0] in wanted]
    if with_sick:
        waiting = {row["domain"] for row in relay.queue("?limit=500")}
        assert waiting == {DOMAINS[3], DOMAINS[11]}, "the sick ones wait, and only they"
        assert not relay.events("bounced")
    relay.stop()
    return statistics.median(delays)


def test_sick_domains_harm_nobody(new_relay, new_peer, dead_port):
    """All mail to the healthy arrives while the sick still wait. How fast: `tools/bench/run fair` measures."""
    without = median_delay(new_relay, new_peer, dead_port, with_sick=False)
    with_sick = median_delay(new_relay, new_peer, dead_port, with_sick=True)
    print(f"median delay: {without * 1000:.1f} ms without, {with_sick * 1000:.1f} ms with the sick ones")
