"""Word documents: what Word prints is read, and nothing else."""

from __future__ import annotations

from pathlib import Path

import docx
from docx.oxml import parse_xml

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
