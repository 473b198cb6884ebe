import codecs
from pathlib import Path

import pytest

from search_by_image.errors import ConfigError
from search_by_image.settings import load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def mistakes(path=None, environ=None, **rest):
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ=environ or {}, **rest)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def the_mistake(path=None, environ=None, **rest):
    (found,) = mistakes(path, environ, **rest)
    return found


@pytest.fixture
def write(tmp_path):
    def write_inside(inside):
        path = tmp_path / "server.xml"
        path.write_text(f"<server>\n{inside}\n</server>", encoding="utf-8")
        return path

    return write_inside


@pytest.mark.parametrize(
    ("inside", "path", "said"),
    [
        ("<debug>\n<", "line 3, column 2", "The XML is malformed: not well-formed (invalid token)"),
        ("<debug>1</debgu>", "line 2, column 11", "mismatched tag"),
        ("<debug>&nbsp;</debug>", "line 2, column 8", "undefined entity"),
        ("<debug>1</debug><debug>1</debug><debug>0</debug>", "debug", "there 3 times"),
        ("<flask/><flask/>", "flask", "there 2 times"),
        ("<flask><port type='integer'>1</port></flask>", "flask/port", "Did you mean int?"),
        (
            "<flask><port type='quaternion'>1</port></flask>",
            "flask/port",
            "Allowed: int, float, bool, or none for text.",
        ),
        (
            "<flask><port type='int'>many</port></flask>",
            "flask/port",
            "'many' is not int. Allowed: a whole number, such as 8.",
        ),
        ("<flask><port type='int'/></flask>", "flask/port", "Nothing was given. Allowed: a whole number"),
        ("<flask><port type='bool'>true</port></flask>", "flask/port", "'true' was given. Allowed: a whole number"),
        ("<flask><host type='int'>1</host></flask>", "flask/host", "Allowed: text without a type"),
        ("<flask><port typ='int'>1</port></flask>", "flask/port/@typ", "The only attribute allowed is type."),
        ("<flask type='int'><port>1</port></flask>", "flask/@type", "has no type"),
        ("<flask>x<port>1</port></flask>", "flask", "text between"),
        ("<flask/>x", "server", "text between"),
        ("<flask><port>1<x/></port></flask>", "flask/port", "text between"),
        (
            "<pipeline><router_para><R>" + "<a>" * 20 + "</a>" * 20 + "</R></router_para></pipeline>",
            None,
            "levels deep",
        ),
        (
            "<pipeline><router_para><R>" + "<a>" * 9 + "1" + "</a>" * 9 + "</R></router_para></pipeline>",
            None,
            "It holds a value",
        ),
    ],
)
def test_what_is_said_of_the_files_form(write, inside, path, said):
    found = mistakes(write(inside))
    assert any((path is None or where == path) and said in message for where, message in found)


@pytest.mark.parametrize(
    ("content", "path"), [("<config/>", "config"), ("<s:server xmlns:s='x'/>", "s:server"), ("", "line 1, column 1")]
)
def test_another_root_or_none(tmp_path, content, path):
    (tmp_path / "a.xml").write_text(content)
    assert the_mistake(tmp_path / "a.xml")[0] == path


def test_no_such_file_says_where_and_how_to_make_one(tmp_path):
    where, message = the_mistake(tmp_path / "x" / "a.xml")
    assert where == str(tmp_path / "x" / "a.xml")
    assert "<server></server>" in message


def test_a_relative_path_is_looked_for_in_the_current_folder(tmp_path):
    assert the_mistake(Path("none.xml"))[0] == str(tmp_path / "none.xml")


def test_a_folder_is_no_file(tmp_path):
    assert "cannot be read" in the_mistake(tmp_path)[1]


BOMB = "<!DOCTYPE server [<!ENTITY a0 'lol'>{}]><server><debug>&a9;</debug></server>".format(
    "".join(f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 10))
)


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        "<!DOCTYPE server [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><server><static_path>&x;</static_path></server>",
        "<!DOCTYPE server SYSTEM 'http://127.0.0.1/evil.dtd'><server/>",
        "<!DOCTYPE server [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><server/>",
    ],
)
def test_document_types_are_refused(tmp_path, content):
    (tmp_path / "a.xml").write_text(content)
    where, message = the_mistake(tmp_path / "a.xml")
    assert where == "<!DOCTYPE server>"
    assert "not allowed" in message


def test_deep_nesting_is_a_mistake_not_a_crash(write):
    assert mistakes(write("<debug>" * 50_000 + "</debug>" * 50_000))


# encodings


def test_a_gbk_file(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<server><search_config><collections>猫,狗</collections></search_config></server>", encoding="gbk")
    assert load_settings(path, environ={}, encoding="gbk").search_config.collections == ("猫", "狗")
    where, message = the_mistake(path)
    assert where == str(path)
    assert "not utf-8" in message


def test_the_encoding_that_the_file_declares_is_recommended(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(
        "<?xml version='1.0' encoding='gbk'?><server><search_config><app_name>猫</app_name></search_config></server>",
        encoding="gbk",
    )
    assert load_settings(path, environ={}, encoding="gbk").search_config.app_name == "猫"
    assert "Its first line says gbk" in the_mistake(path)[1]
    path.write_bytes(path.read_bytes() + "<!-- 狗的图片 -->".encode("gbk"))
    assert "not utf-8" in the_mistake(path)[1]
    assert "Its first line says gbk" in the_mistake(path)[1]


@pytest.mark.parametrize("declared", ["ascii", "nonsense", "utf-8"])
def test_a_declaration_that_tells_nothing_else_does_no_harm(tmp_path, declared):
    path = tmp_path / "a.xml"
    path.write_text(
        f"<?xml version='1.0' encoding='{declared}'?><server><debug>1</debug><!-- 猫 --></server>", "utf-8-sig"
    )
    assert load_settings(path, environ={}).debug


@pytest.mark.parametrize(("mark", "encoding"), [(codecs.BOM_UTF8, "utf-8"), (b"", "utf-16"), (b"", "utf-8-sig")])
def test_byte_order_marks(tmp_path, mark, encoding):
    path = tmp_path / "a.xml"
    path.write_bytes(mark + "<server><search_config><app_name>猫</app_name></search_config></server>".encode(encoding))
    assert load_settings(path, environ={}, encoding=encoding).search_config.app_name == "猫"


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "hex"])
def test_an_unknown_encoding(write, encoding):
    where, message = the_mistake(write(""), encoding=encoding)
    assert where == "encoding"
    assert encoding in message
