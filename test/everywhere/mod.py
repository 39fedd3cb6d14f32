import midimonster
import functions
import places

NAMES = list(functions.FUNCTIONS)
place = None


def choose(value):
    """The next calls are at this place."""
    global place
    found = {**places.AT_ONCE, **places.SOON}
    place = found[list(found)[round(value * 1000)]]


def go(value):
    """Has a function called there."""
    name = NAMES[round(value * 1000)]
    told = []

    def back():
        functions.call(name)
        if not told:
            told.append(1)
            midimonster.output("told", 1)

    return place(back)


def ask(value):
    midimonster.output("done", value)


def on_again(value):
    pass
