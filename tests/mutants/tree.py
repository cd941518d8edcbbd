"""tree: a copy of the sources with a build of its own, in which one change at a time is tried."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import time

BUILD_LIMIT_S = 600
MEMORY_MAX = 4 << 30  # a bug may well ask for all there is
OUTPUT_MAX = 64 << 20


class Failed(Exception):
    """A tree that cannot be built, with the end of what was said."""


def copy_sources(source, to):
    """Without builds, the history, and anything else that is large and not read."""

    def ignored(folder, names):
        built = [n for n in names if os.path.isdir(os.path.join(folder, n, "meson-private"))]
        return built + [n for n in names if n in (".git", "__pycache__", "build-logs")]

    shutil.copytree(source, to, symlinks=True, ignore=ignored)


def run(command, limit_s, cwd=None, env=None):
    """Returns (status, output, seconds). A status of None: it was still running at the limit."""

    def limits():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # For the case that nobody is there any more to look at the clock.
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 60,) * 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
        resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MAX, OUTPUT_MAX))

    began = time.monotonic()
    child = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=limits,
        start_new_session=True,
    )
    try:
        output = child.communicate(timeout=limit_s)[0]
        status = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # a group of our own, whose leader is not reaped yet
        output = child.communicate()[0]
        status = None
    return status, output.decode("utf-8", "replace"), time.monotonic() - began


def errors(output):
    """What a compiler or linker says of a failure, or the end of what there is."""
    lines = output.splitlines()
    found = [line for line in lines if "error:" in line or "undefined reference" in line]
    return "\n".join(found[:10] or lines[-10:])


class Tree:
    def __init__(self, source, folder):
        self.source, self.build = os.path.join(folder, "tree"), os.path.join(folder, "build")
        os.makedirs(folder, exist_ok=True)
        copy_sources(source, self.source)
        # A compiler that is named is not run through ccache.
        command = ["meson", "setup", "--buildtype", "debugoptimized", self.build, self.source]
        status, output, _ = run(command, BUILD_LIMIT_S, env={"CC": os.environ.get("CC", "gcc")})
        if status != 0:
            raise Failed(errors(output))
        self.tests = {t["name"]: t for t in self.introspect("tests")}
        files = {t["id"]: t["filename"][0] for t in self.introspect("targets")}
        self.programs = {
            name: [os.path.relpath(files[d], self.build) for d in test["depends"]]
            for name, test in self.tests.items()
        }

    def introspect(self, what):
        with open(os.path.join(self.build, "meson-info/intro-%s.json" % what)) as file:
            return json.load(file)

    def compile(self, tests):
        """Builds what @tests run. Returns what a failure says, else None."""
        programs = sorted({p for name in tests for p in self.programs[name]})
        status, output, _ = run(["ninja", "-C", self.build, "-j1"] + programs, BUILD_LIMIT_S)
        return None if status == 0 else errors(output)

    def hashes(self, tests):
        """What the programs of @tests are, to see which a change has reached."""
        found = {}
        for name in tests:
            for program in self.programs[name]:
                with open(os.path.join(self.build, program), "rb") as file:
                    found[program] = hashlib.sha256(file.read()).hexdigest()
        return found

    def run_test(self, name, arguments, limit_s):
        """Runs what meson would, and as meson would."""
        test = self.tests[name]
        command = test["cmd"] if not arguments else test["cmd"][:1] + arguments
        return run(command, limit_s, test["workdir"] or self.build, test["env"])

    def write(self, path, text):
        with open(os.path.join(self.source, path), "w", encoding="utf-8") as file:
            file.write(text)
