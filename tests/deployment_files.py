"""Reads the Dockerfile, the compose files and the Kubernetes manifests."""

import json
import re
import shlex
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import yaml

from search_by_image.settings import load_settings

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
COMPOSE = ("compose.yaml", "compose.mysql.yaml")
DEPLOYMENT_DOCS = (ROOT / "docs" / "deployment.md", ROOT / "docs" / "deployment.zh-CN.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMAGE = f"search-by-image:{PROJECT['version']}"


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


def read_image():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    instructions = [tuple(line.split(None, 1)) for line in lines if line.strip()]
    stages = [number for number, (word, _) in enumerate(instructions) if word == "FROM"]
    return Image(tuple(instructions[stages[-1] :]))


def make_secrets(folder):
    subprocess.run(["sh", ROOT / "deploy" / "make_secrets.sh", folder], check=True, capture_output=True)


def variables(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def settings_of(image, server_xml, env_file):
    return load_settings(server_xml, environ=image.environment | variables(env_file))
