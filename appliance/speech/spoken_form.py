"""Rewrite a sentence the way it is read aloud: powers, units, mathematics and abbreviations.

Plain numbers, dates and money are left to the voice, which reads them in its own language; for
Mandarin, what its voice would read in English is rewritten, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from appliance.speech.wording import WORDINGS, Wording

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣᵃᵇᵏᵐᵗ", "0123456789+-=()nixabkmt")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙᵢⱼₓₐₖₘₜ", "0123456789+-=()nijxakmt")
_SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱˣᵃᵇᵏᵐᵗ"
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙᵢⱼₓₐₖₘₜ]+")
_SAME_SIGNS = str.maketrans({
    "μ": "µ", "Ω": "Ω", "K": "K", "Å": "Å", "⩽": "≤", "⩾": "≥", "≦": "≤", "≧": "≥", "≃": "≈",
    "≅": "≈", "∼": "~", "⋅": "·", "∙": "·", "✕": "×", "✖": "×", "➔": "→", "➜": "→", "⟶": "→",
    "＝": "=", "＋": "+", "－": "-", "＜": "<", "＞": ">", "∕": "/", "⁄": "/", "′": "′", "Σ": "Σ",
    "△": "∆", "％": "%", "﹣": "-", "‒": "−",
})  # fmt: skip
_MINUS = "−\u2212"
_POWER = re.compile(
    rf"(?P<base>\d+(?:[.,]\d+)?|\w|\)|\])(?:(?P<raised>[{_SUPERSCRIPT}]+)"
    rf"|\^(?:\{{(?P<braced>[^{{}}]+)\}}|\((?P<bracketed>[^()]+)\)|(?P<plain>[-−+]?\w+)))"
)
_LEADING_SUPERSCRIPT = re.compile(rf"(?<![\w{_SUPERSCRIPT}])([{_SUPERSCRIPT}]+)(?=\w)")
_NO_OPERAND = r"(?<![0-9A-Za-z_Ͱ-Ͽ)\]])"  # before a minus sign: it does not subtract
_NEGATIVE = re.compile(rf"{_NO_OPERAND}[-{_MINUS}](?=\s?[\d.]*\d|\s?[√∞])")
_NEGATIVE_NAME = re.compile(rf"{_NO_OPERAND}(?<![-{_MINUS}])[{_MINUS}](?=\s?\w)")
_BETWEEN = re.compile(rf"\s*[{_MINUS}]\s*|(?<=\s)-(?=\s\d)")
_HOST = re.compile(r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:[a-z]{2,24})\b", re.I)
_VULGAR = {c: unicodedata.normalize("NFKC", c).split("⁄") for c in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒"}
_ASCII_FRACTION = re.compile(r"(?<![\w/.])(\w{1,3}|\([^()]+\))/(\w{1,3}|\([^()]+\))(?![\w/.])")
_INNER_STOP = re.compile(r"(?<!\.\w)\.(?=\s)")


def spoken_form(sentence: str, language: str) -> str:
    """Return ``sentence`` as a voice of ``language`` (ISO 639-1) should read it.

    The result is for the voice alone; subtitles show the sentence as it was written. In a language
    without a wording, only the signs that voices stumble over are replaced.
    """
    text = sentence.translate(_SAME_SIGNS)
    wording = WORDINGS.get(language)
    if wording is None:
        text = _POWER.sub(lambda m: f"{m['base']}^{_exponent(m)}", text)
        return _SUBSCRIPT.sub(lambda m: m.group().translate(_SUBSCRIPTS), text)
    text = _LEADING_SUPERSCRIPT.sub(lambda m: f"{m.group(1).translate(_SUPERSCRIPTS)} ", text)
    text = _SUBSCRIPT.sub(lambda m: m.group().translate(_SUBSCRIPTS), text)
    text = _abbreviations(text, wording)
    if language == "zh":
        text = _chinese_numbers(text)
    if wording.units:
        text = _unit_pattern(wording).sub(_unit_reader(wording), text)
    text = _fractions(text, wording)
    text = _POWER.sub(_power_reader(wording), text)
    text = _HOST.sub(lambda m: _host(m.group(), wording), text)
    text = _minus_signs(text, wording)
    text = _signs(re.sub(r"(?<=\w)_(?=\w)", " ", text), wording, language)
    return re.sub(r"[ \t]+(?=[,.;:!?])|(?<=[ \t])[ \t]+", "", text).strip()


def _exponent(match: re.Match[str]) -> str:
    raised = match["raised"]
    return str(raised.translate(_SUPERSCRIPTS) if raised else
               match["braced"] or match["bracketed"] or match["plain"])  # fmt: skip


def _power_reader(wording: Wording) -> Callable[[re.Match[str]], str]:
    def read(match: re.Match[str]) -> str:
        base, exponent = match["base"], _exponent(match).replace("−", "-").strip()
        if exponent == "2":
            return wording.squared.format(base=base)
        if exponent == "3":
            return wording.cubed.format(base=base)
        if exponent in ("+", "-"):  # the charge of an ion
            words = wording.minus if exponent == "-" else wording.symbols["+"]
            return f"{base}{wording.space}{words}"
        negative = exponent.startswith("-")
        words = exponent.lstrip("-+")
        if negative:
            words = f"{wording.minus}{wording.space}{words}"
        pattern = wording.negative_power if negative else wording.power
        return pattern.format(base=base, exponent=words) + _gap_after(match, wording)

    return read


def _gap_after(match: re.Match[str], wording: Wording) -> str:
    following = match.string[match.end() : match.end() + 1]
    return " " if following.isalnum() and wording.space else ""


def _abbreviations(text: str, wording: Wording) -> str:
    """Write out known abbreviations; remove the full stops of others within the sentence.

    A voice would end the sentence there.
    """
    if not wording.abbreviations:
        return text

    def expand(match: re.Match[str]) -> str:
        written = match.group()
        words = wording.abbreviations.get(re.sub(r"\s", "", written).casefold())
        if words is None:
            return written
        rest = match.string[match.end() :].lstrip()
        if written[0].casefold() + written[1:] in ("no.", "p.", "sec.", "min.", "ed.", "app."):
            # also words: "The answer is no."
            if not rest[:1].isdigit():
                return written
        elif not rest:  # the full stop also ends the sentence
            words += "."
        return words[0].upper() + words[1:] if written[0].isupper() else words

    keys = sorted(wording.abbreviations, key=len, reverse=True)
    written = "|".join(r"\.\s?".join(map(re.escape, key[:-1].split("."))) for key in keys)
    text = re.sub(rf"(?<![\w.])(?:{written})\.", expand, text, flags=re.I)
    return _INNER_STOP.sub("", text)


def _unit_pattern(wording: Wording) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, wording.units), key=len, reverse=True))
    power = r"(?:[⁻]?[¹²³⁴]|\^-?[1-4])?"
    return re.compile(
        rf"(?P<number>(?<![\w.])(?:\d[\d.,]*\d|\d)(?:[{_SUPERSCRIPT}]+|\^-?\d+)?)\s?"
        rf"(?P<unit>(?:{names}){power}(?:\s?[/·]\s?(?:{names}){power})*)(?![\w°/^{_SUPERSCRIPT}])"
    )


def _unit_reader(wording: Wording) -> Callable[[re.Match[str]], str]:
    def one(part: str, plural: bool, divides: bool = False) -> str:
        name, _, power = part.partition("^")
        if not power:
            name = part.rstrip("⁻¹²³⁴")
            power = part[len(name) :].translate(_SUPERSCRIPTS)
        words = wording.units[name][plural]
        size = power.lstrip("-")
        if divides and wording.space and size in ("2", "3"):
            words = (wording.squared if size == "2" else wording.cubed).format(base=words)
        elif size == "2":
            words = f"square {words}" if wording.space else f"平方{words}"
        elif size == "3":
            words = f"cubic {words}" if wording.space else f"立方{words}"
        elif size == "4":
            words = wording.power.format(base=words, exponent=4)
        return f"{wording.per}{wording.space}{words}" if power.startswith("-") else words

    def read(match: re.Match[str]) -> str:
        number = match["number"]
        parts = re.split(r"\s?([/·])\s?", match["unit"])
        if len(parts) == 1 and len(parts[0]) == 1 and parts[0].isupper():
            return match.group()  # "5 A": a letter as well as a unit; voices read the letter
        words = [one(parts[0], plural=number != "1")]
        for sign, part in zip(parts[1::2], parts[2::2], strict=True):
            words += [wording.per] if sign == "/" else []
            words.append(one(part, sign == "·" and number != "1", divides=sign == "/"))
        return f"{number}{wording.space}{wording.space.join(words)}"

    return read


def _fractions(text: str, wording: Wording) -> str:
    for sign, (upper, lower) in _VULGAR.items():
        words = wording.fraction.format(upper=upper, lower=lower)
        if wording.space:  # "1/2" is read as "one half" by the voices
            words = f"{upper}/{lower}"
        text = re.sub(rf"(?<=\d){sign}", f" {'又' if not wording.space else 'and'} {words}", text)
        text = text.replace(sign, words)

    def read(match: re.Match[str]) -> str:
        upper, lower = match.group(1), match.group(2)
        if (upper.isdigit() and lower.isdigit() and wording.space) or (
            upper.isalpha() and lower.isalpha() and len(upper + lower) > 2
        ):
            return match.group()  # "1/2" by the voice; "and/or", "he/she" are words
        return wording.fraction.format(upper=upper.strip("()"), lower=lower.strip("()"))

    return _ASCII_FRACTION.sub(read, text)


def _chinese_numbers(text: str) -> str:
    """Write dates, times, percentages, money and grouped digits as Mandarin reads them."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b", _chinese_date, text)
    text = re.sub(r"(?<!\d)(\d{4})\s*年", lambda m: f"{_digits(m.group(1))}年", text)
    text = re.sub(r"\b(\d{1,2})[:：](\d{2})(?![:：\d])", _chinese_time, text)
    text = re.sub(r"([\d.]+)\s*%", r"百分之\1", text)
    text = re.sub(r"([\d.]+)\s*‰", r"千分之\1", text)
    for sign, name in {"$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "￥": "元"}.items():
        text = re.sub(rf"{re.escape(sign)}\s?([\d.]+)", rf"\1{name}", text)
    for sign, name in {"°C": "摄氏度", "℃": "摄氏度", "°F": "华氏度", "℉": "华氏度"}.items():
        text = re.sub(rf"\s?{sign}", name, text)
    return re.sub(r"(?<=\d)\s?[-–~～]\s?(?=\d+\s?[年月日天个人米岁度页章])", "到", text)


def _digits(number: str) -> str:
    return "".join("零一二三四五六七八九"[int(digit)] for digit in number)


def _chinese_date(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    return f"{_digits(year)}年{int(month)}月{int(day)}日"


def _chinese_time(match: re.Match[str]) -> str:
    hour, minute = int(match.group(1)), int(match.group(2))
    return f"{hour}点{minute}分" if minute else f"{hour}点"


def _host(name: str, wording: Wording) -> str:
    """Read the dots of ``example.com``; leave ``i.e`` and file-like endings of sentences alone."""
    parts = name.split(".")
    if any(len(part) < 2 for part in parts) or not name.isascii() or not parts[-1].islower():
        return name
    return wording.dot.join(parts)


def _minus_signs(text: str, wording: Wording) -> str:
    word = wording.minus + wording.space
    text = _NEGATIVE_NAME.sub(word, _NEGATIVE.sub(word, text))
    between = "减" if not wording.space else f" {wording.minus} "
    return _BETWEEN.sub(between, text)


def _signs(text: str, wording: Wording, language: str) -> str:
    gap = wording.space
    for sign, words in wording.symbols.items():
        if sign == "~":  # "~5" is about 5; elsewhere it stands for a range or a decoration
            text = re.sub(r"~(?=\s?\d)", f"{gap}{words}{gap}", text)
        elif sign == "°" and gap:
            text = re.sub(r"°(?!\s?[CF]\b)", f"{gap}{words}{gap}", text)
        else:
            text = text.replace(sign, f"{gap}{words}{gap}")
    if language == "el":
        return text
    for letter, name in wording.letters().items():
        # letters within a Greek word are left to the voice
        text = re.sub(rf"(?<![Ͱ-Ͽ]){letter}(?![Ͱ-Ͽ])", f"{gap}{name}{gap}", text)
    return text.replace("µ", f"{gap}{wording.greek[11]}{gap}")
