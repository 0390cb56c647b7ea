"""Choose the best precision for this device: the fastest that looks as good as float32."""

from __future__ import annotations

import time
from collections.abc import Sequence

from appliance.lips.engines import Engines
from appliance.lips.manifest import Manifest, sha256
from appliance.lips.selftest import Listen
from appliance.lips.verdicts import Verdict

# PSNR against float32 on real mouths; differences are below those of 8-bit pixels
_FIDELITY_DB = 45.0
_FINEST = ("fp32", "fp16", "int8")
_WORTH = 0.85  # a coarser precision must take less than this share of the finer one's time


def main_role(manifest: Manifest) -> str:
    """Return the role of the network that runs once per frame."""
    return "renderer" if manifest.kind == "lectern" else "generator"


def prepare(
    manifest: Manifest,
    precision: str,
    providers: Sequence[str],
    engines: Engines,
    threads: int,
    listen: Listen = lambda seconds: None,
) -> None:
    """Run the self-tests of GPU providers and build their engines, before the first frame.

    Does nothing if none is listed, and little if all results are stored. With ``auto`` and no
    stored choice, the precisions are measured and the best one is chosen. ``listen`` is called with
    the seconds since the start; an exception that it raises stops the work.
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
    """Test ``precisions`` (empty: all) on the listed providers and store the results.

    Results of earlier tests are reused while the software versions stay the same, unless ``anew``.
    Without ``every_provider`` it stops at the first provider that passes. If all precisions are
    tested, the best one is chosen for ``lips.precision: auto``. Raises as :meth:`Manifest.path`
    does.
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
    """Return the best result: the fastest faithful precision on the first provider that passed.

    float32 counts as faithful, other precisions by their PSNR in the manifest; a coarser one must
    save more than a seventh of the time. The ``present`` choice is replaced only by one that saves
    as much, because a change makes unfinished lectures start again. Returns ``None`` if nothing
    passed.
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
