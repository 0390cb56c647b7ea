"""Reads a YAML file and validates it with a pydantic model; reports all problems with lines."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from appliance.errors import BadInput

_MAX_VALUE_LENGTH = 60  # maximum number of characters of a value in a message
_MAX_DEPTH = 20  # maximum number of lists and sections within each other
_MAX_NUMBER_LENGTH = 100  # maximum number of characters of a number

Location = tuple[str | int, ...]


class ConfigProblem(NamedTuple):
    """A problem in a configuration file.

    ``line`` counts from 1; it is 0 if the file cannot be read. ``key`` is dotted (``video.crf``)
    and ``value`` is the text in the file; both are empty if the problem does not concern a key.
    ``error`` explains the problem and what to do.
    """

    line: int
    key: str
    value: str
    error: BadInput


class _Entry(NamedTuple):
    """The line of a key in the file and the text of its value."""

    line: int
    text: str


class _SettingsLoader(yaml.SafeLoader):
    """Reads plain settings: values, lists and sections.

    Aliases and tags are errors. Settings do not need them, and with aliases a short file can take
    any amount of time and memory ("billion laughs", and merge keys before PyYAML 6.0.4).
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        problem = ""
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases (*name) are not supported"
        elif getattr(event, "tag", None) not in (None, "!"):
            problem = "tags (!name) are not supported"
        elif self._depth >= _MAX_DEPTH:
            problem = "too many brackets within each other"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def read_settings(path: Path, model: type[BaseModel]) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """Return the values in the file ``path`` and all problems, in the order of their lines.

    If there is a syntax error, it is the only problem. Keys without a value are omitted. Raises
    ``BadInput`` (``file_missing``, ``file_unreadable``) if the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput("file_missing", name=path.name) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput("file_unreadable", name=path.name, reason=reason) from error
    return parse_settings(path.name, content, model)


def parse_settings(
    name: str, content: bytes, model: type[BaseModel]
) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """Return the values in the ``content`` of a file ``name``, and all problems in it.

    Like :func:`read_settings`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return {}, [_syntax_problem(name, line, "not UTF-8 text")]
    try:
        return _check(name, text, model)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return {}, [_syntax_problem(name, mark.line + 1 if mark else 1, error.problem)]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return {}, [_syntax_problem(name, line, error.reason)]
    except RecursionError:
        return {}, [_syntax_problem(name, 1, "too many brackets within each other")]


def _check(
    name: str, text: str, model: type[BaseModel]
) -> tuple[dict[str, Any], list[ConfigProblem]]:
    loader = _SettingsLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return {}, []
        if not isinstance(root, yaml.MappingNode):
            error = BadInput("config_not_mapping", name=name)
            return {}, [ConfigProblem(root.start_mark.line + 1, "", _source_text(root), error)]
        entries: dict[Location, _Entry] = {}
        problems: list[ConfigProblem] = []
        values: dict[str, Any] = {}
        for key, node in _iterate_mapping(root, (), name, entries, problems):
            if isinstance(node, yaml.MappingNode):
                section = _iterate_mapping(node, (key,), name, entries, problems)
                values[key] = _without_empty(
                    (inner, _build(loader, value)) for inner, value in section
                )
            else:
                values[key] = _build(loader, node)
    finally:
        loader.dispose()
    values = _without_empty(values.items())
    try:
        model.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            problems.append(_problem(name, model, details, entries[details["loc"]]))
    return values, sorted(problems, key=lambda problem: problem.line)


def _without_empty(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in pairs if value is not None}


def _iterate_mapping(
    mapping: yaml.MappingNode,
    parent: Location,
    name: str,
    entries: dict[Location, _Entry],
    problems: list[ConfigProblem],
) -> Iterator[tuple[str, yaml.Node]]:
    """Yield the keys and value nodes of a mapping.

    Adds the line of each key to ``entries``, and a problem for each duplicate key to ``problems``.
    """
    for key_node, node in mapping.value:
        line = key_node.start_mark.line + 1
        # A key may be quoted, as all keys are in JSON.
        plain = isinstance(key_node, yaml.ScalarNode) and len(key_node.value) <= _MAX_VALUE_LENGTH
        key = " ".join(key_node.value.split()) if plain else _source_text(key_node)
        location = (*parent, key)
        if location in entries:
            dotted = _dotted(location)
            first = entries[location].line
            error = BadInput("config_duplicate_key", name=name, line=line, key=dotted, first=first)
            problems.append(ConfigProblem(line, dotted, _source_text(node), error))
        else:
            entries[location] = _Entry(line, _source_text(node))
            if isinstance(node, yaml.SequenceNode):
                for index, item in enumerate(node.value):
                    entries[(*location, index)] = _Entry(
                        item.start_mark.line + 1, _source_text(item)
                    )
            yield key, node


