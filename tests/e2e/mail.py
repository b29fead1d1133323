"""Ways to hand mail to the relay."""
import smtplib
import socket

SENDER = "app@sender.test"


def message(subject="a message", body=b"Hello.\r\n", sender=SENDER, to="kim@gmail.test", extra=b""):
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n"
            f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{abs(hash((subject, body)))}@sender.test>\r\n"
            ).encode() + extra + b"\r\n" + body


def send(relay, to, data=None, sender=SENDER, listener="apps", options=()):
    """Submit one message with smtplib; to is an address or several. The refused ones."""
    recipients = [to] if isinstance(to, str) else list(to)
    with smtplib.SMTP("127.0.0.1", relay.ports[listener], "client.test", timeout=60) as client:
        return client.sendmail(sender, recipients, message(to=recipients[0]) if data is None else data, options)


class Raw:
    """A client that sends exactly what it is told. Use as a context manager."""

    def __init__(self, relay, listener="apps", address="127.0.0.1", timeout=30):
        self.socket = socket.create_connection((address, relay.ports[listener]), timeout)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\r\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(f"the relay hung up; left: {self.buffer!r}")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode(errors="replace")

    def reply(self):
        """One whole reply, lines joined with newlines."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def ask(self, command):
        self.send(command + "\r\n" if isinstance(command, str) else command)
        return self.reply()

    def greet(self):
        banner = self.reply()
        assert banner.startswith("220"), banner
        return self.ask("EHLO client.test")

    def envelope(self, to, sender=SENDER):
        """Up to and including DATA."""
        assert self.ask(f"MAIL FROM:<{sender}>").startswith("250")
        for recipient in [to] if isinstance(to, str) else to:
            assert self.ask(f"RCPT TO:<{recipient}>").startswith("250")
        assert self.ask("DATA").startswith("354")

    def is_cut(self):
        """True once the relay has ended the connection."""
        try:
            while more := self.socket.recv(65536):
                self.buffer += more
        except ConnectionResetError:
            pass
        return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
