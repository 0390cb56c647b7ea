"""Write an equation of a Word document on one line, while its XML is parsed."""

from __future__ import annotations

from appliance.speech.word_package import WordLimitError

NAMESPACES = (
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",  # "strict" files
)
MAX_EQUATION_ELEMENTS = 20_000


class _Node:
    """An open element, with the texts of its children by their names."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.sign = "∫"
        self._parts: list[tuple[str, str]] = []

    def add(self, name: str, text: str) -> None:
        if text:
            self._parts.append((name, text))

    def part(self, name: str) -> str:
        return "".join(text for tag, text in self._parts if tag == name).strip()

    def grouped(self, name: str) -> str:
        text = self.part(name)
        return text if len(text) <= 1 or text.isalnum() else f"({text})"

    def text(self) -> str:
        if self.tag == "f":
            return f"{self.grouped('num')}/{self.grouped('den')}"
        if self.tag in ("sSup", "sSubSup", "sSub"):
            below = f"_{self.part('sub')}" if self.tag != "sSup" else ""
            above = f"^{self.grouped('sup')}" if self.tag != "sSub" else ""
            return f"{self.grouped('e')}{below}{above}"
        if self.tag == "rad":
            return f"√({self.part('e')})"
        if self.tag == "nary":
            return f"{self.sign} {self.part('e')}"
        if self.tag == "d":
            return f"({self.part('e')})"
        return "".join(text for _, text in self._parts)


class Equation:
    """Collects an equation, which becomes text such as ``(a+b)/2``, ``x^2``, ``√(x)``.

    :meth:`start`, :meth:`characters` and :meth:`end` are called for all that is inside of it.
    """

    def __init__(self) -> None:
        self._nodes = [_Node("oMath")]
        self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element. Raises ``WordLimitError``."""
        self._elements += 1
        if self._elements > MAX_EQUATION_ELEMENTS:
            raise WordLimitError
        if tag == "chr" and self._nodes[-1].tag == "naryPr" and len(self._nodes) > 1:
            self._nodes[-2].sign = attributes.get("val", "∫")
        self._nodes.append(_Node(tag))

    def characters(self, data: str) -> None:
        """Add text, which counts only inside of ``t``."""
        if self._nodes[-1].tag == "t":
            self._nodes[-1].add("", data)

    def end(self) -> None:
        """Close the innermost element."""
        node = self._nodes.pop()
        self._nodes[-1].add(node.tag, node.text())

    def text(self) -> str:
        """Return the equation, when all of its elements have ended."""
        return self._nodes[0].text()
