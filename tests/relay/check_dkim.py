#!/usr/bin/python3
"""Every signature we make must verify with dkimpy and OpenDKIM, and stop verifying when the message is
changed where it matters. Usage: check_dkim.py SIGN_STDIN"""
import subprocess
import sys
import tempfile

try:
    import dkim
except ImportError:
    print("python3-dkim is not installed")
    sys.exit(77)

SIGN = sys.argv[1]
HEAD = b"From: A <a@x.example>\r\nTo: b@y.example\r\nSubject: hello\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
CASES = {
    "plain": HEAD + b"\r\nbody\r\n",
    "empty body": HEAD + b"\r\n",
    "no end of line": HEAD + b"\r\nbody",
    "trailing blank lines": HEAD + b"\r\nbody\r\n\r\n\r\n",
    "spaces": HEAD + b"\r\n  body \t x \r\n\t\r\nend  \r\n",
    "folded": HEAD.replace(b"hello", b" a\r\n\t b\r\n  c  ") + b"X: y\r\n\r\nbody\r\n",
    "8-bit": HEAD.replace(b"hello", b"caf\xc3\xa9 \xff") + b"\r\n\xff\xfe\r\n",
    "duplicates": HEAD + b"Subject: two\r\nTo: c@y.example\r\nTO: d@y.example\r\n\r\nbody\r\n",
    "odd case": HEAD.replace(b"From:", b"fROM:") + b"\r\nbody\r\n",
    "no value": HEAD + b"Cc:\r\nReply-To: \r\n\r\nbody\r\n",
    "bulk": HEAD + b"List-Unsubscribe: <https://x.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nb\r\n",
    "dots": HEAD + b"\r\n.\r\n..\r\n.x\r\n",
    "20 MB": HEAD + b"\r\n" + b"0123456789 abcdefghijklmnop  \r\n" * 650000,
}


def run(*args, data=b""):
    return subprocess.run(args, input=data, stdout=subprocess.PIPE, check=True).stdout


def main():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        rsa, ed = folder + "/rsa.pem", folder + "/ed.pem"
        run("openssl", "genrsa", "-out", rsa, "2048")
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", ed)
        records = {b"r._domainkey.x.example.": run(SIGN, "--record", rsa),
                   b"e._domainkey.x.example.": run(SIGN, "--record", ed)}

        def verify(message, index=0):
            try:
                return dkim.DKIM(message).verify(
                    idx=index, dnsfunc=lambda name, timeout=5: records.get(name))
            except dkim.DKIMException as error:
                print(error)
                return False

        def expect(name, what, want):
            nonlocal failures
            if what != want:
                failures += 1
            print("ok" if what == want else "FAILED", name)

        public, config, mail = folder + "/public", folder + "/opendkim.conf", folder + "/mail"
        with open(public, "wb") as out:
            out.write(b"r._domainkey.x.example " + records[b"r._domainkey.x.example."] + b"\n")
        with open(config, "w", encoding="ascii") as out:
            out.write(f"TestPublicKeys {public}\nMode v\n")

        def opendkim(message):
            with open(mail, "wb") as out:
                out.write(message)
            done = subprocess.run(["opendkim", "-x", config, "-t", mail], capture_output=True, check=False)
            return b"succeeded" in done.stdout + done.stderr

        for name, message in CASES.items():
            signed = run(SIGN, rsa, "r", ed, "e", data=message)
            expect(name + ", rsa", verify(signed, 0), True)
            expect(name + ", OpenDKIM", opendkim(signed if signed.endswith(b"\r\n") else signed + b"\r\n"), True)
            if name != "20 MB":
                expect(name + ", ed25519", verify(signed, 1), True)
        signed = run(SIGN, rsa, "r", data=CASES["plain"])
        expect("second From", verify(b"From: evil@z.example\r\n" + signed), False)
        expect("second Subject", verify(b"Subject: evil\r\n" + signed), False)
        expect("changed body", verify(signed.replace(b"body", b"b0dy")), False)
        expect("changed body, OpenDKIM", opendkim(signed.replace(b"body", b"b0dy")), False)
        expect("added body", verify(signed + b"more\r\n"), False)
        expect("unsigned field", verify(b"X-Seen: yes\r\n" + signed), True)
        expect("more blank lines", verify(signed + b"\r\n\r\n"), True)
    sys.exit(1 if failures else 0)


main()
