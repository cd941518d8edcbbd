#!/usr/bin/env python3
"""layers: the rules of who may use whom, held against the tree and against what was compiled.

    layers.py --source ROOT --build BUILD      as TAP
    layers.py --selftest                       breaks each rule once in a tree of its own; as TAP

Three kinds of rules. The text: which folder and which library's header a file includes, and what
its meson.build links. The objects: which undefined symbols the folders have that must give the
same result on every machine (PURE). The program: nothing of sim is in snapkeepd.

The table is the design's. A library's header counts for a folder also when it comes by way of
another folder's header, since then its types are used there as well.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

MAY_USE = {
    "base": [],
    "core": ["base"],
    "config": ["core", "base"],
    "azure": ["core", "base"],
    "engine": ["azure", "core", "base"],
    "runtime": ["base"],
    "sim": ["base"],
    "azure-sim": ["sim", "base"],
    "snapkeepd": ["runtime", "engine", "azure", "config", "core", "base"],
    # host.h of snapkeepd is the real world put together, which both programs run on.
    "snapkeepctl": ["snapkeepd", "sim", "runtime", "engine", "azure", "config", "core", "base"],
}

# uthash is macros alone: it brings no code and no types that cross a folder by accident.
LIBRARIES = {
    "base": ["libcrypto", "uthash"],
    "core": [],
    "config": ["libyaml"],
    "azure": ["libcjson", "libcrypto", "uthash"],
    "engine": ["uthash"],
    "runtime": ["libuv", "libcurl", "libsystemd"],
    "sim": ["libcjson", "uthash"],
    "azure-sim": ["libmicrohttpd"],
    "snapkeepd": [],
    # The daemon's answers are JSON; azure/json.h scans them.
    "snapkeepctl": ["libcjson"],
}

LIBRARY_OF_HEADER = [
    (re.compile(r"openssl/"), "libcrypto"),
    (re.compile(r"yaml\.h$"), "libyaml"),
    (re.compile(r"(cjson/)?cJSON(_Utils)?\.h$"), "libcjson"),
    (re.compile(r"uv(\.h$|/)"), "libuv"),
    (re.compile(r"curl/"), "libcurl"),
    (re.compile(r"systemd/"), "libsystemd"),
    (re.compile(r"microhttpd\.h$"), "libmicrohttpd"),
    (re.compile(r"ut(hash|list|array|string|ringbuffer|stack)\.h$"), "uthash"),
    (re.compile(r"cmocka\.h$"), "cmocka"),
]

# A folder's sim is for one verb only.
ONLY_IN = {("snapkeepctl", "sim"): re.compile(r"simulate[^/]*\.[ch]$")}

# What a pure folder may have of libc: values and memory. No clock, file, socket, environment,
# randomness or locale. <stdio.h> and <stdlib.h> have both kinds in them; the symbols decide.
PURE = ["core", "azure", "engine", "sim"]
PURE_HEADERS = set(
    """assert.h endian.h errno.h float.h inttypes.h limits.h stdalign.h stdarg.h stdbool.h stddef.h
    math.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h""".split()
)
LIBC_HEADERS = PURE_HEADERS | set(
    """ctype.h dirent.h fcntl.h fenv.h fnmatch.h ftw.h getopt.h glob.h grp.h ifaddrs.h libgen.h locale.h
    malloc.h netdb.h poll.h pthread.h pwd.h sched.h search.h setjmp.h signal.h spawn.h sysexits.h
    syslog.h termios.h threads.h time.h unistd.h wchar.h wctype.h""".split()
)
LIBC_FOLDERS = ("sys/", "arpa/", "net/", "netinet/", "linux/")

# memmem and friends, but nothing that asks the locale: no strcasecmp, strtod, isdigit, strerror.
PURE_SYMBOLS = set(
    """memchr memcmp memcpy memmem memmove mempcpy memrchr memset rawmemchr
    stpcpy stpncpy strcat strchr strchrnul strcmp strcpy strcspn strlen strncat strncmp strncpy
    strnlen strpbrk strrchr strspn strstr strdup strndup
    explicit_bzero sprintf snprintf vsnprintf asprintf vasprintf qsort qsort_r bsearch
    malloc calloc realloc reallocarray free abort
    strerrorname_np strerrordesc_np
    __assert_fail __errno_location __stack_chk_fail""".split()
)
# What the compiler itself calls: fortified forms of the above, arithmetic of 128 bits.
COMPILER_SYMBOLS = re.compile(
    r"^(_GLOBAL_OFFSET_TABLE_|__(u?div|u?mod|mul|u?divmod)[td]i[34]|__builtin_\w+"
    r"|__(\w+)_chk)$"
)
LIBRARY_SYMBOLS = {
    "libcjson": re.compile(r"^cJSON_\w+$"),
    # Digests, signatures, keys from memory; no BIO of a file, no random bytes.
    "libcrypto": re.compile(
        r"^(EVP|X509|d2i|i2d|PEM_read_bio|OPENSSL_cleanse|BN|RSA|BIO_new_mem_buf|BIO_free|CRYPTO"
        r"|ERR_clear_error|OSSL_PARAM)(_\w+)?$"
    ),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
GENERATED = {"snapkeep-config.h"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def files_below(folder):
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.join(path, name)


def includes(path):
    """Yields (line, is_ours, name)."""
    text = read(path)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        yield line, match.group(1) == '"', match.group(2)


def library_of(header):
    for pattern, library in LIBRARY_OF_HEADER:
        if pattern.match(header):
            return library
    return None


def is_libc(header):
    return header in LIBC_HEADERS or header.startswith(LIBC_FOLDERS)


class Tree:
    def __init__(self, root):
        self.root = root
        self.src = os.path.join(root, "src")
        self.reached = {}

    def libraries_reached(self, header):
        """The libraries whose headers come along with "folder/x.h"; uthash does not count."""
        if header in self.reached:
            return self.reached[header]
        self.reached[header] = found = set()  # a circle of includes ends here
        path = os.path.join(self.src, header)
        if os.path.exists(path):
            for _, ours, name in includes(path):
                if ours:
                    found |= self.libraries_reached(name)
                else:
                    found.add(library_of(name))
        found -= {None, "uthash"}
        return found

    def check_file(self, path, folder, may_use, libraries):
        """Yields one complaint a line of @path that breaks the rules of @folder."""
        where = os.path.relpath(path, self.root)
        for line, ours, name in includes(path):
            at = "%s:%d" % (where, line)
            if not ours:
                library = library_of(name)
                if library:
                    if library not in libraries:
                        yield "%s: <%s>: %s may not use %s" % (at, name, folder, library)
                elif not is_libc(name):
                    yield "%s: <%s> belongs to no library of the design" % (at, name)
                elif folder in PURE and where.startswith("src/") and name not in PURE_HEADERS:
                    yield "%s: <%s>: %s is free of the machine" % (at, name, folder)
                continue
            if name in GENERATED:
                continue
            used = name.split("/")[0] if "/" in name else None
            if used not in MAY_USE:
                if where.startswith("src/"):
                    yield '%s: "%s" names no folder of src' % (at, name)
                continue
            if used != folder and used not in may_use:
                yield '%s: "%s": %s may not use %s' % (at, name, folder, used)
            only = ONLY_IN.get((folder, used))
            if only and not only.search(where):
                yield '%s: "%s": %s uses %s in one verb only' % (at, name, folder, used)
            if used != folder:
                for library in sorted(self.libraries_reached(name) - set(libraries)):
                    yield '%s: "%s" brings %s into %s' % (at, name, library, folder)

    def check_includes(self, folder):
        path = os.path.join(self.src, folder)
        for file in files_below(path):
            yield from self.check_file(file, folder, MAY_USE[folder], LIBRARIES[folder])

    def check_meson(self, folder):
        path = os.path.join(self.src, folder, "meson.build")
        where = os.path.relpath(path, self.root)
        if not os.path.exists(path):
            yield "%s is missing" % where
            return
        text = re.sub(r"#.*|'[^']*'", "", read(path))
        for name in sorted(set(re.findall(r"\b(\w+)_dep\b", text))):
            if name != folder.replace("-", "_") and name not in MAY_USE[folder]:
                yield "%s links %s: %s may not use it" % (where, name, folder)
        known = {library for _, library in LIBRARY_OF_HEADER}
        for name in sorted(set(re.findall(r"\b(lib\w+)\b", text))):
            if name in known and name not in LIBRARIES[folder]:
                yield "%s links %s: %s may not use it" % (where, name, folder)

    def check_folders(self):
        for name in sorted(os.listdir(self.src)):
            if os.path.isdir(os.path.join(self.src, name)) and name not in MAY_USE:
                yield "src/%s is not in the table" % name

    def check_unit_tests(self):
        """A test links its own folder's library, and includes what that folder may use."""
        path = os.path.join(self.root, "tests", "unit")
        text = read(os.path.join(path, "meson.build"))
        groups = re.findall(r"\[\s*(\w+)_dep\s*,\s*\[([^\]]*)\]", text)
        seen = set()
        for folder, names in groups:
            folder = folder.replace("_", "-")
            if folder not in MAY_USE:
                yield "tests/unit/meson.build: %s_dep is of no folder" % folder
                continue
            for name in re.findall(r"'([^']+)'", names):
                file = os.path.join(path, "test-%s.c" % name)
                seen.add(os.path.basename(file))
                libraries = LIBRARIES[folder] + ["cmocka"]
                yield from self.check_file(file, folder, MAY_USE[folder], libraries)
        for file in files_below(path):
            name = os.path.basename(file)
            if re.match(r"test-.*\.c$", name) and name not in seen:
                yield "tests/unit/%s is in no group" % name


