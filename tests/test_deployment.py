"""The image, the compose files and the Kubernetes manifests, as far as they can be tried without Docker.

`docs/deployment.md` says what was tried and what was not.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from search_by_image.settings import load_settings

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
COMPOSE = ("compose.yaml", "compose.mysql.yaml")
DEPLOYMENT_DOCS = (ROOT / "docs" / "deployment.md", ROOT / "docs" / "deployment.zh-CN.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMAGE = f"search-by-image:{PROJECT['version']}"
PREFIX = "SEARCH_BY_IMAGE__"
FOREIGN = frozenset({"Milvus", "Kustomization"})
IMAGE_WITH_TAG = re.compile(r"[a-z0-9./-]+:[A-Za-z0-9][A-Za-z0-9._-]*[0-9]")


def read_yaml(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services_of(name):
    """With what `extends` brings in."""
    services = read_yaml(ROOT / name)["services"]
    for service, said in services.items():
        if "extends" in said:
            base = services_of(said["extends"]["file"])[said["extends"]["service"]]
            services[service] = base | {key: value for key, value in said.items() if key != "extends"}
    return services


def mounted(service, kind):
    return [one["source"] if isinstance(one, dict) else one for one in service.get(kind, ())]


# The image


@dataclass(frozen=True)
class Image:
    """What the last stage of the Dockerfile says."""

    instructions: tuple[tuple[str, str], ...]

    def all(self, word):
        return [rest for name, rest in self.instructions if name == word]

    def last(self, word):
        return self.all(word)[-1]

    @property
    def environment(self):
        return dict(pair.split("=", 1) for line in self.all("ENV") for pair in shlex.split(line))

    @property
    def start(self):
        return json.loads(self.last("ENTRYPOINT")) + json.loads(self.last("CMD"))

    @property
    def health_check(self):
        return json.loads(self.last("HEALTHCHECK").partition(" CMD ")[2])


@pytest.fixture(scope="module")
def image():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    instructions = [tuple(line.split(None, 1)) for line in lines if line.strip()]
    stages = [number for number, (word, _) in enumerate(instructions) if word == "FROM"]
    return Image(tuple(instructions[stages[-1] :]))


def test_the_dockerfile_passes_hadolint():
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_all_extras_that_users_have():
    extras = set(PROJECT["optional-dependencies"]) - {"test"}
    (wanted,) = re.findall(r"'\.\[([a-z,]+)\]'", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(wanted.split(",")) == extras


def test_the_image_runs_as_nobody_special_and_keeps_its_data_in_a_volume(image):
    user, _, group = image.last("USER").partition(":")
    assert int(user) > 1000
    assert int(group) > 1000
    volume, folder = Path(image.last("VOLUME")), Path(image.last("WORKDIR"))
    settings = load_settings(environ=image.environment)
    assert settings.flask.host == "0.0.0.0"
    assert str(settings.flask.port) == image.last("EXPOSE")
    assert settings.models.cache_path.is_relative_to(volume)
    inside = [Path(settings.records.url.removeprefix("sqlite:///")), settings.vectors.path]
    assert all((folder / path.relative_to(Path.cwd())).is_relative_to(volume) for path in inside)


def test_what_is_copied_into_the_image_is_in_its_context(image):
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    sources = [word for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [source for source in sources if source.removeprefix("./") not in let_in] == []
    assert all((ROOT / source).exists() for source in sources)


@dataclass(frozen=True)
class Container:
    """The image's commands without the image: its environment, a folder in place of its own, a free port."""

    image: Image
    folder: Path
    environment: dict[str, str]

    def run(self, command, **options):
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False, **options
        )

    def is_healthy(self, check):
        return self.run(check).returncode == 0

    def wait_for(self, check, process):
        deadline = time.monotonic() + 120
        while not self.is_healthy(check):
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def container(image, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    folder = tmp_path / "srv"
    (folder / "data").mkdir(parents=True)
    environment = image.environment | {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path / "no-home"),
        "http_proxy": "http://127.0.0.1:9",
        f"{PREFIX}FLASK__HOST": "127.0.0.1",
        f"{PREFIX}FLASK__PORT": str(port),
        f"{PREFIX}MODELS__CACHE_PATH": image.environment[f"{PREFIX}MODELS__CACHE_PATH"].replace("/srv", str(folder)),
    }
    return Container(image, folder, environment)


