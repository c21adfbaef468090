"""TLS to a real server: every sslmode with good and bad certificates, on both sides."""

import shutil
import subprocess
from pathlib import Path

import pytest
from certificates import FUTURE, PAST, Authority, openssl, self_signed
from flow import wait_until
from postgres import BIN, Postgres

NAMES = "DNS:localhost,IP:127.0.0.1"
RULES = """
local     all all                   scram-sha-256
hostssl   all tls_only   127.0.0.1/32 scram-sha-256
hostnossl all plain_only 127.0.0.1/32 scram-sha-256
hostssl   all with_cert  127.0.0.1/32 cert
hostssl   all with_both  127.0.0.1/32 scram-sha-256 clientcert=verify-ca
hostssl   all "{user}"   127.0.0.1/32 scram-sha-256
hostnossl all "{user}"   127.0.0.1/32 scram-sha-256
"""


class TlsServer(Postgres):
    """A server whose certificate and rules are changed while it runs."""

    def prepare(self, folder):
        self.start()
        self.authority = Authority(folder / "authority", "Test Authority")
        self.stranger = Authority(folder / "stranger", "Some Other Authority")
        for name in ("tls_only", "plain_only", "with_cert", "with_both"):
            self.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{self.password}'")
        self.psql("CREATE TABLE t (k int PRIMARY KEY); GRANT SELECT ON t TO PUBLIC")
        shutil.copy(self.authority.certificate, self.folder / "clients.crt")
        self.give(self.folder / "clients.crt")
        self.psql(f"ALTER SYSTEM SET ssl_ca_file = '{self.folder}/clients.crt'")
        (self.folder / "data" / "pg_hba.conf").write_text(RULES.format(user=self.user))
        self.certificates = {
            "good": self.authority.sign("localhost", NAMES),
            "expired": self.authority.sign("localhost", NAMES, PAST),
            "not yet valid": self.authority.sign("localhost", NAMES, FUTURE),
            "another name": self.authority.sign("db.example.com", "DNS:db.example.com"),
            "another authority": self.stranger.sign("localhost", NAMES),
            "self-signed": self_signed(folder, "localhost", NAMES),
        }
        self.show("good")

    def environment(self, database="postgres"):
        """psql goes by the socket, which no certificate concerns."""
        return {**super().environment(database), "PGHOST": str(self.folder)}

    def show(self, name):
        """Takes another certificate, and waits until new connections meet it."""
        pair = self.certificates[name]
        shutil.copyfile(pair.key, self.folder / "server.key")
        shutil.copyfile(pair.certificate, self.folder / "server.crt")
        self.reload()
        self.shown = name

    def reload(self):
        before = self.psql("SELECT pg_conf_load_time()")
        self.psql("SELECT pg_reload_conf()")
        wait_until(
            lambda: self.psql("SELECT pg_conf_load_time()") != before, "the server has reloaded"
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    tls = TlsServer()
    try:
        tls.prepare(tmp_path_factory.mktemp("certificates"))
        yield tls
    finally:
        tls.close()


def show(server, name):
    if server.shown != name:
        server.show(name)


def check(penstock, server, **settings):
    """`penstock check`: what went wrong, or "" """
    env = settings.pop("env", None)
    penstock.configure(server.configuration(**settings))
    done = penstock("check", "--config", "configuration.json", "--json", env=env)
    document = done.document
    failed = [test["message"] for test in document["tests"] if test["result"] == "failed"]
    assert (done.code == 0) == (not failed), done.out + done.err
    assert server.password not in done.out + done.err
    return failed[0] if failed else "", document


@pytest.mark.parametrize("certificate", ["good", "expired", "another name", "another authority"])
@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_modes_that_check_nothing_take_any_certificate(penstock, server, mode, certificate):
    show(server, certificate)
    failure, document = check(penstock, server, sslmode=mode)
    assert failure == ""
    encrypted = mode in ("prefer", "require")
    assert ("TLSv1.3" in document["server"]) == encrypted
    assert ("not encrypted" in document["server"]) == (not encrypted)


REASONS = {
    "good": "",
    "expired": "expired on 2020-03-01",
    "not yet valid": "is not valid before 2090-01-01",
    "another name": "does not match host name",
    "another authority": 'signed by "Some Other Authority", which is not one of the authorities',
    "self-signed": "is self-signed",
}
REMEDIES = {
    "expired": "Have it renewed",
    "not yet valid": "Check the clock",
    "another name": "Set `host` to a name in the certificate",
    "another authority": "Set `sslrootcert` to the certificate of that authority",
    "self-signed": "Set `sslrootcert` to that certificate",
}


@pytest.mark.parametrize("certificate", REASONS)
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_modes_that_check_say_what_is_wrong_with_the_certificate(
    penstock, server, mode, certificate
):
    show(server, certificate)
    failure, document = check(
        penstock, server, sslmode=mode, sslrootcert=str(server.authority.certificate)
    )
    if certificate == "good" or (certificate == "another name" and mode != "verify-full"):
        assert failure == ""
        assert "TLSv1.3" in document["server"]
        return
    assert REASONS[certificate] in failure
    assert REMEDIES[certificate] in failure


def test_certificate_of_the_server_itself_can_be_trusted(penstock, server):
    show(server, "self-signed")
    root = server.certificates["self-signed"].certificate_text
    assert check(penstock, server, sslmode="verify-full", sslrootcert=root)[0] == ""


def test_name_is_checked_for_the_name_that_was_given(penstock, server):
    """localhost has two addresses here, of which the server listens on one."""
    show(server, "good")
    root = str(server.authority.certificate)
    for host in ("localhost", "127.0.0.1", f"localhost:{server.port}"):
        failure, _ = check(penstock, server, sslmode="verify-full", sslrootcert=root, host=host)
        assert failure == ""


@pytest.mark.parametrize("form", ["whole", "without line breaks", "breaks written out", "two"])
def test_authority_as_text_in_whatever_form_it_comes(penstock, server, form):
    show(server, "good")
    text = server.authority.certificate_text
    forms = {
        "whole": text,
        "without line breaks": text.replace("\n", ""),
        "breaks written out": text.replace("\n", "\\n"),
        "two": f"of others:\n{server.stranger.certificate_text}\nand ours:\n{text}",
    }
    failure, _ = check(penstock, server, sslmode="verify-full", sslrootcert=forms[form])
    assert failure == ""


def test_authorities_of_the_machine_are_trusted_where_none_are_named(penstock, server):
    show(server, "good")
    if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
        pytest.fail("the package ca-certificates, which the tests need, is not there")
    failure, _ = check(penstock, server, sslmode="verify-full")
    assert "not one of the authorities to trust" in failure


def test_root_certificates_that_are_none(penstock, server):
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for root, message in {
        "/nowhere/root.crt": "`sslrootcert` cannot be read (No such file or directory)",
        "/etc/hostname": "could not read root certificate file",
        broken: "could not read root certificate file",
        "-----BEGIN CERTIFICATE-----\nAAAA": "the text of `sslrootcert` is not whole",
        server.authority.key_text: "the text of `sslrootcert` is not whole, or not what is meant",
    }.items():
        failure, _ = check(penstock, server, sslmode="verify-ca", sslrootcert=root)
        assert message in failure
        assert "/proc/" not in failure


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_root_certificate_in_a_mode_that_checks_none_is_refused(penstock, server, mode):
    failure, _ = check(
        penstock, server, sslmode=mode, sslrootcert=str(server.authority.certificate)
    )
    assert "checks no certificate: set `sslmode` to verify-full" in failure


def test_server_that_wants_tls_or_does_not(penstock, server):
    show(server, "good")
    assert check(penstock, server, user="tls_only", sslmode="prefer")[0] == ""
    assert check(penstock, server, user="plain_only", sslmode="prefer")[0] == ""
    assert check(penstock, server, user="tls_only", sslmode="allow")[0] == ""
    failure, _ = check(penstock, server, user="tls_only", sslmode="disable")
    assert "set `sslmode` to require" in failure
    failure, _ = check(penstock, server, user="plain_only", sslmode="require")
    assert "set `sslmode` to disable" in failure
    for mode in ("disable", "prefer", "require"):
        failure, _ = check(penstock, server, user="nobody_at_all", sslmode=mode)
        assert "no pg_hba.conf entry" in failure


@pytest.fixture(scope="module")
def clients(server):
    authority, stranger = server.authority, server.stranger
    return {
        "good": authority.sign("with_cert"),
        "expired": authority.sign("with_cert", "", PAST),
        "another login's": authority.sign("somebody"),
        "another authority's": stranger.sign("with_cert"),
    }


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "path"])
@pytest.mark.parametrize("user", ["with_cert", "with_both"])
def test_client_certificate_logs_in(penstock, server, clients, user, as_text):
    show(server, "good")
    pair = clients["good"]
    values = (pair.certificate_text, pair.key_text) if as_text else (pair.certificate, pair.key)
    failure, _ = check(
        penstock, server, user=user, sslmode="require", sslcert=str(values[0]),
        sslkey=str(values[1]),
    )  # fmt: skip
    assert failure == ""


