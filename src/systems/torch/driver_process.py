"""What the process of a PyTorch model may not do: outlive the one that asks, and leave others behind."""

import contextlib
import ctypes
import gc
import os
import select
import signal


@contextlib.contextmanager
def at_most(seconds):
    """Ends what the program does by then."""

    def end(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def without_collecting():
    """Imports make a million objects that stay: to look through them for garbage takes a third of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def give_back():
    """Memory that was freed, to the system: of large models it is as much as their weights, which others may need."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def children():
    """The processes of each process."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
            found.setdefault(parent, []).append(int(name))
    return found


def end_all(root):
    """Ends what a process has started, also in sessions of its own, and its group."""
    with contextlib.suppress(OSError):
        os.kill(root, signal.SIGSTOP)  # it starts no others meanwhile
    started, found = [root], children()
    for process in started:
        started += [child for child in found.get(process, []) if child != os.getpid()]
    for process in started[1:]:
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    os.killpg(0, signal.SIGKILL)


def keep_orphans():
    """What this process starts remains its own, even where that wants to be nobody's."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def die_with(other):
    """However the other side ends, nobody is left to compute for: then this process ends, and what it started."""
    served = os.getpid()
    # The kernel sends it to the whole group when one of it is stopped, as below, while the group's last parent ends: it
    # would take the one that ends all others before it has done so.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    child = os.fork()
    if child != 0:
        os.waitpid(child, 0)
        keep_orphans()
        return
    # Nobody's child, so that a program that waits for its own is not kept waiting.
    if os.fork() == 0:
        end = select.poll()
        end.register(other, 0)  # nothing but the end
        end.poll()
        end_all(served)
    os._exit(0)
