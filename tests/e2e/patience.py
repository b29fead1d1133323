"""Waiting for conditions: the only place in the tests that sleeps."""
import time


class Impatient(AssertionError):
    """A condition did not come true in time."""


def wait_until(condition, seconds=20.0, what="a condition"):
    """Ask until condition() is true, and return what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Impatient(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def stays_true(condition, seconds, what="a condition"):
    """Watch a condition for a while; it must hold all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"no longer: {what}"
        time.sleep(0.02)
