"""Tries what the unit allows modules, and what it does not."""

import ctypes
import os
import socket
import subprocess
import threading
import time

allowed = []
refused = []


def attempt(what, function, *arguments):
    try:
        function(*arguments)
        allowed.append(what)
    except OSError:
        refused.append(what)


def environment():
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        if name in os.environ:
            raise OSError(name)


def write(file):
    with open(file, "w") as opened:
        opened.write("x")


def bind(family, kind, port=0):
    with socket.socket(family, kind) as opened:
        if family == socket.AF_INET:
            opened.bind(("127.0.0.1", port))


def new_namespace():
    clone_newuser = 0x10000000
    if ctypes.CDLL(None).unshare(clone_newuser) != 0:
        raise OSError


def run_thread():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def again(value):
    pass


attempt("environment", environment)
attempt("state", write, os.path.join(os.environ["STATE_DIRECTORY"], "state"))
attempt("tmp", write, "/tmp/written")
attempt("udp", bind, socket.AF_INET, socket.SOCK_DGRAM)
attempt("tcp", bind, socket.AF_INET, socket.SOCK_STREAM)
attempt("unix", bind, socket.AF_UNIX, socket.SOCK_STREAM)
attempt("netlink", bind, socket.AF_NETLINK, socket.SOCK_RAW)
attempt("device", write, "/dev/ttyACM0")
attempt("port 80", bind, socket.AF_INET, socket.SOCK_STREAM, 80)
attempt("child", subprocess.check_call, ["true"])
attempt("thread", run_thread)
attempt("write /etc", write, "/etc/mmpy/written")
attempt("write /usr", write, "/usr/written")
attempt("write /srv", write, "/srv/show/written")
attempt("home", os.listdir, "/home/tech")
attempt("vsock", bind, socket.AF_VSOCK, socket.SOCK_STREAM)
attempt("namespace", new_namespace)
attempt("clock", time.clock_settime, time.CLOCK_REALTIME, time.time())
attempt("real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
print("allowed: %s" % ", ".join(allowed))
print("refused: %s" % ", ".join(refused))