class Build:
    def __init__(self, build):
        self.build = build

    def library(self, folder):
        return os.path.join(self.build, "src", folder, "lib%s.a" % folder)

    def symbols(self, path, option):
        """{symbol: member or file that has it}"""
        run = subprocess.run(
            ["nm", "-A", option, "--format=posix", path], capture_output=True, text=True, check=False
        )
        if run.returncode:
            raise LookupError("nm cannot read %s: %s" % (path, run.stderr.strip()))
        found = {}
        for line in run.stdout.splitlines():
            where, _, rest = line.partition(": ")
            if rest:
                member = re.search(r"\[([^\]]+)\]$", where)
                name = member.group(1) if member else where
                found.setdefault(rest.split()[0], os.path.basename(name))
        return found

    def check_pure(self, folder):
        wanted = self.symbols(self.library(folder), "--undefined-only")
        if not wanted:
            yield "%s has no undefined symbol at all: nothing was compiled" % folder
        for used in [folder] + MAY_USE[folder]:
            for symbol in self.symbols(self.library(used), "--defined-only"):
                wanted.pop(symbol, None)
        for symbol, member in sorted(wanted.items()):
            fortified = COMPILER_SYMBOLS.match(symbol)
            if symbol in PURE_SYMBOLS:
                continue
            if fortified and (not fortified.group(3) or fortified.group(3) in PURE_SYMBOLS):
                continue
            patterns = [LIBRARY_SYMBOLS.get(library) for library in LIBRARIES[folder]]
            if any(pattern and pattern.match(symbol) for pattern in patterns):
                continue
            yield "%s: %s needs %s, which %s may not use" % (folder, member, symbol, folder)

    def check_homes(self):
        """The linker sees a name with two homes only when it happens to need both objects."""
        home = {}
        for folder in MAY_USE:
            if not os.path.exists(self.library(folder)):
                continue  # a program alone; a library that is missing fails elsewhere
            path = self.library(folder)
            outside = self.symbols(path, "--extern-only")
            for symbol in self.symbols(path, "--defined-only"):
                if symbol in outside and home.setdefault(symbol, folder) != folder:
                    yield "%s is defined by %s and by %s" % (symbol, home[symbol], folder)

    def check_program(self):
        program = os.path.join(self.build, "src", "snapkeepd", "snapkeepd")
        inside = self.symbols(program, "--defined-only")
        if "main" not in inside:
            yield "%s has no symbols: nothing to compare" % program
        ours = self.symbols(self.library("sim"), "--defined-only")
        outside = self.symbols(self.library("sim"), "--extern-only")
        for folder in MAY_USE["snapkeepd"]:
            for symbol in self.symbols(self.library(folder), "--defined-only"):
                ours.pop(symbol, None)
        ours = {symbol: member for symbol, member in ours.items() if symbol in outside}
        if not ours:
            yield "sim defines no symbol: nothing to compare"
        for symbol in sorted(ours.keys() & inside.keys()):
            yield "snapkeepd holds %s of sim's %s" % (symbol, ours[symbol])


