"""Runs the calls with the stand-in, in an ordinary Python."""

import json
import sys

import midimonster
from midimonster import testing

calls = testing.load("calls")
said = [sorted(name for name in vars(midimonster) if name[0] != "_" and callable(getattr(midimonster, name)))]
said.append(calls.run(calls.LOADING))
testing.start(
    inputs=["in", "calls.handler", "b3", "b4"], outputs=["level", "b1", "mapped"], default_handler="calls.default"
)
said.append(calls.run(calls.RUNNING))
testing.send_all(calls.EVENTS)
said.append(list(calls.log))
calls.schedule(lambda: None)
testing.advance(1000)
said.append(list(calls.log))
said.append(testing.warnings())
json.dump(said, sys.stdout)
