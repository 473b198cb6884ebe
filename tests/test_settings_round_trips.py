import xml.etree.ElementTree as ET
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_by_image.settings import load_settings, settings_rows
from search_by_image.settings.keys import known_keys
from search_by_image.settings.masking import SECRET_NAME

NOT_PLAIN = (
    "host",
    "uri",
    "json_str",
    "config_type",
    "index_params",
    "search_params",
    "exact_below",
    "ivf_above",
)


def write(path, inside):
    path.write_text(f"<server>{inside}</server>", encoding="utf-8")
    return path


def load(path=None, environ=None, **rest):
    return load_settings(path, environ=environ or {}, **rest)


def values(loaded):
    return loaded.model_dump(exclude={"origins", "source"})


def plain_fields():
    """Path -> a strategy of valid texts, for every key whose values follow from its type alone."""
    name = st.text("abz猫é09", min_size=1, max_size=8)
    by_kind = {bool: st.sampled_from(["true", "false"]), str: name}
    skipped = {"mongodb", "records", "pipeline"}
    strategies = {}
    for path, field in known_keys().fields.items():
        kind = field.annotation
        if path[0] in skipped or path[-1] in NOT_PLAIN:
            continue
        if kind in (int, float):
            limits = {
                key: getattr(part, key) for part in field.metadata for key in ("ge", "gt", "le") if hasattr(part, key)
            }
            low, high = limits.get("ge", 1 / 64 if "gt" in limits else 0), limits.get("le", 10**6)
            numbers = st.integers(low, high) if kind is int else st.floats(low, high)
            strategies[path] = numbers.map(repr)
        elif get_args(kind) and all(isinstance(choice, str) for choice in get_args(kind)):
            strategies[path] = st.sampled_from(get_args(kind))
        elif kind in by_kind:
            strategies[path] = by_kind[kind]
    return strategies


PLAIN = plain_fields()


def as_xml(chosen):
    root = ET.Element("server")
    for path, text in chosen.items():
        above = root
        for name in path[:-1]:
            found = above.find(name)
            above = ET.SubElement(above, name) if found is None else found
        kind = known_keys().fields[path].annotation
        typed = {"type": kind.__name__} if kind in (int, float, bool) else {}
        ET.SubElement(above, path[-1], typed).text = text
    return ET.tostring(root, encoding="utf-8")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=PLAIN))
def test_file_environment_and_command_line_say_the_same(tmp_path, chosen):
    path, empty = tmp_path / "full.xml", write(tmp_path / "empty.xml", "")
    path.write_bytes(as_xml(chosen))
    from_file = load(path)
    from_environment = load(empty, {f"SEARCH_BY_IMAGE__{'__'.join(key).upper()}": text for key, text in chosen.items()})
    from_command_line = load(empty, overrides={"/".join(key): text for key, text in chosen.items()})
    assert values(from_file) == values(from_environment) == values(from_command_line)
    assert set(from_file.origins) == {"/".join(key) for key in chosen}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries({}, optional={key: text for key, text in PLAIN.items() if not SECRET_NAME.search(key[-1])})
)
def test_shown_rows_give_the_same_settings_again(tmp_path, chosen):
    empty = write(tmp_path / "empty.xml", "")
    loaded = load(empty, overrides={"/".join(key): text for key, text in chosen.items()})
    shown = {row.path: row.value for row in settings_rows(loaded) if row.value}
    assert values(load(empty, overrides=shown)) == values(loaded)


def test_the_round_trips_cover_most_keys():
    assert len(PLAIN) >= 35