class Tap:
    def __init__(self):
        self.number = 0
        self.failed = 0

    def report(self, name, complaints):
        try:
            complaints = list(complaints)
        except (LookupError, OSError) as error:
            complaints = [str(error)]
        self.check(name, not complaints)
        for complaint in complaints:
            print("# " + complaint)

    def check(self, name, good):
        self.number += 1
        self.failed += not good
        print("%sok %d - %s" % ("" if good else "not ", self.number, name))

    def finish(self):
        print("1..%d" % self.number)
        return 1 if self.failed else 0


def text_checks(root):
    """Yields (name, complaints)."""
    tree = Tree(root)
    yield "every folder is in the table", tree.check_folders()
    for folder in MAY_USE:
        yield "%s includes what it may" % folder, tree.check_includes(folder)
        yield "%s links what it may" % folder, tree.check_meson(folder)
    yield "unit tests use what their folder may", tree.check_unit_tests()


def object_checks(build):
    built = Build(build)
    for folder in PURE:
        yield "%s asks nothing of the machine" % folder, built.check_pure(folder)
    yield "every symbol has one home", built.check_homes()
    yield "nothing of sim is in snapkeepd", built.check_program()


# ------------------------------------------------------------------------------------------ selftest


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_good_tree(root):
    """A tree in small that keeps every rule: a header and a source a folder."""
    for folder in MAY_USE:
        base = "" if folder == "base" else '#include "base/base.h"\n'
        symbol = folder.replace("-", "_")
        call = "return 1;" if folder == "base" else "return base_value();"
        write("%s/src/%s/%s.h" % (root, folder, folder), "int %s_value(void);\n" % symbol)
        write(
            "%s/src/%s/%s.c" % (root, folder, folder),
            '%s#include "%s/%s.h"\n#include <string.h>\n'
            "int %s_value(void) { %s }\n" % (base, folder, folder, symbol, call),
        )
        write(
            "%s/src/%s/meson.build" % (root, folder),
            "%s_lib = static_library('%s', dependencies: [])\n" % (symbol, folder),
        )
    append("%s/src/base/base.c" % root, "void *memset(void *, int, unsigned long);\n")
    append("%s/src/snapkeepd/snapkeepd.c" % root, "int main(void) { return base_value(); }\n")
    write("%s/tests/unit/test-core.c" % root, '#include "core/core.h"\n#include <cmocka.h>\n')
    write("%s/tests/unit/meson.build" % root, "unit_tests = [\n  [core_dep, ['core']],\n]\n")


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def compile_tree(root, build):
    cc = shlex.split(os.environ.get("CC", "cc"))
    for folder in MAY_USE:
        out = "%s/src/%s" % (build, folder)
        os.makedirs(out, exist_ok=True)
        objects = []
        for source in files_below("%s/src/%s" % (root, folder)):
            if source.endswith(".c"):
                target = "%s/%s.o" % (out, os.path.basename(source))
                subprocess.run(
                    cc + ["-w", "-O1", "-I", root + "/src", "-c", source, "-o", target], check=True
                )
                objects.append(target)
        subprocess.run(["ar", "rc", "%s/lib%s.a" % (out, folder)] + objects, check=True)
    libraries = ["sim", "runtime", "engine", "azure", "config", "core", "base"]
    subprocess.run(
        cc
        + ["-o", build + "/src/snapkeepd/snapkeepd", build + "/src/snapkeepd/snapkeepd.c.o"]
        + ["%s/src/%s/lib%s.a" % (build, f, f) for f in libraries],
        check=True,
    )


