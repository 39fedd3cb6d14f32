// Debian's packages with extension modules that shows use, and a module for each that does its work in a handler: what hangs or
// crashes often does so only when it is used.

/** Name in the table -> Debian's package, and a module in which `work()` raises if anything is wrong. */
export const PACKAGES = {
  numpy: {
    debian: "python3-numpy",
    module: `
import numpy
def work():
    assert numpy.linalg.solve([[2.0, 0], [0, 4]], [1.0, 1]).tolist() == [0.5, 0.25]
    assert 0 <= numpy.random.default_rng(1).random() < 1
    assert numpy.frompyfunc(lambda a: a + 1, 1, 1)(numpy.arange(3)).tolist() == [1, 2, 3]
    with numpy.errstate(divide="call", call=lambda kind, flag: None):
        numpy.array([1.0]) / 0
`,
  },
  scipy: {
    debian: "python3-scipy",
    module: `
from scipy import fft, optimize, signal
def work():
    assert len(signal.savgol_filter([0, 0, 1, 1, 1], 3, 1)) == 5
    assert abs(optimize.minimize_scalar(lambda x: (x - 2) ** 2).x - 2) < 1e-6
    assert abs(fft.fft([1, 0, 0, 0])[2] - 1) < 1e-9
`,
  },
  pandas: {
    debian: "python3-pandas",
    module: `
import pandas
def work():
    frame = pandas.DataFrame({"desk": ["a", "b", "a"], "level": [1, 2, 3]})
    assert frame.groupby("desk")["level"].sum().to_dict() == {"a": 4, "b": 2}
    assert pandas.to_datetime(["2026-03-01"])[0].month == 3
`,
  },
  cryptography: {
    debian: "python3-cryptography",
    module: `
from cryptography.fernet import Fernet, InvalidToken
def work():
    box = Fernet(Fernet.generate_key())
    assert box.decrypt(box.encrypt(b"cue")) == b"cue"
    try: box.decrypt(b"?")
    except InvalidToken: pass
`,
  },
  rtmidi: {
    debian: "python3-rtmidi",
    module: `
import rtmidi
def work():
    try:
        with rtmidi.MidiOut() as sender, rtmidi.MidiIn() as receiver:
            receiver.set_callback(lambda event, data: None)
            receiver.open_virtual_port("in"), sender.open_virtual_port("out")
            sender.send_message([0x90, 60, 1])
    except rtmidi.SystemError: pass  # a machine without ALSA's sequencer
    rtmidi.get_compiled_api()
`,
  },
  zmq: {
    debian: "python3-zmq",
    module: `
import zmq
def work():
    with zmq.Context() as context, context.socket(zmq.PAIR) as ours, context.socket(zmq.PAIR) as theirs:
        ours.bind("inproc://cues"), theirs.connect("inproc://cues")
        theirs.send_json({"cue": 3})
        assert ours.poll(1000) and ours.recv_json() == {"cue": 3}
`,
  },
  lxml: {
    debian: "python3-lxml",
    module: `
from lxml import etree
def work():
    tree = etree.fromstring("<show><cue n='1'/><cue n='2'/></show>")
    twice = {("show", "twice"): lambda context, number: 2 * float(number[0])}
    assert tree.xpath("s:twice(cue[2]/@n)", namespaces={"s": "show"}, extensions=twice) == 4
    try: etree.fromstring("<show>")
    except etree.XMLSyntaxError: pass
`,
  },
  gi: {
    debian: "python3-gi",
    module: `
import threading
from gi.repository import GLib
def work():
    called = threading.Event()
    loop = GLib.MainLoop()
    GLib.timeout_add(1, lambda: (called.set(), loop.quit(), False)[2])
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert called.wait(5)
    thread.join()
    here = []
    GLib.idle_add(lambda: here.append(1))
    while not here: GLib.MainContext.default().iteration(True)
`,
  },
  gevent: {
    debian: "python3-gevent",
    module: `
import gevent
def work():
    def cue(number):
        gevent.sleep(0.001)
        return number
    jobs = [gevent.spawn(cue, number) for number in range(3)]
    gevent.joinall(jobs, timeout=5)
    assert [job.value for job in jobs] == [0, 1, 2]
`,
  },
  uvloop: {
    debian: "python3-uvloop",
    module: `
import asyncio, threading, uvloop
def work():
    results = []
    async def main(): return await asyncio.wait_for(asyncio.sleep(0.001, 5), 5)
    def run():
        loop = uvloop.new_event_loop()
        results.append(loop.run_until_complete(main()))
        loop.close()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results == [5]
`,
  },
};
