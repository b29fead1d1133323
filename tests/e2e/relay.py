"""A mesurad of the test's own: its configuration, its process, what it says."""
import contextlib
import copy
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from patience import wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("MESURA_BUILD", ROOT / "build"))
MESURAD = BUILD / "relay" / "mesurad"
MESURA = BUILD / "tools" / "mesura"
WORKERS = int(os.environ.get("MESURA_WORKERS", "2"))
TX, BULK = "127.0.0.11", "127.0.0.12"  # the addresses of the two sources


def free_port(address="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def libconfig(value, depth=0):
    """A Python value in libconfig's notation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        pad = "  " * depth
        return "{\n" + "".join(f"{pad}  {k} = {libconfig(v, depth + 1)};\n" for k, v in value.items()) + pad + "}"
    if value and isinstance(value[0], dict):
        return "( " + ", ".join(libconfig(item, depth + 1) for item in value) + " )"
    return "[ " + ", ".join(libconfig(item) for item in value) + " ]"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the control socket."""

    def __init__(self, path):
        super().__init__("mesura", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)  # blocking: with a time limit a full row of callers is an error
        self.sock.settimeout(30)


class Relay:
    """Configure, start, ask and stop one daemon. Use as a context manager."""

    def __init__(self, **changes):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mesura-e2e-"))
        self.ports = {"apps": free_port()}
        while self.ports.get("bulk", self.ports["apps"]) == self.ports["apps"]:
            self.ports["bulk"] = free_port()  # the system may give the same one twice
        self.process = None
        self.wrapper = []  # put in front of the daemon's command
        self.starts = 0
        trust = ["127.0.0.0/8", "::1"]
        self.config = {
            "hostname": "relay.test",
            "spool": str(self.folder / "spool"),
            "control": str(self.folder / "control.sock"),
            "workers": WORKERS,
            "listeners": [
                {"name": "apps", "address": "127.0.0.1", "port": self.ports["apps"], "stream": "transactional",
                 "streams": ["transactional", "bulk"], "trust": trust, "max_connections_per_address": 1000},
                {"name": "bulk", "address": "127.0.0.1", "port": self.ports["bulk"], "stream": "bulk",
                 "trust": trust},
            ],
            "sources": [
                {"name": "tx1", "address": TX, "helo": "tx1.relay.test"},
                {"name": "bulk1", "address": BULK, "helo": "bulk1.relay.test"},
            ],
            "streams": [
                {"name": "transactional", "sources": ["tx1"], "weight": 10, "retry": "quick"},
                {"name": "bulk", "sources": ["bulk1"], "weight": 1, "retry": "quick"},
            ],
            "sites": [{"name": "default", "max_rate": "unlimited", "max_connections": 20}],
            "schedules": [{"name": "quick", "steps": ["1s"], "factor": 1.0, "max": "1s"}],
            "adapt": {"enabled": False},
            "delivery": {"tls": "none", "allow_private_mx": True,
                         "timeouts": {"connect": "3s", "greeting": "3s", "command": "3s", "data": "3s",
                                      "dot": "5s", "idle": "2s"}},
            "dnsbl": {"servers": ["127.0.0.1:9"]},  # nobody there: lists cannot be asked
            "queue": {"low_space": "1M", "reserve": "1M"},
            "routes": [],
            "alerts": {"mail": "", "command": ""},
            "log": {"file": str(self.folder / "events.jsonl"), "maillog": str(self.folder / "mail.log")},
        }
        self.change(**changes)

    def change(self, **changes):
        """Replace top-level keys; dictionaries are merged into the default's."""
        for key, value in changes.items():
            if isinstance(value, dict) and isinstance(self.config.get(key), dict):
                self.config[key] = {**self.config[key], **value}
            elif value is None:
                self.config.pop(key, None)
            else:
                self.config[key] = copy.deepcopy(value)

    def set_in(self, table, name, **changes):
        """Change keys of one named entry of a list such as streams."""
        entry = next(entry for entry in self.config[table] if entry["name"] == name)
        entry.update(changes)

    def route(self, domain, port, host="127.0.0.1", **more):
        """Send a domain to a receiver without asking DNS."""
        self.config["routes"] = [*self.config["routes"],
                                 {"domain": domain, "host": host, "port": port, "tls": "none", **more}]

    @property
    def config_path(self):
        return self.folder / "mesura.conf"

    def write_config(self):
        text = "".join(f"{key} = {libconfig(value)};\n" for key, value in self.config.items() if value != [])
        self.config_path.write_text(text)

    def start(self):
        self.write_config()
        pathlib.Path(self.config["spool"]).mkdir(exist_ok=True)
        self.starts += 1
        with (self.folder / "stderr").open("ab") as stderr:
            self.process = subprocess.Popen([*self.wrapper, str(MESURAD), "-c", str(self.config_path)],
                                            stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
        wait_until(self.is_up, 30, "the daemon to start")
        return self

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"mesurad ended with {self.process.returncode}:\n{self.stderr()[-3000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.http("GET", "/healthz")[0] == 200
        return False

    def stderr(self):
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self, seconds=30):
        """End it as an administrator does; it must end well."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"mesurad does not end within {seconds} s\n{self.stderr()[-3000:]}") from None
        assert status == 0, f"mesurad ended with {status}\n{self.stderr()[-3000:]}"

    def kill(self):
        """As a power cut does to a process."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.stop()
        finally:
            self.clean(failed=kind is not None)

    def clean(self, failed):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        if failed and (logs := os.environ.get("MESURA_LOGS")):
            kept = pathlib.Path(logs) / self.folder.name
            shutil.copytree(self.folder, kept, symlinks=True, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("spool", "*.sock"))
            print(f"kept {kept}")
        if failed:
            print(self.stderr()[-3000:])
        shutil.rmtree(self.folder, ignore_errors=True)

    # What it says.

    def http(self, method, path, body=None, headers=None):
        """Ask the control API; the status and the document (or text)."""
        connection = UnixConnection(self.config["control"])
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload,
                               {"Content-Type": "application/json", **(headers or {})} if payload else headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = answer.getheader("Content-Type", "").startswith("application/json")
            return answer.status, json.loads(text) if is_json else text
        finally:
            connection.close()

    def get(self, path):
        status, document = self.http("GET", path)
        assert status == 200, f"GET {path}: {status} {document}"
        return document

    def post(self, path, **body):
        status, document = self.http("POST", path, body)
        assert status == 200, f"POST {path}: {status} {document}"
        return document

    def status(self):
        return self.get("/v1/status")

    def queue(self, query=""):
        return self.get("/v1/queue" + query)["recipients"]

    def cli(self, *words, expect=0):
        """Run `mesura`; its standard output. expect None: however it ends."""
        done = subprocess.run([str(MESURA), *words, "--socket", self.config["control"]], capture_output=True,
                              text=True, timeout=180, check=False)
        assert expect is None or done.returncode == expect, f"mesura {words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def cli_json(self, *words, expect=0):
        return json.loads(self.cli(*words, "--json", expect=expect))

    def events(self, kind=None, **wanted):
        path = pathlib.Path(self.config["log"]["file"])
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")
        found = [json.loads(line) for line in lines if line]
        wanted = {**wanted, **({"event": kind} if kind else {})}
        return [event for event in found if all(event.get(key) == value for key, value in wanted.items())]

    def wait_events(self, kind, count=1, seconds=20.0, **wanted):
        return wait_until(lambda: (found := self.events(kind, **wanted)) and len(found) >= count and found, seconds,
                          f"{count} events {kind} {wanted}")

    def wait_empty(self, seconds=60.0):
        wait_until(lambda: self.status()["queued"] == 0, seconds, "an empty queue")

    def mail_log(self):
        path = pathlib.Path(self.config["log"]["maillog"])
        return path.read_text(errors="replace") if path.exists() else ""

    def memory_kib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


def check_config(text, folder):
    """mesurad -t on a text: its exit status and what it says."""
    path = pathlib.Path(folder) / "tried.conf"
    path.write_text(text)
    done = subprocess.run([str(MESURAD), "-t", "-c", str(path)], capture_output=True, text=True, timeout=180,
                          check=False)
    return done.returncode, done.stderr, path
