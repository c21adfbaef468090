"""Certificates for tests of TLS, made by openssl in a temporary folder: good ones and bad ones."""

import subprocess

PAST = ("20200101000000Z", "20200301000000Z")
FUTURE = ("20900101000000Z", "20910101000000Z")
NOW = ("20200101000000Z", "20900101000000Z")

CONFIG = """
[ca]
default_ca = the_ca
[the_ca]
dir = {folder}
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
private_key = {folder}/ca.key
certificate = {folder}/ca.crt
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


def openssl(*arguments):
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


class Pair:
    """A certificate and its key, as paths and as text."""

    def __init__(self, folder, name):
        self.key = folder / f"{name}.key"
        self.certificate = folder / f"{name}.crt"

    @property
    def key_text(self):
        return self.key.read_text()

    @property
    def certificate_text(self):
        return self.certificate.read_text()


class Authority(Pair):
    """Signs certificates for names and for as long as is asked."""

    def __init__(self, folder, name):
        folder.mkdir()
        super().__init__(folder, "ca")
        self.folder = folder
        self.count = 0
        openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-keyout", self.key,
            "-out", self.certificate, "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE",
        )  # fmt: skip
        (folder / "index.txt").write_text("")
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(CONFIG.format(folder=folder))

    def revoke_none(self, path):
        """Writes a list of revoked certificates, with none in it."""
        config = self.folder / "ca.cnf"
        openssl("ca", "-config", config, "-gencrl", "-crldays", "3650", "-out", path)

    def sign(self, common_name, names="", dates=NOW):
        self.count += 1
        pair = Pair(self.folder, f"signed-{self.count}")
        request = self.folder / "request.pem"
        more = ["-addext", f"subjectAltName={names}"] if names else []
        openssl(
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", pair.key, "-out", request,
            "-subj", f"/CN={common_name}", *more,
        )  # fmt: skip
        openssl(
            "ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-in", request,
            "-out", pair.certificate, "-startdate", dates[0], "-enddate", dates[1],
        )  # fmt: skip
        pair.key.chmod(0o600)
        return pair


def self_signed(folder, common_name, names):
    pair = Pair(folder, "self-signed")
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", pair.key,
        "-out", pair.certificate, "-subj", f"/CN={common_name}",
        "-addext", f"subjectAltName={names}",
    )  # fmt: skip
    return pair
