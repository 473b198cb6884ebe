"""The service's own TLS, with certificates that openssl made."""

import ssl
import subprocess

import httpx
import pytest

from search_by_image.api.app import create_app
from search_by_image.errors import ConfigError, ListenError
from search_by_image.fetch import FetchSettings, UrlFetcher
from search_by_image.settings import load_settings, settings_rows
from search_by_image.tls import server_context
from serving import serving


def openssl(command, folder):
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """For 127.0.0.1: cert.pem and key.pem, the key once more with a password; a CA and a client signed by it."""
    folder = tmp_path_factory.mktemp("tls")
    new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    openssl(f"{new} -subj /CN=server -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem", folder)
    openssl("ec -in key.pem -aes256 -passout pass:sesame -out locked.pem", folder)
    openssl(f"{new} -subj /CN=clients -keyout ca.key -out ca.pem", folder)
    request = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=me -keyout me.key -out me.csr"
    openssl(request, folder)
    openssl("x509 -req -in me.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out me.pem", folder)
    return folder


def settings_of(files, **given):
    overrides = {f"tls/{name}": str(files / value) if "." in value else value for name, value in given.items()}
    return load_settings(environ={}, overrides=overrides)


@pytest.fixture
def serve(engine, files):
    with UrlFetcher(FetchSettings()) as fetcher:
        yield lambda **given: serving(create_app(engine, fetcher), settings_of(files, **given))


def client(files, *certificate):
    context = ssl.create_default_context(cafile=files / "cert.pem")
    if certificate:
        context.load_cert_chain(*(files / name for name in certificate))
    return httpx.Client(verify=context, trust_env=False)


@pytest.mark.parametrize("given", [{"keyfile": "key.pem"}, {"keyfile": "locked.pem", "keyfile_password": "sesame"}])
def test_it_speaks_tls_with_the_certificate_given(serve, files, given):
    with serve(certfile="cert.pem", **given) as url, client(files) as caller:
        assert url.startswith("https://")
        assert caller.get(url + "/healthz").json() == {"status": "ok"}
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(url.replace("https", "http") + "/healthz", trust_env=False)
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            httpx.get(url + "/healthz", trust_env=False)


def test_one_file_may_hold_certificate_and_key(serve, files):
    (files / "both.pem").write_bytes((files / "cert.pem").read_bytes() + (files / "key.pem").read_bytes())
    with serve(certfile="both.pem") as url, client(files) as caller:
        assert caller.get(url + "/healthz").status_code == 200


def test_old_versions_of_tls_are_refused(serve, files):
    with serve(certfile="cert.pem", keyfile="key.pem") as url:
        context = ssl.create_default_context(cafile=files / "cert.pem")
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError), httpx.Client(verify=context, trust_env=False) as caller:
            caller.get(url + "/healthz")


def test_with_a_ca_for_callers_only_those_with_a_certificate_get_in(serve, files):
    with serve(certfile="cert.pem", keyfile="key.pem", client_ca="ca.pem") as url:
        with client(files, "me.pem", "me.key") as known:
            assert known.get(url + "/healthz").status_code == 200
        for stranger in (client(files), client(files, "cert.pem", "key.pem")):
            with stranger, pytest.raises(httpx.TransportError):
                stranger.get(url + "/healthz")


@pytest.mark.parametrize(
    "given",
    [
        {"certfile": "none.pem", "keyfile": "key.pem"},
        {"certfile": "cert.pem", "keyfile": "none.pem"},
        {"certfile": "cert.pem"},
        {"certfile": "cert.pem", "keyfile": "me.key"},
        {"certfile": "me.csr", "keyfile": "key.pem"},
        {"certfile": "cert.pem", "keyfile": "locked.pem"},
        {"certfile": "cert.pem", "keyfile": "locked.pem", "keyfile_password": "wrong"},
        {"certfile": "cert.pem", "keyfile": "key.pem", "client_ca": "key.pem"},
    ],
)
def test_files_that_do_not_fit_are_told_before_it_listens(files, given):
    with pytest.raises(ListenError, match="tls/certfile") as caught:
        server_context(settings_of(files, **given).tls)
    assert "wrong" not in str(caught.value)


def test_without_a_certificate_there_is_no_tls(files):
    assert server_context(settings_of(files).tls) is None
    for alone in ("keyfile", "client_ca"):
        with pytest.raises(ConfigError, match="tls/certfile"):
            settings_of(files, **{alone: "key.pem"})


def test_the_password_of_the_key_is_not_shown(files):
    settings = settings_of(files, certfile="cert.pem", keyfile_password="sesame")
    assert "sesame" not in repr(settings)
    assert "sesame" not in str(list(settings_rows(settings)))