# Each row: what is broken, the file, the text added to it, what must be said about it.
BREAKS = [
    ("core includes azure", "src/core/core.c", '#include "azure/azure.h"\n', "core may not use azure"),
    ("sim includes core", "src/sim/sim.c", '#include "core/core.h"\n', "sim may not use core"),
    ("base includes core", "src/base/base.h", '#include "core/core.h"\n', "base may not use core"),
    ("snapkeepd includes sim", "src/snapkeepd/snapkeepd.c", '#include "sim/sim.h"\n',
     "snapkeepd may not use sim"),
    ("snapkeepctl includes sim anywhere", "src/snapkeepctl/snapkeepctl.c", '#include "sim/sim.h"\n',
     "uses sim in one verb only"),
    ("an include without a folder", "src/core/core.c", '#include "core.h"\n', "names no folder"),
    ("an include with spaces", "src/core/core.c", ' #  include "engine/engine.h"\n',
     "core may not use engine"),
    ("a library's header in core", "src/core/core.c", "#include <cjson/cJSON.h>\n",
     "core may not use libcjson"),
    ("a library's header in engine", "src/engine/engine.h", "#include <curl/curl.h>\n",
     "engine may not use libcurl"),
    ("a library by way of a header", "src/azure/azure.h", "#include <cjson/cJSON.h>\n", None),
    ("a header of no library", "src/runtime/runtime.c", "#include <zlib.h>\n",
     "belongs to no library"),
    ("a socket's header in engine", "src/engine/engine.c", "#include <sys/socket.h>\n",
     "engine is free of the machine"),
    ("meson.build links a folder", "src/core/meson.build", "x = [azure_dep]\n",
     "src/core/meson.build links azure"),
    ("meson.build links a library", "src/engine/meson.build", "x = [libcurl]\n",
     "src/engine/meson.build links libcurl"),
    ("a folder without a row", "src/extra/extra.h", "\n", "src/extra is not in the table"),
    ("a unit test of core uses engine", "tests/unit/test-core.c", '#include "engine/engine.h"\n',
     "core may not use engine"),
    ("a unit test in no group", "tests/unit/test-lost.c", "\n", "test-lost.c is in no group"),
    ("core reads the clock", "src/core/core.c",
     "long time(long *); long core_now(void) { return time(0); }\n", "needs time"),
    ("core opens a file", "src/core/core.c",
     "#include <stdio.h>\nvoid *core_open(const char *p) { return fopen(p, p); }\n", "needs fopen"),
    ("azure reads the environment", "src/azure/azure.c",
     "char *getenv(const char *); char *azure_env(void) { return getenv(\"A\"); }\n", "needs getenv"),
    ("engine draws randomness", "src/engine/engine.c",
     "long random(void); long engine_draw(void) { return random(); }\n", "needs random"),
    ("sim asks the locale", "src/sim/sim.c",
     "int strcasecmp(const char *, const char *);\n"
     "int sim_compare(const char *a, const char *b) { return strcasecmp(a, b); }\n",
     "needs strcasecmp"),
    ("sim prints", "src/sim/sim.c",
     "int puts(const char *); int sim_say(const char *s) { return puts(s); }\n", "needs puts"),
    ("a fortified call that is not allowed", "src/core/core.c",
     "int __fprintf_chk(void *, int, const char *); int core_p(void) "
     "{ return __fprintf_chk(0, 1, \"\"); }\n", "needs __fprintf_chk"),
    ("core calls engine without its header", "src/core/core.c",
     "int engine_value(void); int core_call(void) { return engine_value(); }\n",
     "needs engine_value"),
    ("two folders define one name", "src/config/config.c", "int runtime_value(void) { return 2; }\n",
     "is defined by"),
    ("snapkeepd holds sim", "src/snapkeepd/snapkeepd.c",
     "int sim_value(void); int (*keep)(void) = sim_value;\n", "holds sim_value"),
]


