"""The Kubernetes manifests, by Kubernetes's schemas, by Kustomize and by rules of our own."""

import os
import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from deployment_files import (
    COMPOSE,
    DEPLOYMENT_DOCS,
    IMAGE,
    KUBERNETES,
    read_image,
    services_of,
    settings_of,
    variables,
)
from search_by_image.settings import load_settings

FOREIGN = frozenset({"Milvus", "Kustomization"})


@pytest.fixture(scope="module")
def image():
    return read_image()


def write_kubernetes_secrets(folder):
    """As the docs say."""
    text = DEPLOYMENT_DOCS[0].read_text(encoding="utf-8")
    files = re.findall(r"cat >deploy/kubernetes/secrets/(\S+) <<EOF\n(.*?)^EOF$", text, re.DOTALL | re.MULTILINE)
    assert len(files) == 2
    for name, content in files:
        (folder / name).write_text(content)


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
    given = {variable["name"]: variable.get("value", "2") for variable in container["env"]}
    settings = load_settings(environ=given)
    assert (settings.limits.threads, settings.access.allow_anonymous) == (2, True)


def test_the_docs_name_the_images_that_are_used():
    for page in DEPLOYMENT_DOCS:
        text = page.read_text(encoding="utf-8")
        images = {service["image"] for name in COMPOSE for service in services_of(name).values()}
        assert [one for one in sorted(images) if f"`{one}`" not in text] == []
        assert manifest("Milvus")["spec"]["components"]["image"] in images
