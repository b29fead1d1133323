"""A name server of the test's own: records from a dictionary, over UDP."""
import socket
import struct
import threading

TYPES = {1: "A", 28: "AAAA", 12: "PTR", 15: "MX", 16: "TXT", 5: "CNAME", 52: "TLSA"}


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".") if label) + b"\0"


class NameServer:
    """records maps (name, type) to a list of values; MX values are (preference, host).
    A name without any record is NXDOMAIN; a name in failing is SERVFAIL. Answers about
    secure names ("*": all) have the AD bit, as from a validating resolver."""

    def __init__(self, records, failing=(), secure=()):
        self.records = records
        self.failing = set(failing)
        self.secure = set(secure)
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(query), client)
            except OSError:
                return

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = TYPES.get(struct.unpack(">H", query[at + 1:at + 3])[0], "?")
        question = query[12:at + 5]
        name = ".".join(labels)
        self.asked.append((name, kind))
        known = any(key[0] == name for key in self.records)
        values = self.records.get((name, kind), [])
        code = 2 if name in self.failing else 0 if known else 3
        ad = 0x20 if query[3] & 0x20 and self.secure & {name, "*"} and code != 2 else 0
        head = query[:2] + struct.pack(">HHHHH", 0x8180 | code | ad, 1, 0 if code else len(values), 0, 0)
        body = b"" if code else b"".join(self.record(kind, value) for value in values)
        return head + question + body

    @staticmethod
    def record(kind, value):
        number = next(number for number, name in TYPES.items() if name == kind)
        if kind == "A":
            data = socket.inet_aton(value)
        elif kind == "AAAA":
            data = socket.inet_pton(socket.AF_INET6, value)
        elif kind == "MX":
            data = struct.pack(">H", value[0]) + encode_name(value[1])
        elif kind == "TXT":
            data = b"".join(bytes([len(part)]) + part.encode() for part in [value[i:i + 255]
                                                                            for i in range(0, len(value), 255)])
        elif kind == "TLSA":
            data = bytes(value[:3]) + value[3]
        else:
            data = encode_name(value)
        return b"\xc0\x0c" + struct.pack(">HHIH", number, 1, 60, len(data)) + data

    def close(self):
        self.socket.close()
