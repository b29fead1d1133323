"""The parts of a measurement: processes, ports, the generator and the sink.

Times are CLOCK_MONOTONIC nanoseconds throughout: generator, sink and this script read the
same clock, so their times can be subtracted."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from patience import until

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent


class Trouble(Exception):
    """Something that ends a run; the sentence is for the reader."""


def now_ns():
    return time.monotonic_ns()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_port(port, seconds, process=None):
    """Until something answers there."""
    def answers():
        if process is not None and process.poll() is not None:
            raise Trouble(f"it ended at once with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False
    if not until(answers, seconds):
        raise Trouble(f"nothing listens at port {port} after {seconds} s")


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def run_quietly(*command, **more):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **more)


class Sink:
    """A mesura-receiver: what the relays deliver to."""

    def __init__(self, build, providers, events=None):
        command = [str(build / "tools/mesura-receiver")]
        for provider in providers:
            command += ["--provider", provider]
        if events is not None:
            command += ["--events", str(events)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        listening = json.loads(self.process.stdout.readline())["listening"]
        self.ports = [int(one["address"].rsplit(":", 1)[1]) for one in listening]

    def ask(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def total(self):
        return self.ask()["total"]

    def wait(self, messages, stall):
        """Until so many different messages are there, or none came for stall seconds."""
        def distinct(total):
            return total["accepted"] - total["duplicates"]
        total = self.total()
        while distinct(total) < messages:
            seen = distinct(total)

            def more():
                now = self.total()
                return now if distinct(now) > seen else None
            total = until(more, stall, step=0.1)
            if total is None:
                raise Trouble(f"{seen} of {messages} arrived, then none for {stall} s")
        return total

    def stop(self):
        self.process.terminate()
        out, _ = self.process.communicate(timeout=60)
        return json.loads(out.splitlines()[-1])


def generate(build, port, *options):
    """Run mesura-load to its end; its JSON."""
    command = [str(build / "tools/mesura-load"), f"127.0.0.1:{port}", "--json",
               "--reconnect", "--timeout", "120s"]
    done = subprocess.run(command + [str(word) for word in options], stdout=subprocess.PIPE,
                          text=True, check=False)
    if not done.stdout:
        raise Trouble(f"mesura-load ended with status {done.returncode}")
    result = json.loads(done.stdout)
    if not result["done"]:
        raise Trouble(f"not everything was accepted: {json.dumps(result['errors'])}")
    return result


def disk_rate(folder, seconds, record=4300, batch=50):
    """Records a second that one thread makes durable in batches, overwriting blocks that
    were written before: what a log could do if nothing else had to be done."""
    path = folder / "reference.log"
    size = 64 << 20
    block = os.urandom(record * batch)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for offset in range(0, size, 1 << 20):
            os.pwrite(fd, b"\0" * (1 << 20), offset)
        os.fsync(fd)
        count, offset, begin = 0, 0, time.monotonic()
        while time.monotonic() - begin < seconds:
            if offset + len(block) > size:
                offset = 0
            os.pwrite(fd, block, offset)
            os.fdatasync(fd)
            offset += len(block)
            count += batch
        return count / (time.monotonic() - begin)
    finally:
        os.close(fd)
        path.unlink()


def drop_caches():
    """True when the page cache was emptied."""
    try:
        os.sync()
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
        return True
    except OSError:
        return False


def busy():
    """What else the machine does: the load of the last minute."""
    return os.getloadavg()[0]
