"""An authority of the test's own: certificates good and bad, and their TLSA records."""
import hashlib
import ipaddress
import ssl
import subprocess


def openssl(*words, data=None):
    return subprocess.run(["openssl", *map(str, words)], input=data, check=True, capture_output=True).stdout


class Authority:
    """A root and what it signs, as PEM files in a folder."""

    def __init__(self, folder, name="test root"):
        self.folder = folder
        self.root = folder / f"{name}.pem".replace(" ", "-")
        self.root_key = folder / f"{name}.key".replace(" ", "-")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.root_key, "-out", self.root, "-days", "30", "-subj", f"/CN={name}")
        self.count = 0

    def issue(self, *names, subject=None, start=None, end=None, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
              signed=True):
        """A certificate for these names; its paths. start and end are like 20200101000000Z."""
        self.count += 1
        stem = self.folder / f"leaf{self.count}"
        paths = stem.with_suffix(".crt"), stem.with_suffix(".key")
        request, more = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        subject = f"/CN={names[0]}" if subject is None and names else subject or "/"
        openssl("req", "-newkey", *key, "-nodes", "-keyout", paths[1], "-out", request, "-subj", subject)
        more.write_text("basicConstraints=CA:FALSE\n" + (f"subjectAltName={','.join(map(alternative, names))}\n"
                                                          if names else ""))
        by = ["-CA", self.root, "-CAkey", self.root_key] if signed else ["-signkey", paths[1]]
        if start or end:
            self.issue_dated(request, more, paths[0], start or "20200101000000Z", end or "20991231000000Z")
        else:
            openssl("x509", "-req", "-in", request, *by, "-days", "10", "-extfile", more, "-out", paths[0], "-set_serial",
                    self.count + 1)
        return paths

    def issue_dated(self, request, more, out, start, end):
        """openssl x509 knows no dates; openssl ca does."""
        folder = self.folder / f"ca{self.count}"
        folder.mkdir()
        (folder / "index").write_text("")
        (folder / "serial").write_text("1000")
        config = folder / "ca.conf"
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={folder}\ndatabase={folder}/index\n"
                          f"serial={folder}/serial\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=optional\n")
        openssl("ca", "-batch", "-notext", "-config", config, "-cert", self.root, "-keyfile", self.root_key, "-in",
                request, "-out", out, "-startdate", start, "-enddate", end, "-extfile", more)


def alternative(name):
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def context(paths, chain=None):
    """A server's side of TLS with this certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("ALL:@SECLEVEL=0")  # the zoo has weak keys
    made.load_cert_chain(*paths)
    return made


def tlsa(certificate, usage=3, selector=1):
    """(usage, selector, matching type, bytes) for this certificate, by SHA-256."""
    if selector == 1:
        public = openssl("x509", "-in", certificate, "-noout", "-pubkey")
        data = openssl("pkey", "-pubin", "-outform", "DER", data=public)
    else:
        data = openssl("x509", "-in", certificate, "-outform", "DER")
    return (usage, selector, 1, hashlib.sha256(data).digest())
