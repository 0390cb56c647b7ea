"""The words for symbols, powers and units in the languages that Lectern speaks."""

from __future__ import annotations

from dataclasses import dataclass, field


def words_of(line: str) -> list[str]:
    """Return the words of a line, for tables that are easier to read that way."""
    return line.split()


@dataclass(frozen=True)
class Wording:
    """How a language reads what is not written as words.

    The patterns take ``{base}`` and ``{exponent}``, or ``{upper}`` and ``{lower}``. ``units`` maps
    a unit to its singular and plural; ``space`` separates words.
    """

    minus: str
    squared: str
    cubed: str
    power: str
    negative_power: str
    fraction: str
    root: str
    per: str
    dot: str
    symbols: dict[str, str]
    greek: tuple[str, ...]
    units: dict[str, tuple[str, str]] = field(default_factory=dict)
    abbreviations: dict[str, str] = field(default_factory=dict)
    space: str = " "

    def letters(self) -> dict[str, str]:
        """Return the name of each Greek letter."""
        names = dict(zip(_GREEK, self.greek, strict=True))
        return names | {letter.upper(): name for letter, name in names.items() if letter != "ς"}


_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψω"
_OPERATORS = words_of(
        "≤ ≥ ≠ ≈ ≡ ± ∓ × ÷ · √ ∛ ∫ ∑ ∏ ∞ ∂ ∇ ∆ ∈ ∉ ⊂ ∪ ∩ ∀ ∃ → ← ↔ ⇒ ⇔ ∝ ° ′ ″ ‰ ∠ ⊥ ∥ "
        "~ < > = + ≪ ≫ ∴ ∵ ∅ ¬ ∧ ∨"
    )  # fmt: skip


def _symbols(*words: str) -> dict[str, str]:
    return dict(zip(_OPERATORS, words, strict=True))


_ENGLISH_UNITS = {
    "km": "kilometre", "m": "metre", "dm": "decimetre", "cm": "centimetre", "mm": "millimetre",
    "µm": "micrometre", "nm": "nanometre", "kg": "kilogram", "g": "gram", "mg": "milligram",
    "µg": "microgram", "s": "second", "ms": "millisecond", "µs": "microsecond", "ns": "nanosecond",
    "h": "hour", "min": "minute", "mol": "mole", "L": "litre", "mL": "millilitre", "l": "litre",
    "ml": "millilitre", "kN": "kilonewton", "kJ": "kilojoule", "MJ": "megajoule", "kW": "kilowatt",
    "MW": "megawatt", "kWh": "kilowatt hour", "Pa": "pascal", "kPa": "kilopascal",
    "MPa": "megapascal", "kV": "kilovolt", "mV": "millivolt", "mA": "milliampere",
    "GHz": "gigahertz", "MHz": "megahertz", "kHz": "kilohertz", "Hz": "hertz", "N": "newton",
    "J": "joule", "W": "watt", "V": "volt", "A": "ampere", "K": "kelvin", "C": "coulomb",
    "Ω": "ohm", "kΩ": "kiloohm", "eV": "electronvolt", "rad": "radian", "ha": "hectare",
}  # fmt: skip
_CHINESE_UNITS = {
    "km": "千米", "m": "米", "dm": "分米", "cm": "厘米", "mm": "毫米", "µm": "微米", "nm": "纳米",
    "kg": "千克", "g": "克", "mg": "毫克", "µg": "微克", "s": "秒", "ms": "毫秒", "µs": "微秒",
    "ns": "纳秒", "h": "小时", "min": "分钟", "mol": "摩尔", "L": "升", "mL": "毫升", "l": "升",
    "ml": "毫升", "kN": "千牛", "kJ": "千焦", "MJ": "兆焦", "kW": "千瓦", "MW": "兆瓦",
    "kWh": "千瓦时", "Pa": "帕", "kPa": "千帕", "MPa": "兆帕", "kV": "千伏", "mV": "毫伏",
    "mA": "毫安", "GHz": "吉赫兹", "MHz": "兆赫兹", "kHz": "千赫兹", "Hz": "赫兹", "N": "牛顿",
    "J": "焦耳", "W": "瓦", "V": "伏", "A": "安", "K": "开尔文", "C": "库仑", "Ω": "欧姆",
    "kΩ": "千欧", "eV": "电子伏特", "rad": "弧度", "ha": "公顷",
}  # fmt: skip
_INVARIABLE = ("hertz", "kelvin")


def _plural(unit: str) -> str:
    return unit if unit.endswith(_INVARIABLE) else f"{unit}s"


