"""TLS to a real Milvus: a relay in front of it ends the TLS."""

import numpy as np
import pytest

from search_by_image.errors import StoreUnavailableError
from search_by_image.settings import load_settings
from search_by_image.stores import open_index
from search_by_image.vectors.base import Metric, Space
from vectors.stores import found
from vectors.tls_front import NAME, make_certificates, tls_in_front

SPACE = Space("app_pictures", 8, Metric.L2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    return folder


@pytest.fixture
def answers(databases, files):
    """Whether a search over this URI, with these settings, finds what was put there."""
    plain = databases.settings()

    def answers(uri, **given):
        files_given = {name: str(files / value) if name.endswith("_file") else value for name, value in given.items()}
        login = {"user": plain.user, "password": plain.password, "db_name": plain.db_name, "timeout": 5}
        overrides = {"uri": uri, "server_name": NAME} | login | files_given
        index = open_index(load_settings(environ={}, overrides={f"milvus/{name}": v for name, v in overrides.items()}))
        try:
            index.open_space(SPACE)
            index.upsert(SPACE.name, np.array([7]), np.ones((1, 8)))
            return found(index.search(SPACE.name, np.ones(8), 1)) == [7]
        finally:
            index.close()

    return answers


def test_a_server_whose_authority_is_known_is_used(milvus, answers, files):
    with tls_in_front(milvus.address, files) as uri:
        assert answers(uri, ca_file="ca.pem")


@pytest.mark.parametrize("wrong", [{"ca_file": "other.pem"}, {}, {"ca_file": "ca.pem", "server_name": "other.test"}])
def test_any_other_server_is_not(milvus, answers, files, wrong):
    with tls_in_front(milvus.address, files) as uri, pytest.raises(StoreUnavailableError, match="milvus/ca_file"):
        answers(uri, **wrong)


def test_a_server_that_asks_for_a_certificate_gets_ours(milvus, answers, files):
    with tls_in_front(milvus.address, files, asks_for_certificate=True) as uri:
        assert answers(uri, ca_file="ca.pem", certificate_file="client.pem", key_file="client.key")


def test_without_one_it_does_not_answer(milvus, answers, files):
    with tls_in_front(milvus.address, files, asks_for_certificate=True) as uri, pytest.raises(StoreUnavailableError):
        answers(uri, ca_file="ca.pem")
