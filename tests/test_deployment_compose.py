"""The compose files, by the Compose specification's schema and by rules of our own; the passwords' script, run."""

import re
import subprocess
import sys

import pytest

from deployment_files import (
    COMPOSE,
    IMAGE,
    KUBERNETES,
    ROOT,
    make_secrets,
    mounted,
    read_image,
    read_yaml,
    services_of,
    settings_of,
    variables,
)

IMAGE_WITH_TAG = re.compile(r"[a-z0-9./-]+:[A-Za-z0-9][A-Za-z0-9._-]*[0-9]")


@pytest.fixture(scope="module")
def image():
    return read_image()


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_files_have_the_form_of_the_compose_specification(name):
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / name]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", COMPOSE)
def test_every_service_has_a_tagged_image_a_health_check_and_a_restart(name):
    for service in services_of(name).values():
        assert IMAGE_WITH_TAG.fullmatch(service["image"].replace("Z", "0"))
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["healthcheck"].keys() == {"test", "interval", "timeout", "start_period", "retries"}
        assert service["restart"] == "unless-stopped"
        assert service["security_opt"]


@pytest.mark.parametrize("name", COMPOSE)
def test_services_wait_for_the_health_of_those_they_need(name):
    services = services_of(name)
    waits = [wait for service in services.values() for wait in service.get("depends_on", {}).items()]
    assert len(waits) == 4
    assert all(on in services and how == {"condition": "service_healthy"} for on, how in waits)


@pytest.mark.parametrize("kind", ["secrets", "configs", "volumes", "networks"])
@pytest.mark.parametrize("name", COMPOSE)
def test_what_is_declared_is_used_and_what_is_used_is_declared(name, kind):
    services = services_of(name).values()
    used = {source.partition(":")[0] for service in services for source in mounted(service, kind)}
    assert used == set(read_yaml(ROOT / name)[kind])


@pytest.mark.parametrize("name", COMPOSE)
def test_only_the_service_is_published_and_only_on_loopback(name):
    services = services_of(name)
    assert read_yaml(ROOT / name)["networks"]["back"] == {"internal": True}
    for service, said in services.items():
        if service == "app":
            assert all(port.startswith("127.0.0.1:") for port in said["ports"])
        else:
            assert "ports" not in said
            assert said["networks"] == ["back"]


def test_both_set_ups_run_the_service_alike():
    apps = [services_of(name)["app"] for name in COMPOSE]
    for app in apps:
        assert app["image"] == IMAGE
        assert app["read_only"]
        assert app["cap_drop"] == ["ALL"]
        app.pop("depends_on")
        app.pop("env_file")
    assert apps[0] == apps[1]


def test_no_password_is_written_in_a_compose_file():
    for name in COMPOSE:
        for service in services_of(name).values():
            for variable, value in service.get("environment", {}).items():
                assert variable.endswith("_FILE") or "PASSWORD" not in variable, value


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    make_secrets(folder)
    return folder


def test_passwords_are_made_once_and_kept_from_other_users(secrets):
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    make_secrets(secrets)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o777 == 0o700
    passwords = [text for name, text in before.items() if not name.endswith(".env")]
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)
    assert len(set(passwords)) == len(passwords)


@pytest.mark.parametrize("name", COMPOSE)
def test_the_script_makes_every_file_that_compose_asks_for(name, secrets):
    files = [one["file"] for one in read_yaml(ROOT / name)["secrets"].values()]
    files += [file for service in services_of(name).values() for file in service.get("env_file", ())]
    assert files
    assert [file for file in files if not (secrets / file.removeprefix("deploy/secrets/")).is_file()] == []
    configs = [one["file"] for one in read_yaml(ROOT / name)["configs"].values()]
    assert [file for file in configs if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("folder", [ROOT / "deploy" / "secrets", KUBERNETES / "secrets"], ids=["compose", "kubernetes"])
def test_secrets_are_not_committed(folder):
    assert (folder / ".gitignore").read_text() == "*\n!.gitignore\n"


def test_the_service_reaches_mongodb_and_milvus_with_the_passwords_made(image, secrets):
    settings = settings_of(image, ROOT / "deploy/compose/server.mongodb.xml", secrets / "app.mongodb.env")
    services = services_of("compose.yaml")
    assert {settings.mongodb.host, settings.milvus.host} <= set(services)
    assert settings.mongodb.password == (secrets / "mongodb_password").read_text()
    assert settings.milvus.password == variables(secrets / "milvus.env")["COMMON_SECURITY_DEFAULTROOTPASSWORD"]
    script = (ROOT / "deploy/compose/mongodb_user.js").read_text()
    assert f'user: "{settings.mongodb.username}"' in script
    assert f'getSiblingDB("{settings.mongodb.auth_source}")' in script


def test_the_service_reaches_mariadb_and_milvus_with_the_passwords_made(image, secrets):
    settings = settings_of(image, ROOT / "deploy/compose/server.mysql.xml", secrets / "app.mysql.env")
    mariadb = services_of("compose.mysql.yaml")["mariadb"]["environment"]
    user, database = mariadb["MARIADB_USER"], mariadb["MARIADB_DATABASE"]
    password = (secrets / "mariadb_password").read_text()
    assert settings.records.url == f"mysql+pymysql://{user}:{password}@mariadb:3306/{database}"
    assert settings.milvus.host in services_of("compose.mysql.yaml")


def test_milvus_and_minio_share_a_password(secrets):
    services = services_of("compose.yaml")
    assert (
        services["milvus"]["environment"]["MINIO_ACCESS_KEY_ID"] == services["minio"]["environment"]["MINIO_ROOT_USER"]
    )
    assert variables(secrets / "milvus.env")["MINIO_SECRET_ACCESS_KEY"] == (secrets / "minio_password").read_text()
