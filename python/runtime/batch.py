"""The class of the objects that midimonster.batch() creates. Loaded at its first call."""


class Batch:
    """Channels that are handled and output together; created by midimonster.batch().

    Each value is at the position of its channel in names, as a double from 0.0 to 1.0. inputs and outputs support the
    buffer protocol: numpy.frombuffer(batch.inputs) and numpy.frombuffer(batch.outputs) are arrays of the same memory."""

    __slots__ = ("__weakref__", "_changed", "_inputs", "_memory", "_names", "_number", "_output", "_outputs")

    def __init__(self, names, handler, functions):
        if isinstance(names, str):
            raise TypeError("batch() takes a list of channels, not one str")
        names = tuple(names)
        if not names:
            raise ValueError("batch() needs at least one channel")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError("batch() names the channel %r more than once" % (twice,))
        register, self._output, self._changed = functions
        self._names = names
        # The native part writes to the inputs' memory as long as anything can read it: this object, a view, a slice of one
        # or a numpy array.
        self._number, self._memory, outputs = register(names, self, handler)
        self._inputs = memoryview(self._memory).cast("d")
        self._outputs = memoryview(outputs).cast("d")

    @property
    def names(self):
        """The channels, in the order in which they were given."""
        return self._names

    @property
    def inputs(self):
        """The last value that arrived at each channel; a read-only memoryview, always up to date."""
        return self._inputs

    @property
    def outputs(self):
        """The values that output() outputs; a memoryview to write to."""
        return self._outputs

    def output(self, values=None, /):
        """Output a value on every channel.

        values: if given, one number per channel, copied to outputs first. A buffer of doubles, such as inputs, an
        array.array("d") or a numpy array of float64, is copied in one go. Without values, outputs is sent unchanged.
        Values are clamped to 0.0..1.0. Raises ValueError, and outputs nothing, if one is NaN or their number is wrong."""
        if values is not None:
            try:
                view = memoryview(values)
            except TypeError:
                view = None
            if view is not None and view.format == "d" and view.ndim == 1:
                if len(view) != len(self._outputs):
                    raise ValueError("%d values for %d channels" % (len(view), len(self._outputs)))
                self._outputs[:] = view
            else:
                values = [float(value) for value in values]
                if len(values) != len(self._outputs):
                    raise ValueError("%d values for %d channels" % (len(values), len(self._outputs)))
                for position, value in enumerate(values):
                    self._outputs[position] = value
        self._output(self._number)

    def changed(self):
        """Return the positions of the channels that got an event in this round, in order of arrival.

        Inside the batch's handler; elsewhere the list is empty."""
        return self._changed(self._number)

    def __len__(self):
        return len(self._names)

    def __repr__(self):
        return "<midimonster.Batch of %d channels, %s to %s>" % (len(self._names), self._names[0], self._names[-1])


Batch.__module__ = "midimonster"
