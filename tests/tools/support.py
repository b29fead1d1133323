"""Running the programs of tools/ in tests: start, talk, stop, read what they say.

The programs are found in $MESURA_TOOLS (meson sets it). Everything is on loopback with
ports given by the kernel; nothing waits for a fixed time, everything for a condition."""

import json
import os
import pathlib
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import patience  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("MESURA_TOOLS", "build/tools"))
PATIENCE = float(os.environ.get("MESURA_PATIENCE", "30"))


def until(condition, what):
    """Wait until condition() is true; its value."""
    return patience.wait_until(condition, PATIENCE, what)


class Receiver:
    """A mesura-receiver with one or more providers."""

    def __init__(self, *providers, options=()):
        args = [str(TOOLS / "mesura-receiver"), *options]
        for provider in providers:
            args += ["--provider", provider]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, "mesura-receiver did not start"
        self.addresses = []
        for provider in json.loads(line)["listening"]:
            for address in provider["address"].split(" "):
                host, port = address.rsplit(":", 1)
                self.addresses.append((host.strip("[]"), int(port)))
        self.result = None

    @property
    def port(self):
        return self.addresses[0][1]

    def text(self, index=0):
        host, port = self.addresses[index]
        return f"{host}:{port}"

    def client(self, index=0, source="127.0.0.1", **more):
        host, port = self.addresses[index]
        return smtplib.SMTP(host, port, source_address=(source, 0), timeout=PATIENCE, **more)

    def raw(self, index=0, source="127.0.0.1"):
        sock = socket.create_connection(self.addresses[index], timeout=PATIENCE,
                                        source_address=(source, 0))
        return sock

    def ask(self):
        """The statistics now."""
        import signal
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def stop(self, kill=False):
        """End it; the last statistics."""
        if self.result is None:
            if kill:
                self.process.kill()
            else:
                self.process.terminate()
            out, _ = self.process.communicate(timeout=PATIENCE)
            self.status = self.process.returncode
            lines = out.splitlines()
            self.result = json.loads(lines[-1]) if lines else {}
        return self.result

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def send(client, recipients="b@dest.test", message=b"Subject: x\r\n\r\nHello\r\n",
         sender="a@src.test"):
    """One message; (code, text) of what decided it."""
    if isinstance(recipients, str):
        recipients = [recipients]
    code, text = client.docmd(f"MAIL FROM:<{sender}>")
    if code != 250:
        return code, text.decode()
    accepted = 0
    for recipient in recipients:
        code, text = client.docmd(f"RCPT TO:<{recipient}>")
        accepted += code == 250
    if accepted == 0:
        if code != 421:
            client.docmd("RSET")
        return code, text.decode()
    code, text = client.docmd("DATA")
    if code != 354:
        return code, text.decode()
    client.send(message + b".\r\n")
    code, text = client.getreply()
    return code, text.decode()


def greeted(receiver, index=0, source="127.0.0.1"):
    client = receiver.client(index, source)
    client.ehlo("client.test")
    return client


def load(target, *options, check=True):
    """Run mesura-load; its JSON result."""
    done = subprocess.run([str(TOOLS / "mesura-load"), target, "--json", *map(str, options)],
                          stdout=subprocess.PIPE, text=True, timeout=4 * PATIENCE)
    if check and done.returncode != 0:
        raise AssertionError(f"mesura-load ended with {done.returncode}: {done.stdout}")
    return json.loads(done.stdout)


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Case(unittest.TestCase):
    def folder(self):
        place = tempfile.TemporaryDirectory(prefix="mesura-test-")
        self.addCleanup(place.cleanup)
        return pathlib.Path(place.name)
