"""The relays that are measured: Mesura, and Postfix as Debian ships it.

Each gets a folder of its own, a port of its own, and nothing else of the machine: no
existing configuration, queue or port is touched."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

from patience import until
from rig import Trouble, free_port, fresh, run_quietly, wait_port


class Peer:
    name = "?"

    def __init__(self, build, folder):
        self.build = build
        self.folder = folder / self.name
        self.port = 0
        self.process = None

    def prepare(self, default_port, routes=None, hold=False):
        """An empty queue; everything to default_port but the domains in routes."""
        fresh(self.folder)
        self.port = free_port()
        self.configure(default_port, routes or {}, hold)

    def configure(self, default_port, routes, hold):
        raise NotImplementedError

    def start(self, tracer=()):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def release(self):
        """What was held may go at the next start."""

    def rss_kb(self):
        return 0

    def _end(self, seconds=60):
        process, self.process = self.process, None
        if process is None:
            return
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Trouble(f"{self.name} did not stop within {seconds} s") from None


class Mesura(Peer):
    name = "mesura"
    adapt = "false"

    @staticmethod
    def missing(build):
        program = build / "relay/mesurad"
        return None if program.exists() else f"{program} is not there"

    def configure(self, default_port, routes, hold):
        lines = [f'{{ domain = "{domain}"; host = "127.0.0.1"; port = {port}; tls = "none"; }}'
                 for domain, port in sorted(routes.items())]
        lines.append(f'{{ domain = "*"; host = "127.0.0.1"; port = {default_port}; '
                     'tls = "none"; }')
        here = self.folder
        (here / "spool").mkdir(exist_ok=True)
        (here / "mesura.conf").write_text(f'''hostname = "relay.bench.test";
spool = "{here}/spool";
control = "{here}/control.sock";
listeners = ( {{ name = "apps"; address = "127.0.0.1"; port = {self.port};
                stream = "transactional"; trust = [ "127.0.0.0/8" ]; }} );
sources = ( {{ name = "one"; address = "127.0.0.1"; helo = "relay.bench.test"; }} );
streams = ( {{ name = "transactional"; sources = [ "one" ]; }} );
sites = ( {{ name = "default"; max_connections = 50; max_rate = "unlimited";
            messages_per_connection = 0; }} );
adapt = {{ enabled = {self.adapt}; }};
delivery = {{ enabled = {"false" if hold else "true"}; tls = "none"; }};
routes = ( {", ".join(lines)} );
log = {{ file = "{here}/events.jsonl"; maillog = "{here}/mail.log"; }};
''')

    def start(self, tracer=(), seconds=60):
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                [*tracer, str(self.build / "relay/mesurad"), "-c",
                 str(self.folder / "mesura.conf")], stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_port(self.port, seconds, self.process)
        except Trouble as trouble:
            tail = (self.folder / "output").read_text(errors="replace")[-500:]
            raise Trouble(f"mesurad: {trouble}: {tail}") from None

    def _daemon(self):
        """The daemon's own pid: the process, or the child of a tracer."""
        children = pathlib.Path(
            f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        program = os.readlink(f"/proc/{self.process.pid}/exe")
        return self.process.pid if program.endswith("mesurad") or not children \
            else int(children[0])

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            os.kill(self._daemon(), signal.SIGTERM)
        self._end()

    def kill(self):
        """No orderly end: what is queued does not matter any more."""
        os.kill(self._daemon(), signal.SIGKILL)
        self._end()

    def rss_kb(self):
        status = pathlib.Path(f"/proc/{self._daemon()}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


class Adaptive(Mesura):
    name = "mesura-adaptive"
    adapt = "true"


class Postfix(Peer):
    name = "postfix"

    @staticmethod
    def missing(_build):
        return None if shutil.which("postfix") else "postfix is not installed"

    def configure(self, default_port, routes, hold):
        etc = self.folder / "etc"
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir(exist_ok=True)
        shutil.chown(self.folder / "data", "postfix")
        table = " ".join(f"{domain}=smtp:[127.0.0.1]:{port}"
                         for domain, port in sorted(routes.items()))
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": self.folder / "queue",
            "data_directory": self.folder / "data",
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "myhostname": "relay.bench.test",
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "relayhost": f"[127.0.0.1]:{default_port}",
            "transport_maps": f"inline:{{ {table} }}" if table else "",
            "smtp_dns_support_level": "disabled",
            "smtp_host_lookup": "native",
            "smtp_tls_security_level": "none",
            "smtpd_tls_security_level": "none",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_client_restrictions": "static:HOLD" if hold else "",
            "syslog_name": "mesura-bench",
            "maillog_file": "",
        }
        (etc / "main.cf").write_text("".join(f"{key} = {value}\n"
                                             for key, value in settings.items()))
        rows = []
        for row in pathlib.Path("/etc/postfix/master.cf.proto").read_text().splitlines():
            words = row.split()
            if not words or row.startswith(("#", " ", "\t")):
                continue
            if words[0] == "smtp" and words[1] == "inet":
                words[0] = f"127.0.0.1:{self.port}"
            words[4] = "n"  # no chroot: the folder has none of its files
            rows.append(" ".join(words))
        (etc / "master.cf").write_text("\n".join(rows) + "\n")

    def _postfix(self, *words):
        done = run_quietly("postfix", "-c", self.folder / "etc", *words, timeout=120)
        if done.returncode != 0:
            raise Trouble(f"postfix {' '.join(words)}: {done.stdout.strip()[-300:]}")

    def start(self, tracer=()):
        if tracer:
            with open(self.folder / "output", "ab") as output:
                self.process = subprocess.Popen(
                    [*tracer, "postfix", "-c", str(self.folder / "etc"), "start-fg"],
                    stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        else:
            self._postfix("start")
        wait_port(self.port, 60)

    def stop(self):
        pid_file = self.folder / "queue/pid/master.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        run_quietly("postfix", "-c", self.folder / "etc", "stop", timeout=120)
        until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 60)
        self._end()

    def release(self):
        run_quietly("postsuper", "-c", self.folder / "etc", "-H", "ALL")


PEERS = {peer.name: peer for peer in (Mesura, Adaptive, Postfix)}

INSTALL = ["postfix", "strace"]


def install():
    """What is missing, by apt, when this is root; nothing is started by it."""
    wanted = [name for name, program in zip(INSTALL, ("postfix", "strace"))
              if shutil.which(program) is None]
    if not wanted or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    guard = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not guard.exists()
    if ours:
        guard.write_text("#!/bin/sh\nexit 101\n")
        guard.chmod(0o755)
    try:
        subprocess.run(["debconf-set-selections"], check=False, text=True,
                       input="postfix postfix/main_mailer_type select No configuration\n")
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *wanted],
                       check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                       stdout=subprocess.DEVNULL)
    finally:
        if ours:
            guard.unlink()
