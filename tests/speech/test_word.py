"""Word documents: what Word prints is read, and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml

from appliance.errors import BadInput
from appliance.speech.word import word_text

_NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)


def _document(path: Path, *paragraphs: str) -> str:
    """Save a document of the given XML and return the text that is read from it."""
    document = docx.Document()
    for xml in paragraphs:
        element = parse_xml(xml.replace(">", f" {_NAMESPACES}>", 1))
        document.element.body.insert(len(document.element.body) - 1, element)
    document.save(str(path))
    with path.open("rb") as file:
        return word_text(file, path.name, 1_000_000)


def _run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_tracked_changes_are_read_as_accepted(tmp_path: Path) -> None:
    inserted = f'<w:ins w:id="1" w:author="a">{_run("new ")}</w:ins>'
    deleted = '<w:del w:id="2" w:author="a"><w:r><w:delText>old </w:delText></w:r></w:del>'
    moved = f'<w:moveFrom w:id="3" w:author="a">{_run("gone ")}</w:moveFrom>'
    text = _document(tmp_path / "a.docx", f"<w:p>{inserted}{deleted}{moved}{_run('text')}</w:p>")
    assert text == "new text"


def test_containers_of_text_are_read(tmp_path: Path) -> None:
    field = f'<w:fldSimple w:instr="DATE">{_run("today ")}</w:fldSimple>'
    tag = f'<w:smartTag w:element="place">{_run("Paris ")}</w:smartTag>'
    inline = f"<w:sdt><w:sdtContent>{_run('inline')}</w:sdtContent></w:sdt>"
    block = f"<w:sdt><w:sdtContent><w:p>{_run('block')}</w:p></w:sdtContent></w:sdt>"
    text = _document(tmp_path / "a.docx", f"<w:p>{field}{tag}{inline}</w:p>", block)
    assert text == "today Paris inline\n\nblock"


def test_hidden_and_struck_out_text_is_not_read(tmp_path: Path) -> None:
    runs = [
        _run("hidden ", "<w:vanish/>"),
        _run("struck ", "<w:strike/>"),
        _run("twice ", "<w:dstrike w:val='1'/>"),
        _run("shown", "<w:strike w:val='false'/>"),
    ]
    assert _document(tmp_path / "a.docx", f"<w:p>{''.join(runs)}</w:p>") == "shown"


def test_text_boxes_are_read_once(tmp_path: Path) -> None:
    box = f"<w:txbxContent><w:p>{_run('in the box')}</w:p></w:txbxContent>"
    drawing = (
        "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>"
        f"{box}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}"
        "</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    text = _document(tmp_path / "a.docx", f"<w:p>{_run('before')}{drawing}</w:p>")
    assert text == "before\n\nin the box"


def test_equations_are_read_as_text(tmp_path: Path) -> None:
    def math(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    power = f"<m:sSup><m:e>{math('x')}</m:e><m:sup>{math('2')}</m:sup></m:sSup>"
    fraction = f"<m:f><m:num>{math('a+b')}</m:num><m:den>{math('2')}</m:den></m:f>"
    root = f"<m:rad><m:e>{math('y')}</m:e></m:rad>"
    equation = f"<m:oMath>{power}{math('=')}{fraction}{math('+')}{root}</m:oMath>"
    text = _document(tmp_path / "a.docx", f"<w:p>{_run('Then')}{equation}</w:p>")
    assert text == "Then x^2=(a+b)/2+√(y)"


def _package(path: Path, parts: dict[str, str]) -> str:
    with zipfile.ZipFile(path, "w") as package:
        for name, xml in parts.items():
            package.writestr(name, xml)
    with path.open("rb") as file:
        return word_text(file, path.name, 1_000_000)


_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _relationship(kind: str, target: str) -> str:
    return (
        f'<Relationships><Relationship Type="{_RELATIONSHIPS}/{kind}" Target="{target}"/>'
        "</Relationships>"
    )


def test_parts_are_found_by_their_relationships(tmp_path: Path) -> None:
    styles = (
        f'<w:styles {_NAMESPACES}><w:style w:styleId="Draft"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="Note"><w:basedOn w:val="Draft"/></w:style></w:styles>'
    )
    hidden = f'<w:p><w:pPr><w:pStyle w:val="Note"/></w:pPr>{_run("draft")}</w:p>'
    body = (
        f"<w:document {_NAMESPACES}><w:body><w:p>{_run('read')}</w:p>{hidden}</w:body></w:document>"
    )
    parts = {
        "_rels/.rels": _relationship("officeDocument", "/word/document2.xml"),
        "word/_rels/document2.xml.rels": _relationship("styles", "own/styles.xml"),
        "word/own/styles.xml": styles,
        "word/document2.xml": body,
    }
    assert _package(tmp_path / "a.docx", parts) == "read"


def test_styles_based_on_each_other_end(tmp_path: Path) -> None:
    circle = "".join(
        f'<w:style w:styleId="{one}"><w:basedOn w:val="{other}"/></w:style>'
        for one, other in ("ab", "bc", "ca")
    )
    paragraph = f'<w:p><w:pPr><w:pStyle w:val="a"/></w:pPr>{_run("read")}</w:p>'
    parts = {
        "word/_rels/document.xml.rels": _relationship("styles", "styles.xml"),
        "word/styles.xml": f"<w:styles {_NAMESPACES}>{circle}</w:styles>",
        "word/document.xml": f"<w:document {_NAMESPACES}><w:body>{paragraph}</w:body></w:document>",
    }
    assert _package(tmp_path / "a.docx", parts) == "read"


@pytest.mark.parametrize("inner", ["<m:f/>" * 20_001, "<m:d>" * 300 + "</m:d>" * 300])
def test_equation_beyond_the_limits_is_refused(tmp_path: Path, inner: str) -> None:
    equation = f"<w:p><m:oMath>{inner}</m:oMath></w:p>"
    xml = f"<w:document {_NAMESPACES}><w:body>{equation}</w:body></w:document>"
    with pytest.raises(BadInput) as caught:
        _package(tmp_path / "a.docx", {"word/document.xml": xml})
    assert caught.value.code == "text_too_long"


def test_too_many_styles_are_refused(tmp_path: Path) -> None:
    styles = "".join(f'<w:style w:styleId="{n}"/>' for n in range(20_001))
    parts = {
        "word/_rels/document.xml.rels": _relationship("styles", "styles.xml"),
        "word/styles.xml": f"<w:styles {_NAMESPACES}>{styles}</w:styles>",
        "word/document.xml": f"<w:document {_NAMESPACES}><w:body/></w:document>",
    }
    with pytest.raises(BadInput) as caught:
        _package(tmp_path / "a.docx", parts)
    assert caught.value.code == "text_too_long"