ENGLISH = Wording(
    minus="minus",
    squared="{base} squared",
    cubed="{base} cubed",
    power="{base} to the power of {exponent}",
    negative_power="{base} to the {exponent}",
    fraction="{upper} over {lower}",
    root="the square root of",
    per="per",
    dot=" dot ",
    symbols=_symbols(
        "is less than or equal to", "is greater than or equal to", "is not equal to",
        "is approximately", "is identical to", "plus or minus", "minus or plus", "times",
        "divided by", "times", "the square root of", "the cube root of", "the integral of",
        "the sum of", "the product of", "infinity", "partial", "nabla", "delta", "in", "not in",
        "is a subset of", "union", "intersection", "for all", "there exists", "to", "from",
        "if and only if", "implies", "if and only if", "is proportional to", "degrees", "prime",
        "double prime", "per mille", "angle", "is perpendicular to", "is parallel to",
        "approximately", "is less than", "is greater than", "equals", "plus", "is much less than",
        "is much greater than", "therefore", "because", "the empty set", "not", "and", "or",
    ),
    greek=tuple(
        words_of(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi "
        "omicron pi rho sigma sigma tau upsilon phi chi psi omega"
    )
    ),
    units={unit: (name, _plural(name)) for unit, name in _ENGLISH_UNITS.items()},
    abbreviations={
        "ch.": "chapter", "chap.": "chapter", "fig.": "figure", "figs.": "figures",
        "eq.": "equation", "eqs.": "equations", "eqn.": "equation", "vs.": "versus",
        "approx.": "approximately", "no.": "number", "nos.": "numbers", "sec.": "section",
        "sect.": "section", "vol.": "volume", "pp.": "pages", "p.": "page", "ed.": "edition",
        "eds.": "editors", "cf.": "compare", "viz.": "namely", "etc.": "et cetera",
        "i.e.": "that is", "e.g.": "for example", "ca.": "circa", "tab.": "table",
        "ref.": "reference", "refs.": "references", "app.": "appendix", "min.": "minutes",
        "max.": "maximum", "temp.": "temperature", "dept.": "department", "univ.": "university",
    },
)  # fmt: skip

CHINESE = Wording(
    minus="负",
    squared="{base}的平方",
    cubed="{base}的立方",
    power="{base}的{exponent}次方",
    negative_power="{base}的{exponent}次方",
    fraction="{lower}分之{upper}",
    root="根号",
    per="每",
    dot="点",
    symbols=_symbols(
        "小于等于", "大于等于", "不等于", "约等于", "恒等于", "正负", "负正", "乘以", "除以",
        "乘以",
        "根号", "三次根号", "积分", "求和", "连乘", "无穷大", "偏", "纳布拉", "德尔塔", "属于",
        "不属于", "包含于", "并", "交", "对任意", "存在", "到", "来自", "等价于", "推出", "等价于",
        "正比于", "度", "撇", "双撇", "千分之", "角", "垂直于", "平行于", "约", "小于", "大于",
        "等于", "加", "远小于", "远大于", "所以", "因为", "空集", "非", "且", "或",
    ),
    greek=(
        "阿尔法", "贝塔", "伽马", "德尔塔", "艾普西隆", "泽塔", "伊塔", "西塔", "约塔", "卡帕",
        "兰姆达", "缪", "纽", "克西", "奥密克戎", "派", "柔", "西格马", "西格马", "陶",
        "宇普西隆", "斐", "希",
        "普西", "欧米伽",
    ),
    units={unit: (name, name) for unit, name in _CHINESE_UNITS.items()},
    space="",
)  # fmt: skip

GERMAN = Wording(
    minus="minus",
    squared="{base} Quadrat",
    cubed="{base} hoch 3",
    power="{base} hoch {exponent}",
    negative_power="{base} hoch {exponent}",
    fraction="{upper} durch {lower}",
    root="Wurzel aus",
    per="pro",
    dot=" Punkt ",
    symbols=_symbols(
        "kleiner oder gleich", "größer oder gleich", "ungleich", "ungefähr gleich",
        "identisch mit", "plus minus", "minus plus", "mal", "geteilt durch", "mal", "Wurzel aus",
        "dritte Wurzel aus", "Integral über", "Summe über", "Produkt über", "unendlich", "partiell",
        "Nabla", "Delta", "Element von", "nicht Element von", "Teilmenge von", "vereinigt mit",
        "geschnitten mit", "für alle", "es existiert", "nach", "von", "genau dann wenn", "folgt",
        "genau dann wenn", "proportional zu", "Grad", "Strich", "zwei Strich", "Promille", "Winkel",
        "senkrecht zu", "parallel zu", "ungefähr", "kleiner als", "größer als", "gleich", "plus",
        "viel kleiner als", "viel größer als", "also", "weil", "leere Menge", "nicht", "und",
        "oder",
    ),
    greek=tuple(
        words_of(
        "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Jota Kappa Lambda My Ny Xi "
        "Omikron Pi Rho Sigma Sigma Tau Ypsilon Phi Chi Psi Omega"
    )
    ),
    abbreviations={
        "z.b.": "zum Beispiel", "d.h.": "das heißt", "bzw.": "beziehungsweise", "nr.": "Nummer",
        "usw.": "und so weiter", "ca.": "circa", "abb.": "Abbildung", "kap.": "Kapitel",
        "vgl.": "vergleiche", "evtl.": "eventuell", "ggf.": "gegebenenfalls", "sog.": "sogenannte",
        "gl.": "Gleichung", "tab.": "Tabelle", "bd.": "Band", "u.a.": "unter anderem",
    },
)  # fmt: skip

