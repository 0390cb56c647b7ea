from __future__ import annotations

import subprocess
import sys

import pytest

# Many threads allocate and free at once; glibc's malloc_info lists one <heap> an arena.
PROGRAM = """
import ctypes, os, sys, threading
from appliance.system.malloc import limit_malloc_arenas
if sys.argv[1] == "few":
    limit_malloc_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
gate = threading.Barrier(12)
def work():
    gate.wait()
    for _ in range(200):
        libc.free(libc.malloc(5000))
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
stream = libc.fdopen(1, b"w")
libc.malloc_info(0, stream)
libc.fflush(None)
"""


def arenas(how: str) -> int:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return run.stdout.count("<heap ")


def test_threads_share_two_arenas() -> None:
    assert arenas("few") <= 2 < arenas("many")


GIVEN_BACK = """
from appliance.system.malloc import limit_malloc_arenas, trim_heap
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
class Holder: pass
limit_malloc_arenas()
trim_heap()
before = resident()
held = []
for _ in range(400):  # in blocks that the heap keeps, each in a cycle
    holder = Holder()
    holder.itself, holder.bytes = holder, bytearray(100_000)
    held.append(holder)
top = resident()
del held, holder
trim_heap()
print(top - before, resident() - before)
"""


def test_memory_of_cycles_is_returned_to_the_system() -> None:
    run = subprocess.run(
        [sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True
    )
    taken, left = map(int, run.stdout.split())
    assert taken > 35_000_000
    assert left < 8_000_000


HOLES = """
import sys
from appliance.system.malloc import set_mmap_threshold
if sys.argv[1] == "mapped":
    set_mmap_threshold(300_000)
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
bytearray(20_000_000)  # freed at once: glibc's own threshold rises to it
before = resident()
big, small = [], []
for _ in range(40):
    big.append(bytearray(500_000))
    small.append(bytearray(2_000))
top = resident()
del big
print(top - before, resident() - before)
"""


@pytest.mark.parametrize("how", ["mapped", "own"])
def test_large_blocks_do_not_fragment_the_heap(how: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", HOLES, how], capture_output=True, text=True, check=True
    )
    taken, left = map(int, run.stdout.split())
    assert taken > 18_000_000
    assert (left < 2_000_000) == (how == "mapped")


LOADED = """
import gc
from appliance.system.malloc import imports_without_gc
class Holder: pass
with imports_without_gc():
    assert not gc.isenabled()
    made = [Holder() for _ in range(1000)]
later = Holder()
assert gc.isenabled()
print(sum(isinstance(o, Holder) for o in gc.get_objects()), gc.get_freeze_count() > 1000)
"""


def test_imported_objects_are_excluded_from_garbage_collection() -> None:
    run = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["1", "True"]
