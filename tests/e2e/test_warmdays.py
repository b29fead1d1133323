"""A warm-up over days and kills: one day is one minute, by libfaketime."""
import pathlib
import random
import time

from mail import Raw, message
from patience import wait_until
from relay import BULK

DAY = 60.0  # real seconds
SPEED = int(86400 / DAY)


class Days:
    """Fake time that goes on over restarts."""

    def __init__(self, relay):
        self.relay = relay
        self.began = time.monotonic()

    def start(self):
        ahead = int((time.monotonic() - self.began) * (SPEED - 1))
        # Not the faketime command: it forks, and a kill would meet it and not the daemon.
        library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        self.relay.wrapper = ["env", f"LD_PRELOAD={library}", f"FAKETIME=+{ahead}s x{SPEED}"]
        self.relay.start()


def test_kills_over_days_never_exceed_a_day(new_relay, new_peer):
    """kill -9 at random moments of two days and more: no day has more than its cap, the days go on."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    peer = new_peer()
    relay = new_relay(warmups=[{"name": "mine", "start": 60, "growth": 1.5, "days": 30, "per": "source"}])
    relay.set_in("sources", "bulk1", warmup="mine")
    relay.set_in("streams", "bulk", lifetime="40d")
    relay.change(delivery={**relay.config["delivery"],
                           "timeouts": {name: "1h" for name in ("connect", "greeting", "command", "data", "dot", "idle")}})
    relay.route("gmail.test", peer.port)
    relay.change(delivery={"enabled": False})
    relay.start()
    with Raw(relay, "bulk", timeout=120) as client:
        client.greet()
        for number in range(600):
            client.envelope("kim@gmail.test")
            client.send(message(subject=f"n{number}") + b".\r\n")
            assert client.reply().startswith("250")
    relay.stop()
    relay.change(delivery={"enabled": True})
    days = Days(relay)
    days.start()
    kills = 0
    while time.monotonic() - days.began < 2.3 * DAY:
        pause = time.monotonic() + dice.uniform(5, 25)
        wait_until(lambda pause=pause: time.monotonic() > pause, 40, "the next kill")
        relay.kill()
        kills += 1
        days.start()
    row = next(row for row in relay.get("/v1/warmup")["warmup"] if row["source"] == "bulk1")
    verdicts = [event for event in relay.events("warmup") if event.get("source") == "bulk1"]
    relay.kill()
    taken = len([m for m in peer.taken() if m.source == BULK])
    caps = sum(int(event["before"]) for event in verdicts) + row["cap"]
    assert kills >= 5
    assert len(verdicts) >= 2, verdicts
    assert taken <= caps, f"seed {seed}: {taken} of {caps}, {verdicts}"
    assert taken >= 60, f"seed {seed}: {taken}"


def test_an_operator_plans_and_acts(new_relay, new_peer):
    """plan names days, sites and what binds; acts on a ramp hold over a kill."""
    peer = new_peer()
    relay = new_relay(warmups=[{"name": "mine", "start": 60, "growth": 1.5, "days": 30}])
    relay.set_in("sources", "bulk1", warmup="mine")
    relay.route("gmail.test", peer.port)
    relay.start()
    plan = relay.cli_json("plan", "--mix", "gmail.test=60,other.test=40", "--total", "500", "--stream", "bulk")
    assert {row["site"] for row in plan["plan"]} == {"other"}
    assert plan["plan"][0]["limit"] == "warm-up"
    assert sum(row["leaves"] + row["expires"] for row in plan["plan"]) in range(499, 502)
    assert "LIMITED BY" in relay.cli("plan", "--mix", "gmail.test=1", "--total", "5", "--stream", "bulk")
    relay.cli("plan", "--mix", "nonsense", "--total", "5", expect=2)
    relay.cli("warmup", "set", "bulk1", "--day", "4", "--why", "moved here")
    relay.cli("warmup", "pause", "bulk1")
    relay.kill()
    relay.start()
    relay.cli("warmup", "resume", "bulk1")
    relay.cli("warmup", "pause", "tx1", expect=1)
    said = [row for row in relay.cli_json("journal")["journal"] if row["kind"] == "ramp"]
    assert len(said) >= 3 and any("moved here" in row["evidence"] for row in said), said


def test_plan_says_why_a_warm_source_does_not_help(new_relay):
    """With "wait" alone a warm source carries no more than the warming one, and plan counts and says so."""
    relay = new_relay(warmups=[{"name": "mine", "start": 60, "growth": 1.5, "days": 30, "overflow": ["wait"]}])
    relay.set_in("sources", "bulk1", warmup="mine")
    relay.config["sources"].append({"name": "warm1", "address": "127.0.0.13"})
    relay.set_in("streams", "bulk", sources=["bulk1", "warm1"])
    relay.start()
    words = ("plan", "--mix", "gmail.test=1", "--total", "2000", "--stream", "bulk")
    strict = relay.cli_json(*words)
    assert "warm1" in strict["text"] and '"wait" alone' in strict["text"], strict["text"]
    assert len(strict["plan"]) > 2 and strict["plan"][0]["limit"] == "warm-up"
    relay.config["warmups"][0]["overflow"] = ["warm-source", "wait"]
    relay.write_config()
    relay.cli("reload")
    free = relay.cli_json(*words)
    assert "warm1" not in free["text"] and len(free["plan"]) == 1, free