FRENCH = Wording(
    minus="moins",
    squared="{base} au carré",
    cubed="{base} au cube",
    power="{base} puissance {exponent}",
    negative_power="{base} puissance {exponent}",
    fraction="{upper} sur {lower}",
    root="racine carrée de",
    per="par",
    dot=" point ",
    symbols=_symbols(
        "inférieur ou égal à", "supérieur ou égal à", "différent de", "environ égal à",
        "identique à", "plus ou moins", "moins ou plus", "fois", "divisé par", "fois",
        "racine carrée de", "racine cubique de", "intégrale de", "somme de", "produit de",
        "l'infini", "d rond", "nabla", "delta", "appartient à", "n'appartient pas à", "inclus dans",
        "union", "inter", "pour tout", "il existe", "vers", "de", "équivaut à", "implique",
        "équivaut à", "proportionnel à", "degrés", "prime", "seconde", "pour mille", "angle",
        "perpendiculaire à", "parallèle à", "environ", "inférieur à", "supérieur à", "égale",
        "plus", "très inférieur à", "très supérieur à", "donc", "car", "ensemble vide", "non", "et",
        "ou",
    ),
    greek=tuple(
        words_of(
        "alpha bêta gamma delta epsilon zêta êta thêta iota kappa lambda mu nu xi "
        "omicron pi rhô sigma sigma tau upsilon phi chi psi oméga"
    )
    ),
    abbreviations={
        "fig.": "figure", "chap.": "chapitre", "éq.": "équation", "env.": "environ",
        "p.ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "etc.": "et cætera", "vol.": "volume",
        "cf.": "voir", "art.": "article", "no.": "numéro", "mme.": "madame",
    },
)  # fmt: skip

SPANISH = Wording(
    minus="menos",
    squared="{base} al cuadrado",
    cubed="{base} al cubo",
    power="{base} elevado a {exponent}",
    negative_power="{base} elevado a {exponent}",
    fraction="{upper} sobre {lower}",
    root="raíz cuadrada de",
    per="por",
    dot=" punto ",
    symbols=_symbols(
        "menor o igual que", "mayor o igual que", "distinto de", "aproximadamente igual a",
        "idéntico a", "más menos", "menos más", "por", "dividido entre", "por", "raíz cuadrada de",
        "raíz cúbica de", "integral de", "suma de", "producto de", "infinito", "derivada parcial",
        "nabla", "delta", "pertenece a", "no pertenece a", "subconjunto de", "unión",
        "intersección", "para todo", "existe", "a", "desde", "equivale a", "implica", "equivale a",
        "proporcional a", "grados", "prima", "doble prima", "por mil", "ángulo",
        "perpendicular a", "paralelo a", "aproximadamente", "menor que", "mayor que", "igual a",
        "más", "mucho menor que", "mucho mayor que", "por lo tanto", "porque", "conjunto vacío",
        "no", "y", "o",
    ),
    greek=tuple(
        words_of(
        "alfa beta gamma delta épsilon zeta eta theta iota kappa lambda mu nu xi "
        "ómicron pi rho sigma sigma tau ípsilon fi ji psi omega"
    )
    ),
    abbreviations={
        "fig.": "figura", "cap.": "capítulo", "ec.": "ecuación", "aprox.": "aproximadamente",
        "p.ej.": "por ejemplo", "etc.": "etcétera", "núm.": "número", "pág.": "página",
        "vol.": "volumen", "sr.": "señor", "sra.": "señora", "ud.": "usted",
    },
)  # fmt: skip

WORDINGS = {"en": ENGLISH, "zh": CHINESE, "de": GERMAN, "fr": FRENCH, "es": SPANISH}
"""The wordings by ISO 639-1 code of the language."""
