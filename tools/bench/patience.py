"""Waiting for conditions: the only place in the bench that sleeps."""

import time


def until(condition, seconds, step=0.02):
    """Ask until condition() is true; its value, or what it was at the end."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)
