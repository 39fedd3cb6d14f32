"""batch(): channels that are handled and output together."""

from array import array


def new_batch(instance, names, handler):
    if isinstance(names, str):
        raise TypeError("batch() takes a list of channels, not one str")
    names = tuple(names)
    if not names:
        raise ValueError("batch() needs at least one channel")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError("batch() names the channel %r more than once" % (twice,))
    for name in names:
        if name not in instance.channels:
            if not instance.may_create:
                raise ValueError("batch() names a channel that is not mapped anywhere: %r" % (name,))
            instance.channels.add(name)
    return Batch(instance, names, handler)


class Batch:
    """As the real one's; only batch() makes them."""

    def __init__(self, instance, names, handler):
        self._instance = instance
        self._names = names
        self._inputs = array("d", map(instance.channels.input_value, names))
        self._outputs = array("d", map(instance.channels.output_value, names))
        self._changed = []
        self.handler = handler  # for the instance
        instance.batches.append(self)

    @property
    def names(self):
        return self._names

    @property
    def inputs(self):
        return memoryview(self._inputs).toreadonly()

    @property
    def outputs(self):
        return memoryview(self._outputs)

    def output(self, values=None, /):
        if values is not None:
            values = array("d", [float(value) for value in values])
            if len(values) != len(self._names):
                raise ValueError("%d values for %d channels" % (len(values), len(self._names)))
            for position, value in enumerate(values):
                self._outputs[position] = value
        for name, value in zip(self._names, self._outputs):
            if value != value:
                raise ValueError("the value of channel '%s' is not a number; nothing is output" % name)
        for name, value in zip(self._names, self._outputs):
            self._instance.output(name, value)

    def changed(self):
        return list(self._changed)

    def __len__(self):
        return len(self._names)

    def __repr__(self):
        return "<midimonster.Batch of %d channels, %s to %s>" % (len(self._names), self._names[0], self._names[-1])

    def note(self, name, value):
        """An event has arrived at a channel."""
        if name in self._names:
            position = self._names.index(name)
            self._inputs[position] = value
            if self.handler is not None and position not in self._changed:
                self._changed.append(position)

    def handle(self, call):
        """Calls the handler if events have arrived."""
        if self._changed and self.handler is not None:
            try:
                call(self.handler, self)
            finally:
                self._changed = []


Batch.__module__ = "midimonster"
