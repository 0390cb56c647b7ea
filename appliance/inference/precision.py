"""Choose the best precision for this device: the fastest that is visually equal to float32."""

from __future__ import annotations

import time
from collections.abc import Sequence

from appliance.files.atomic import sha256
from appliance.inference.manifest import Manifest
from appliance.inference.providers import Providers
from appliance.inference.results import ProviderResult
from appliance.inference.selftest import OnElapsed

# PSNR against float32 on real mouths; differences are below those of 8-bit pixels
_MIN_PSNR_DB = 45.0
_FINEST_FIRST = ("fp32", "fp16", "int8")
_MIN_SPEEDUP = 0.85  # a coarser precision must take less than this share of the finer one's time


def prepare_providers(
    manifest: Manifest,
    precision: str,
    provider_names: Sequence[str],
    providers: Providers,
    threads: int,
    on_elapsed: OnElapsed = lambda seconds: None,
) -> None:
    """Run the self-tests of GPU providers and build their engines, before the first frame.

    Does nothing if none is listed, and little if all results are stored. With ``auto`` and no
    stored choice, the precisions are measured and the best one is chosen. ``on_elapsed`` is called
    with the seconds since the start; an exception that it raises stops the work.
    """
    listed = [name for name, is_listed in providers.available(provider_names).items() if is_listed]
    if listed == ["cpu"]:
        return
    known = manifest.precisions()
    if precision == "auto" and providers.results.precision(manifest.digest(known[0])) is None:
        benchmark_precisions(manifest, listed, providers, threads, on_elapsed, every_provider=False)
    elif precision in known:
        benchmark_precisions(
            manifest,
            listed,
            providers,
            threads,
            on_elapsed,
            precisions=[precision],
            every_provider=False,
        )


def benchmark_precisions(
    manifest: Manifest,
    provider_names: Sequence[str],
    providers: Providers,
    threads: int,
    on_elapsed: OnElapsed = lambda seconds: None,
    *,
    precisions: Sequence[str] = (),
    every_provider: bool = True,
    retest: bool = False,
) -> list[ProviderResult]:
    """Test ``precisions`` (empty: all) on the listed providers and store the results.

    Results of earlier tests are reused while the software versions stay the same, unless
    ``retest``. Without ``every_provider`` it stops at the first provider that passes. If all
    precisions are tested, the best one is chosen for ``lips.precision: auto``. Raises as
    :meth:`~appliance.inference.manifest.Manifest.path` does.
    """
    results: list[ProviderResult] = []
    role = manifest.main_role
    started = time.monotonic()

    def report_elapsed(seconds: float) -> None:
        on_elapsed(time.monotonic() - started)

    for provider, listed in providers.available(provider_names).items():
        for precision in (precisions or manifest.precisions()) if listed else ():
            path = manifest.path(role, precision)
            sha = sha256(path)
            golden = manifest.entry(role, precision).golden
            selftest = providers.make_selftest(
                path, provider, golden, providers.settings(sha, precision, threads)
            )
            test = providers.retest if retest else providers.get_or_test
            results.append(test(selftest, sha, report_elapsed))
        if not every_provider and any(result.passed for result in results):
            break
    model = manifest.digest(manifest.precisions()[0])
    best = choose_best(manifest, results, providers.results.precision(model))
    if best is not None and not precisions:
        providers.results.set_precision(model, best.precision)
    return results


def choose_best(
    manifest: Manifest, results: Sequence[ProviderResult], current: str | None = None
) -> ProviderResult | None:
    """Return the best result: the fastest faithful precision on the first provider that passed.

    float32 counts as faithful, other precisions by their PSNR in the manifest; a coarser one must
    save more than 15 % of the time. The ``current`` choice is replaced only by one that saves
    as much, because a change makes unfinished lectures start again. Returns ``None`` if nothing
    passed.
    """
    passed = [result for result in results if result.passed]
    if not passed:
        return None
    same_provider = [result for result in passed if result.provider == passed[0].provider]
    candidates = sorted(
        same_provider, key=lambda r: (r.precision != current, _FINEST_FIRST.index(r.precision))
    )
    best: ProviderResult | None = None
    for result in candidates:
        faithful = result.precision == "fp32" or _within_fidelity(manifest, result.precision)
        if faithful and (best is None or result.ms < _MIN_SPEEDUP * best.ms):
            best = result
    return best or same_provider[0]


def _within_fidelity(manifest: Manifest, precision: str) -> bool:
    fidelity = manifest.fidelity_db(precision)
    return fidelity is not None and fidelity >= _MIN_PSNR_DB
