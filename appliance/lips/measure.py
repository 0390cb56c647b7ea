"""Which precision is best on this very box: the fastest that is as good as float32 to the eye."""

from __future__ import annotations

import time
from collections.abc import Sequence

from appliance.lips.engines import Engines
from appliance.lips.manifest import Manifest, sha256
from appliance.lips.selftest import Listen
from appliance.lips.verdicts import Verdict

_FIDELITY_DB = 45.0  # against float32 on real mouths; finer than an 8-bit picture shows
_FINEST = ("fp32", "fp16", "int8")
_WORTH = 0.85  # a coarser precision must take less than this share of the finer one's time


def main_role(manifest: Manifest) -> str:
    """The network that runs once a frame."""
    return "renderer" if manifest.kind == "lectern" else "generator"


def prepare(
    manifest: Manifest,
    precision: str,
    providers: Sequence[str],
    engines: Engines,
    threads: int,
    listen: Listen = lambda seconds: None,
) -> None:
    """Before the first frame: have graphics providers prove themselves and build their engines.

    Does nothing where none is listed, and little where all is remembered. With ``auto`` and nothing
    remembered, the precisions are measured and the best one is chosen. ``listen`` is told the
    seconds since the beginning; what it raises stops the work.
    """
    listed = [name for name, there in engines.available(providers).items() if there]
    if listed == ["cpu"]:
        return
    known = manifest.precisions()
    if precision == "auto" and engines.verdicts.precision(manifest.digest(known[0])) is None:
        measure(manifest, listed, engines, threads, listen, every_provider=False)
    elif precision in known:
        measure(
            manifest, listed, engines, threads, listen, precisions=[precision], every_provider=False
        )


def measure(
    manifest: Manifest,
    providers: Sequence[str],
    engines: Engines,
    threads: int,
    listen: Listen = lambda seconds: None,
    *,
    precisions: Sequence[str] = (),
    every_provider: bool = True,
    anew: bool = False,
) -> list[Verdict]:
    """Test ``precisions`` (empty: all) on the providers that are listed, and remember the verdicts.

    What earlier tests found counts while the versions stay, unless ``anew``. Without
    ``every_provider`` it ends at the first that passed. When all precisions were tested, the best
    one is chosen for ``lips.precision: auto``. Raises as :meth:`Manifest.path` does.
    """
    verdicts: list[Verdict] = []
    role = main_role(manifest)
    begun = time.monotonic()

    def tell(seconds: float) -> None:
        listen(time.monotonic() - begun)

    for provider, listed in engines.available(providers).items():
        for precision in (precisions or manifest.precisions()) if listed else ():
            path = manifest.path(role, precision)
            sha = sha256(path)
            golden = manifest.entry(role, precision).golden
            order = engines.order(path, provider, golden, engines.settings(sha, precision, threads))
            test = engines.test_anew if anew else engines.test
            verdicts.append(test(order, sha, tell))
        if not every_provider and any(verdict.passed for verdict in verdicts):
            break
    model = manifest.digest(manifest.precisions()[0])
    best = best_of(manifest, verdicts, engines.verdicts.precision(model))
    if best is not None and not precisions:
        engines.verdicts.choose(model, best.precision)
    return verdicts


def best_of(
    manifest: Manifest, verdicts: Sequence[Verdict], present: str | None = None
) -> Verdict | None:
    """The verdict to go by: on the first provider that passed, the fastest faithful precision.

    float32 counts as faithful, others by what the manifest says of them; a coarser one must save
    more than a seventh of the time. The ``present`` choice is left only for one that saves as much,
    since a change makes unfinished lectures begin anew. ``None`` when nothing passed.
    """
    passed = [verdict for verdict in verdicts if verdict.passed]
    if not passed:
        return None
    here = [verdict for verdict in passed if verdict.provider == passed[0].provider]
    order = sorted(here, key=lambda v: (v.precision != present, _FINEST.index(v.precision)))
    best: Verdict | None = None
    for verdict in order:
        faithful = verdict.precision == "fp32" or _faithful(manifest, verdict.precision)
        if faithful and (best is None or verdict.ms < _WORTH * best.ms):
            best = verdict
    return best or here[0]


def _faithful(manifest: Manifest, precision: str) -> bool:
    fidelity = manifest.fidelity_db(precision)
    return fidelity is not None and fidelity >= _FIDELITY_DB
