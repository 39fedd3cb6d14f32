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


def draw_bars() -> None:
    for name, value in levels.items():
        full = round(value * WIDTH)
        print(f"\033[K{name:>9} {'#' * full}{'-' * (WIDTH - full)} {value:.2f}")
    print(f"\033[{len(levels)}A", end="", flush=True)


def write_line() -> None:
    print("  ".join(f"{name} {value:.2f}" for name, value in levels.items()))


def leave_bars() -> None:
    print("\n" * len(levels), end="", flush=True)


if sys.stdout.isatty():
    midimonster.interval(draw_bars, 40)
    midimonster.cleanup_handler(leave_bars)
else:
    midimonster.interval(write_line, 1000)