def complaints_of(checks):
    found = []
    for _, complaints in checks:
        try:
            found += list(complaints)
        except (LookupError, OSError) as error:
            found.append(str(error))
    return found


def selftest():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="layers-") as top:
        good = os.path.join(top, "good")
        write_good_tree(good)
        compile_tree(good, good + "/build")
        found = complaints_of(text_checks(good)) + complaints_of(object_checks(good + "/build"))
        tap.check("a tree that keeps the rules passes", not found)
        for complaint in found:
            print("# " + complaint)

        for number, (name, path, text, expected) in enumerate(BREAKS):
            root = os.path.join(top, str(number))
            shutil.copytree(good, root)
            if expected is None:  # the header is allowed where it is, and leaks to who includes it
                append(root + "/src/engine/engine.c", '#include "azure/azure.h"\n')
                expected = "brings libcjson into engine"
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            append(os.path.join(root, path), text)
            # The rules on text need nothing compiled, and their headers need not be installed.
            if any(word in expected for word in ("needs", "holds", "defined")):
                compile_tree(root, root + "/build")
                found = complaints_of(object_checks(root + "/build"))
            else:
                found = complaints_of(text_checks(root))
            tap.check(name, len(found) >= 1 and all(expected in complaint for complaint in found))
            for complaint in found:
                if expected not in complaint:
                    print("# " + complaint)

        os.remove(good + "/build/src/snapkeepd/snapkeepd")
        found = complaints_of(object_checks(good + "/build"))
        tap.check("a program that is missing is no pass", len(found) == 1 and "nm cannot" in found[0])
    return tap.finish()


def main():
    parser = argparse.ArgumentParser(description="who may use whom")
    parser.add_argument("--source")
    parser.add_argument("--build")
    parser.add_argument("--selftest", action="store_true")
    arguments = parser.parse_args()

    if arguments.selftest:
        return selftest()
    if not arguments.source or not arguments.build:
        parser.error("--source and --build, or --selftest")
    tap = Tap()
    for name, complaints in text_checks(arguments.source):
        tap.report(name, complaints)
    for name, complaints in object_checks(arguments.build):
        tap.report(name, complaints)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
