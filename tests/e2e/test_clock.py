"""A wall clock that steps, live and over kills: no allowance is refilled, and the daemon does not spin."""
import os
import pathlib
import time

from mail import Raw, message
from patience import stays_true, wait_until
from relay import BULK

ALLOWANCE = 5000  # a day; its burst is 1 %


class Clock:
    """The daemon's wall clock; its monotonic one is the machine's."""

    def __init__(self, relay):
        self.file = relay.folder / "clock"
        self.step("+0")
        library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        relay.wrapper = ["env", f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={self.file}", "FAKETIME_NO_CACHE=1",
                         "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"]

    def step(self, offset):
        self.file.write_text(offset + "\n")


def cpu_seconds(relay):
    fields = pathlib.Path(f"/proc/{relay.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_steps_refill_nothing(new_relay, new_peer):
    """Back a day, ahead two, and again, with kills between: what left is the burst and what time has released."""
    peer = new_peer()
    relay = new_relay(warmups=[{"name": "mine", "start": ALLOWANCE, "growth": 1.5, "days": 30, "per": "source"}])
    relay.set_in("sources", "bulk1", warmup="mine")
    relay.set_in("streams", "bulk", lifetime="40d")
    relay.route("gmail.test", peer.port)
    clock = Clock(relay)
    relay.start()
    began = time.monotonic()
    with Raw(relay, "bulk", timeout=120) as client:
        client.greet()
        for number in range(200):
            client.envelope("kim@gmail.test")
            client.send(message(subject=f"n{number}") + b".\r\n")
            assert client.reply().startswith("250")

    def taken():
        return len([m for m in peer.taken() if m.source == BULK])

    def allowed():
        return ALLOWANCE / 100 + 2 + (time.monotonic() - began) * ALLOWANCE / 86400

    wait_until(lambda: taken() >= ALLOWANCE / 100, 30, "the burst")
    for offset in ("-1d", "+2d", "-3d", "+0"):
        before, since = cpu_seconds(relay), time.monotonic()
        clock.step(offset)
        stays_true(lambda: taken() <= allowed(), 3, f"the allowance after a step to {offset}")
        used = (cpu_seconds(relay) - before) / (time.monotonic() - since)
        assert used < 0.6, f"{used:.2f} of a processor after a step to {offset}"
    assert "wall clock has stepped" in relay.stderr()
    for offset in ("-1d", "-2d", "+0"):  # ahead over a start is another day, with a budget of its own
        relay.kill()
        clock.step(offset)
        relay.start()
        stays_true(lambda: taken() <= allowed(), 3, f"the allowance of a start at {offset}")
    row = next(row for row in relay.get("/v1/warmup")["warmup"] if row["source"] == "bulk1")
    assert row["sent"] <= row["released"] <= row["cap"]
    assert len(relay.queue("?stream=bulk&limit=500")) == 200 - taken()