@pytest.mark.slow
def test_the_commands_of_the_image_start_check_and_stop_the_service(container, tmp_path):
    is_live = container.image.health_check
    is_ready = services_of("compose.yaml")["app"]["healthcheck"]["test"][1:]
    assert not container.is_healthy(is_live)
    assert not container.is_healthy(is_ready)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            container.image.start, env=container.environment, cwd=container.folder, stdout=log, stderr=log
        )
        try:
            container.wait_for(is_live, process)
            assert container.is_healthy(is_ready)
            process.send_signal(getattr(signal, container.image.last("STOPSIGNAL")))
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    assert "everything is saved" in (tmp_path / "log").read_text()
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parts[:2] for path in written} == {("log",), ("srv", "data")}


@pytest.mark.slow
def test_the_backup_of_the_docs_can_be_opened(container):
    for page in DEPLOYMENT_DOCS:
        (line,) = re.findall(r"^docker exec \S+ (python -c .*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        command = shlex.split(line.replace("/srv/", f"{container.folder}/"))
        with sqlite3.connect(container.folder / "data" / "records.db") as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (word TEXT)")
            connection.execute("INSERT INTO kept VALUES ('yes')")
        connection.close()
        assert container.run(command).returncode == 0
        copy = sqlite3.connect(container.folder / "data" / "backup.db")
        assert copy.execute("SELECT word FROM kept LIMIT 1").fetchone() == ("yes",)
        copy.close()


# Compose


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


# Secrets


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    make_secrets(folder)
    return folder


def make_secrets(folder):
    subprocess.run(["sh", ROOT / "deploy" / "make_secrets.sh", folder], check=True, capture_output=True)


def variables(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


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


def settings_of(image, server_xml, env_file):
    return load_settings(server_xml, environ=image.environment | variables(env_file))


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


# Kubernetes


def manifests():
    return [
        document
        for path in sorted(KUBERNETES.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


def manifest(kind):
    (document,) = (document for document in manifests() if document["kind"] == kind)
    return document


@pytest.mark.parametrize(
    "document", manifests(), ids=lambda one: f"{one['kind']}-{one.get('metadata', {}).get('name')}"
)
def test_manifests_have_the_form_of_kubernetes(document):
    if document["kind"] not in FOREIGN:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_kustomize_takes_every_manifest():
    listed = set(manifest("Kustomization")["resources"])
    assert listed == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which has Kustomize in it, is not installed")
def test_kustomize_names_the_configuration_and_the_secrets(tmp_path):
    folder = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, folder)
    write_kubernetes_secrets(folder / "secrets")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    built = subprocess.run(
        ["kubectl", "kustomize", folder], env=environment, capture_output=True, text=True, check=True
    )
    made = {(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(built.stdout)}
    deployment = next(one for one in yaml.safe_load_all(built.stdout) if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert ("ConfigMap", pod["volumes"][0]["configMap"]["name"]) in made
    assert ("Secret", pod["containers"][0]["envFrom"][0]["secretRef"]["name"]) in made
    (milvus,) = manifest("Milvus")["spec"]["components"]["env"]
    assert ("Secret", milvus["valueFrom"]["secretKeyRef"]["name"]) in made


def write_kubernetes_secrets(folder):
    """As the docs say."""
    text = DEPLOYMENT_DOCS[0].read_text(encoding="utf-8")
    files = re.findall(r"cat >deploy/kubernetes/secrets/(\S+) <<EOF\n(.*?)^EOF$", text, re.DOTALL | re.MULTILINE)
    assert len(files) == 2
    for name, content in files:
        (folder / name).write_text(content)


def test_the_service_on_kubernetes_is_configured_completely(image, tmp_path):
    write_kubernetes_secrets(tmp_path)
    (variable,) = manifest("Milvus")["spec"]["components"]["env"]
    assert variable["name"] in variables(tmp_path / "milvus.env")
    settings = settings_of(image, KUBERNETES / "server.xml", tmp_path / "app.env")
    assert settings.uses_mongodb
    assert settings.milvus.host == f"{manifest('Milvus')['metadata']['name']}-milvus"
    assert settings.milvus.password == variables(tmp_path / "milvus.env")[variable["name"]]


def test_pods_are_confined_and_looked_after(image):
    pod = manifest("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == image.last("USER")
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert str(container["ports"][0]["containerPort"]) == image.last("EXPOSE")
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"/tmp", f"{image.last('WORKDIR')}/conf", image.last("VOLUME")}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert load_settings(environ={container["env"][0]["name"]: "2"}).limits.threads == 2


def test_the_docs_name_the_images_that_are_used():
    for page in DEPLOYMENT_DOCS:
        text = page.read_text(encoding="utf-8")
        images = {service["image"] for name in COMPOSE for service in services_of(name).values()}
        assert [one for one in sorted(images) if f"`{one}`" not in text] == []
        assert manifest("Milvus")["spec"]["components"]["image"] in images
