"""Shows channels: as moving bars on a terminal, as a plain line every second elsewhere."""

import sys

import midimonster

WIDTH = 40
levels = {"wave": 0.0, "curved": 0.0, "inverted": 0.0}


def show_wave(value: float) -> None:
    levels["wave"] = value


def show_curved(value: float) -> None:
    levels["curved"] = value


def show_inverted(value: float) -> None:
    levels["inverted"] = value


drawn = False


def draw_bars() -> None:
    global drawn
    if drawn:
        print(f"\033[{len(levels)}A", end="")  # back up, over the previous bars
    drawn = True
    for name, value in levels.items():
        full = round(value * WIDTH)
        print(f"\033[K{name:>9} {'#' * full}{'-' * (WIDTH - full)} {value:.2f}")


def write_line() -> None:
    print("  ".join(f"{name} {value:.2f}" for name, value in levels.items()))


if sys.stdout.isatty():
    midimonster.interval(draw_bars, 40)
else:
    midimonster.interval(write_line, 1000)