def _build(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    is_number = node.tag.endswith((":int", ":float"))
    if is_number and len(node.value) > _MAX_NUMBER_LENGTH:
        raise yaml.MarkedYAMLError(problem="the number is too long", problem_mark=node.start_mark)
    try:
        return loader.construct_object(node, deep=True)
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        # An invalid date, for example. PyYAML's constructors raise whatever their parts raise.
        problem = str(error) or type(error).__name__
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error


def _problem(
    name: str, model: type[BaseModel], details: ErrorDetails, entry: _Entry
) -> ConfigProblem:
    location = details["loc"]
    where = {"name": name, "line": entry.line, "key": _dotted(location)}
    if details["type"] == "extra_forbidden":
        suggestion = _suggest(location, model)
        error = (
            BadInput("config_key_misspelled", **where, suggestion=suggestion)
            if suggestion
            else BadInput("config_key_unknown", **where)
        )
    else:
        code, limit = _CODES.get(details["type"], _OTHER)
        error = BadInput(code, **where, value=entry.text, limit=limit(details))
    return ConfigProblem(entry.line, _dotted(location), entry.text, error)


def _limit_of(key: str) -> Callable[[ErrorDetails], object]:
    return lambda details: f"{details['ctx'][key]:g}"


def _choices(details: ErrorDetails) -> object:
    return details["ctx"]["expected"].replace("'", "").replace(" or ", ", ")


def _no_limit(_: ErrorDetails) -> object:
    return ""


# For each error type of pydantic: our code, and a function that returns the violated limit.
_CODES: dict[str, tuple[str, Callable[[ErrorDetails], object]]] = {
    "bool_type": ("config_not_boolean", _no_limit),
    "finite_number": ("config_not_number", _no_limit),
    "float_type": ("config_not_number", _no_limit),
    "greater_than_equal": ("config_too_low", _limit_of("ge")),
    "int_type": ("config_not_integer", _no_limit),
    "less_than_equal": ("config_too_high", _limit_of("le")),
    "list_type": ("config_not_list", _no_limit),
    "literal_error": ("config_not_a_choice", _choices),
    "model_type": ("config_not_section", _no_limit),
    "path_type": ("config_not_text", _no_limit),
    "string_type": ("config_not_text", _no_limit),
}
_OTHER: tuple[str, Callable[[ErrorDetails], object]] = (
    "config_invalid",
    lambda details: details["msg"],
)


def _suggest(location: Location, model: type[BaseModel]) -> str:
    """Return the dotted key that was probably intended, or an empty string.

    Similar keys of the same section come first, then a key of the same name in another section.
    """
    written = str(location[-1])
    known = [tuple(key.split(".")) for key in list_keys(model)]
    known += [(section,) for section, _ in _sections(model)]
    siblings = {key[-1]: key for key in known if key[:-1] == location[:-1]}
    close = difflib.get_close_matches(written, siblings, n=1)
    if close:
        return ".".join(siblings[close[0]])
    return next((".".join(key) for key in known if key[-1] == written), "")


def list_keys(model: type[BaseModel]) -> list[str]:
    """Return the dotted names of all keys of ``model``, in order."""
    sections = dict(_sections(model))
    found: list[str] = []
    for name in model.model_fields:
        inner = sections[name].model_fields if name in sections else ()
        found += [f"{name}.{key}" for key in inner] or [name]
    return found


def _sections(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def _dotted(location: Location) -> str:
    """Return a dotted key such as ``video.crf``; an item has the key of its list."""
    return ".".join(part for part in location if isinstance(part, str))


def _source_text(node: yaml.Node) -> str:
    """Return the text of a value in the file, on one line and limited to ``_MAX_VALUE_LENGTH``."""
    source = node.start_mark.buffer or ""
    text = " ".join(source[node.start_mark.pointer : node.end_mark.pointer].split())
    return text if len(text) <= _MAX_VALUE_LENGTH else text[: _MAX_VALUE_LENGTH - 3] + "..."


def _syntax_problem(name: str, line: int, reason: str | None) -> ConfigProblem:
    error = BadInput("config_syntax", name=name, line=line, reason=reason or "unreadable")
    return ConfigProblem(line, "", "", error)