CLIENTS = {
    None: "set `sslcert` and `sslkey`",
    "expired": "The server does not take the client certificate",
    "another login's": "its common name must be `user`",
    "another authority's": "The server does not take the client certificate",
}


@pytest.mark.parametrize("name", CLIENTS)
def test_client_certificates_that_are_refused(penstock, server, clients, name):
    show(server, "good")
    own = {}
    if name is not None:
        own = {"sslcert": clients[name].certificate_text, "sslkey": clients[name].key_text}
    failure, _ = check(penstock, server, user="with_cert", sslmode="require", **own)
    assert CLIENTS[name] in failure
    assert "PRIVATE" not in failure


def test_client_keys_that_do_not_fit(penstock, server, clients, work):
    show(server, "good")
    pair, other = clients["good"], clients["expired"]

    def failure(key, **more):
        return check(
            penstock, server, user="with_cert", sslmode="require",
            sslcert=str(pair.certificate), sslkey=str(key), **more,
        )[0]  # fmt: skip

    assert "`sslkey` is not the key of `sslcert`" in failure(other.key)
    assert "`sslkey` is not the key of `sslcert`" in failure(other.key_text)
    loose = work / "loose.key"
    shutil.copy(pair.key, loose)
    loose.chmod(0o644)
    assert "chmod 600" in failure(loose)
    assert "cannot be read" in failure("/nowhere/client.key")
    only, _ = check(penstock, server, user="with_cert", sslcert=str(pair.certificate))
    assert "`sslcert` is set without `sslkey`" in only


