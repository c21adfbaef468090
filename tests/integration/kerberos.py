"""A realm of Kerberos for tests: its own server on a free port of the loopback, in one folder."""

import os
import subprocess
from pathlib import Path

from flow import wait_until
from postgres import TIED, free_port

ROOT = Path(__file__).resolve().parents[2] / "build/clients/debian/krb5"
LIBRARIES = ROOT / "lib/x86_64-linux-gnu"
REALM = "TEST.LOCAL"

CLIENT = """
[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_canonicalize_hostname = false
rdns = false
[realms]
{realm} = {{
  kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {realm}
[dbmodules]
db_module_dir = {libraries}/krb5/plugins/kdb
"""
SERVER = """
[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
}}
"""


class Realm:
    """`environment` leads clients to it; a ticket is in its cache after `log_in`."""

    password = "a user's secret"

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        names = {"realm": REALM, "port": self.port, "folder": folder, "libraries": LIBRARIES}
        (folder / "krb5.conf").write_text(CLIENT.format(**names))
        (folder / "kdc.conf").write_text(SERVER.format(**names))
        self.environment = {
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5CCNAME": f"FILE:{folder}/tickets",
        }
        self.run("sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "the master's secret")
        self.process = subprocess.Popen(
            [*TIED, ROOT / "sbin/krb5kdc", "-n", "-r", REALM],
            env=self.own_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def own_environment(self):
        return {
            **os.environ,
            **self.environment,
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "LD_LIBRARY_PATH": str(LIBRARIES),
        }

    def run(self, program, *arguments, stdin="", check=True):
        done = subprocess.run(
            [ROOT / program, *map(str, arguments)],
            env=self.own_environment(),
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.returncode

    def administer(self, *words):
        self.run("sbin/kadmin.local", "-r", REALM, *words)

    def keys_of(self, service, path):
        """A new service, and the file by which its server knows itself."""
        self.administer("addprinc", "-randkey", service)
        self.administer("ktadd", "-k", path, service)

    def log_in(self, user):
        self.administer("addprinc", "-pw", self.password, user)
        wait_until(
            lambda: self.run("bin/kinit", user, stdin=f"{self.password}\n", check=False) == 0,
            "there is a ticket",
        )

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
