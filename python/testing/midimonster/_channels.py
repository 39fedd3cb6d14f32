"""The channels of the instance: their names, and the last values."""


class Channels:
    def __init__(self):
        self._inputs = {}  # name -> value, in order of creation
        self._outputs = {}
        self._mapped = {"input": [], "output": []}
        self._fixed = False  # a mapping has been given: there are no others

    @property
    def fixed(self):
        return self._fixed

    def __contains__(self, name):
        return _checked(name) in self._inputs

    def add(self, name):
        self._inputs.setdefault(_checked(name), 0.0)
        self._outputs.setdefault(name, 0.0)

    def fix(self, inputs, outputs):
        """From now on there are only these, and those that exist."""
        self._fixed = True
        for direction, names in (("input", inputs), ("output", outputs)):
            self._mapped[direction] = list(names)
            for name in names:
                self.add(name)

    def note(self, name, direction):
        """Without a mapping, channels are what they are used as."""
        if not self._fixed and name not in self._mapped[direction]:
            self._mapped[direction].append(name)

    def names(self, direction):
        names = list(self._inputs)
        return names if direction is None else [name for name in names if name in self._mapped[direction]]

    def input_value(self, name):
        return self._inputs.get(_checked(name))

    def output_value(self, name):
        return self._outputs.get(_checked(name))

    def set_input(self, name, value):
        self._inputs[name] = value

    def set_output(self, name, value):
        self._outputs[name] = value


def _checked(name):
    if not isinstance(name, str):
        raise TypeError("the channel's name must be str, not %s" % type(name).__name__)
    name.encode()  # lone surrogates have no place in a channel's name
    return name