@pytest.mark.parametrize("style", ["new", "old"])
def test_encrypted_key_needs_its_password_and_never_asks(penstock, server, clients, work, style):
    show(server, "good")
    pair = clients["good"]
    encrypted = work / "encrypted.key"
    old = ["rsa", "-traditional"] if style == "old" else ["rsa"]
    openssl(*old, "-aes256", "-passout", "pass:the key's", "-in", pair.key, "-out", encrypted)
    own = {
        "user": "with_cert",
        "sslmode": "require",
        "sslcert": pair.certificate_text,
        "sslkey": encrypted.read_text(),
    }
    assert check(penstock, server, sslpassword="the key's", **own)[0] == ""
    for password in ("", "wrong password"):
        failure, _ = check(penstock, server, sslpassword=password, **own)
        assert "`sslpassword`" in failure
        assert "the key's" not in failure


def test_text_of_a_key_is_never_a_file_with_a_name(penstock, server, clients, work):
    """So that nobody else can read it, and nothing is left however the process ends."""
    show(server, "good")
    pair, places = clients["good"], work / "places"
    places.mkdir()
    failure, _ = check(
        penstock, server, user="with_cert", sslmode="require", sslcert=pair.certificate_text,
        sslkey=pair.key_text, env={"TMPDIR": str(places), "HOME": str(places)},
    )  # fmt: skip
    assert failure == ""
    assert list(places.iterdir()) == []


def test_files_in_the_users_home_decide_nothing(penstock, server, work):
    """libpq would check against ~/.postgresql/root.crt, whatever the configuration says."""
    show(server, "good")
    home = work / "home" / ".postgresql"
    home.mkdir(parents=True)
    shutil.copy(server.stranger.certificate, home / "root.crt")
    server.stranger.revoke_none(home / "root.crl")
    (home / "postgresql.crt").write_text("no certificate")
    environment = {"HOME": str(home.parent), "PGSSLCRL": str(home / "root.crl")}
    checked = {"sslmode": "verify-full", "sslrootcert": str(server.authority.certificate)}
    for settings in ({"sslmode": "require"}, checked):
        failure, _ = check(penstock, server, env=environment, **settings)
        assert failure == ""


def test_channel_binding_is_taken_where_it_is_offered_and_can_be_required(penstock, server):
    show(server, "good")
    assert check(penstock, server, sslmode="require", channel_binding="require")[0] == ""
    assert check(penstock, server, sslmode="require", channel_binding="disable")[0] == ""
    failure, _ = check(penstock, server, sslmode="disable", channel_binding="require")
    assert "channel binding" in failure
    assert "set `channel_binding` to prefer" in failure


def test_versions_of_tls_that_do_not_meet(penstock, server, work):
    show(server, "good")
    config = work / "old.cnf"
    config.write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.2\n"
    )
    server.psql("ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.3'")
    server.reload()
    try:
        failure, _ = check(penstock, server, sslmode="require", env={"OPENSSL_CONF": str(config)})
    finally:
        server.psql("ALTER SYSTEM RESET ssl_min_protocol_version")
        server.reload()
    assert "no version of TLS in common" in failure


def test_wrong_password_over_tls_and_without(penstock, server):
    show(server, "good")
    for mode in ("disable", "prefer", "require"):
        penstock.configure(server.configuration(password="not the password", sslmode=mode))
        done = penstock("check", "--config", "configuration.json")
        assert done.code == 3
        assert "password authentication failed" in done.out
        assert "Check `user` and `password`" in done.out
        assert "not the password" not in done.out + done.err


def test_psql_agrees_about_the_good_certificate(server):
    """The certificates are what they are meant to be, not for us alone."""
    show(server, "good")
    environment = {
        **server.environment(),
        "PGHOST": "127.0.0.1",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": str(server.authority.certificate),
    }
    subprocess.run([BIN / "psql", "-X", "-c", "SELECT 1"], env=environment, check=True)
