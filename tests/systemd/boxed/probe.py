#!/usr/bin/env python3
"""Tries what the unit's directives forbid, and prints for each "DIRECTIVE refused" or "allowed", with
what was seen. sandbox.py runs it twice: as snapkeepd.service is, and as root without the sandbox.

    probe.py MOUNT-NAMESPACE         the namespace of the box itself
"""

import ctypes
import errno
import mmap
import os
import resource
import socket
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWUTS = 0x04000000
ADDR_NO_RANDOMIZE = 0x0040000
SYSLOG_ACTION_SIZE_BUFFER = 10
PTRACE_TRACEME = 0
IPC_PRIVATE = 0
TIMEX_SIZE = 512  # more than a struct timex; of zeros it only reads
COMPAT = "/usr/bin/compat-call"


class Refused(Exception):
    pass


def refuse_if(condition, text):
    if condition:
        raise Refused(text)


def call(function, *arguments):
    """A function of libc; -1 is its refusal."""
    ctypes.set_errno(0)
    if function(*arguments) == -1:
        code = ctypes.get_errno()
        raise OSError(code, errno.errorcode.get(code, str(code)))


def status(name):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith(name + ":"))


def read_only(path):
    refuse_if(os.statvfs(path).f_flag & os.ST_RDONLY, "read-only")


def in_state(name):
    return os.path.join(os.environ["STATE_DIRECTORY"], name)


def make_file(mode):
    path = in_state("probe")
    if os.path.exists(path):
        os.unlink(path)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, mode))
    return path


def try_suid():
    os.chmod(make_file(0o700), 0o4755)


def try_umask():
    refuse_if(os.stat(make_file(0o666)).st_mode & 0o077 == 0, "private")


def try_write_and_execute():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def try_capabilities():
    refuse_if(int(status("CapBnd"), 16) == 0, "none in the bounding set")


def try_private_users():
    with open("/proc/self/uid_map", encoding="ascii") as file:
        refuse_if(int(file.readline().split()[2]) == 1, "only itself and root")


def try_trace():
    """In a child, since it cannot be taken back."""
    child = os.fork()
    if child == 0:
        os._exit(0 if libc.ptrace(PTRACE_TRACEME, 0, None, None) == 0 else ctypes.get_errno())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        raise OSError(code, "ptrace")


def try_compat():
    """A system call of 32 bits, as a way around the filter of those of 64."""
    result = subprocess.run([COMPAT], check=False)
    refuse_if(result.returncode != 0, "ended with %d" % result.returncode)


def leave_shared_memory():
    """For RemoveIPC=: sandbox.py looks whether it is still there after the service's end."""
    call(libc.shmget, IPC_PRIVATE, 4096, 0o600)


# Directive, what it forbids.
PROBES = [
    ("User=", lambda: refuse_if(os.geteuid() != 0, "not root")),
    ("CapabilityBoundingSet=", try_capabilities),
    ("NoNewPrivileges=", lambda: refuse_if(status("NoNewPrivs") == "1", "set")),
    ("RestrictSUIDSGID=", try_suid),
    ("PrivateUsers=", try_private_users),
    ("UMask=", try_umask),
    ("LimitCORE=", lambda: refuse_if(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, "none")),
    ("ProtectSystem=", lambda: read_only("/etc")),
    ("ProtectHome=", lambda: os.stat("/home/outside")),
    ("PrivateTmp=", lambda: os.stat("/tmp/outside")),
    ("PrivateDevices=", lambda: os.stat("/dev/outside")),
    ("PrivateMounts=", lambda: refuse_if(os.readlink("/proc/self/ns/mnt") != sys.argv[1], "its own")),
    ("ProtectProc=", lambda: os.stat("/proc/1/status")),
    ("ProcSubset=", lambda: os.stat("/proc/meminfo")),
    ("NoExecPaths=", lambda: subprocess.run(["/bin/true"], check=True)),
    ("ProtectClock=", lambda: call(libc.adjtimex, ctypes.create_string_buffer(TIMEX_SIZE))),
    ("ProtectControlGroups=", lambda: read_only("/sys/fs/cgroup")),
    ("ProtectHostname=", lambda: call(libc.sethostname, b"box", 3)),
    ("ProtectKernelLogs=", lambda: call(libc.klogctl, SYSLOG_ACTION_SIZE_BUFFER, None, 0)),
    ("ProtectKernelModules=", lambda: os.stat("/usr/lib/modules/outside")),
    ("LockPersonality=", lambda: call(libc.personality, ADDR_NO_RANDOMIZE)),
    ("MemoryDenyWriteExecute=", try_write_and_execute),
    ("RestrictNamespaces=", lambda: call(libc.unshare, CLONE_NEWUTS)),
    ("RestrictRealtime=",
     lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
    ("SystemCallArchitectures=", try_compat),
    ("SystemCallFilter=", try_trace),
    ("SystemCallFilter=~", lambda: os.setpriority(os.PRIO_PROCESS, 0, 1)),
    ("RestrictAddressFamilies=", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()),
]


def attempt(probe):
    try:
        probe()
    except Refused as refusal:
        return "refused", str(refusal)
    except OSError as error:
        return "refused", errno.errorcode.get(error.errno, str(error))
    return "allowed", ""


def main():
    for name, probe in PROBES:
        print(name, *attempt(probe), flush=True)
    leave_shared_memory()
    # What must go on working.
    for name, probe in (
        ("state", lambda: open(in_state("file"), "w").close()),
        ("runtime", lambda: open(os.path.join(os.environ["RUNTIME_DIRECTORY"], "file"), "w").close()),
        ("inet", lambda: socket.socket(socket.AF_INET).close()),
        ("inet6", lambda: socket.socket(socket.AF_INET6).close()),
        ("unix", lambda: socket.socket(socket.AF_UNIX).close()),
        ("zones", lambda: os.stat("/usr/share/zoneinfo/UTC")),
        ("roots of trust", lambda: os.stat("/etc/ssl/certs/ca-certificates.crt")),
    ):
        print("works:" + name.replace(" ", "-"), *attempt(probe), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
