"""Four faders, a button that lights all lamps, a switch for a work light, and a meter of the brightest."""

import midimonster

controls: "dict[str, float]" = {}


def control(value: float) -> None:
    """The default handler: called for every control of the page."""
    controls[midimonster.current() or ""] = value
    flash, work = controls.get("flash", 0.0), controls.get("work", 0.0)
    levels = [max(controls.get("dim%d" % n, 0.0), flash) for n in range(1, 5)]
    for n, level in enumerate(levels, 1):
        midimonster.output("lamp%d" % n, level)
    midimonster.output("work", work)
    midimonster.output("level", max([*levels, work]))
