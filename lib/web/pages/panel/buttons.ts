// Buttons and switches, meters and numbers.
import type { SentWidget as Widget } from "../../../backends/web/wire.js";
import { element } from "../shared/dom.js";
import { scaled, shown } from "./format.js";
import { framed } from "./slider.js";
import type { Store } from "./store.js";
import type { View } from "./types.js";

/**
 * Tells of presses, by finger and by key, that last for the widget's `hold`.
 *
 * @param up called after `down`, when it is released
 */
function pressable(target: HTMLButtonElement, { hold = 0 }: Widget, down: () => void, up: () => void): void {
  let pressed = false;
  let counts = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const press = () => {
    if (pressed) return;
    pressed = true;
    if (hold > 0) {
      target.classList.add("waiting");
      target.style.setProperty("--hold", `${hold}ms`);
    }
    const begin = () => {
      target.classList.remove("waiting");
      counts = true;
      down();
    };
    if (hold > 0) timer = setTimeout(begin, hold);
    else begin();
  };
  const release = () => {
    if (!pressed) return;
    pressed = false;
    clearTimeout(timer);
    target.classList.remove("waiting");
    if (counts) up();
    counts = false;
  };
  target.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    target.setPointerCapture(event.pointerId);
    press();
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"] as const) {
    target.addEventListener(type, release);
  }
  const isKey = ({ key }: KeyboardEvent) => key === " " || key === "Enter";
  target.addEventListener("keydown", (event) => {
    if (!isKey(event)) return;
    event.preventDefault();
    if (!event.repeat) press();
  });
  target.addEventListener("keyup", (event) => {
    if (!isKey(event)) return;
    event.preventDefault();
    release();
  });
  // Assistive technology may only click.
  target.addEventListener("click", (event) => {
    if (event.detail !== 0 || pressed || hold > 0) return;
    press();
    setTimeout(release, 100);
  });
  target.addEventListener("contextmenu", (event) => event.preventDefault());
}

function face(widget: Widget): HTMLButtonElement {
  return element("button", { type: "button" }, element("span", {}, widget.label));
}

/** A widget that is a button. */
function whole(widget: Widget, store: Store, button: HTMLButtonElement, draw: (isOn: boolean) => void): View {
  const [id = 0] = widget.ids;
  const frame = element("div", { class: `widget ${widget.kind}` }, button);
  return {
    element: frame,
    ids: widget.ids,
    shows: false,
    draw() {
      const value = store.value(id);
      const isOn = value !== undefined && value >= 0.5;
      button.classList.toggle("on", isOn);
      frame.classList.toggle("hollow", value === undefined);
      frame.classList.toggle("held", store.isHeld(id));
      draw(isOn);
    },
  };
}

export function push(widget: Widget, store: Store): View {
  const [id = 0] = widget.ids;
  const button = face(widget);
  let grabbed = false;
  pressable(
    button,
    widget,
    () => {
      grabbed = store.grab(id);
    },
    () => {
      if (grabbed) store.release(id, 0);
      grabbed = false;
    },
  );
  return whole(widget, store, button, () => button.classList.toggle("on", grabbed || (store.value(id) ?? 0) >= 0.5));
}

export function toggle(widget: Widget, store: Store): View {
  const [id = 0] = widget.ids;
  const button = face(widget);
  const flip = () => store.set(id, (store.value(id) ?? 0) >= 0.5 ? 0 : 1);
  pressable(button, widget, flip, () => {});
  const state = element("span", { class: "state", "aria-hidden": "true" });
  button.append(state);
  return whole(widget, store, button, (isOn) => {
    button.setAttribute("aria-pressed", String(isOn));
    state.textContent = isOn ? "on" : "off";
  });
}

export function meter(widget: Widget, store: Store): View {
  const [id = 0] = widget.ids;
  const [low, high] = [scaled(widget, 0), scaled(widget, 1)];
  const track = element(
    "div",
    {
      class: "track",
      role: "meter",
      "aria-label": widget.label,
      "aria-valuemin": String(Math.min(low, high)),
      "aria-valuemax": String(Math.max(low, high)),
    },
    element("div", { class: "fill" }),
  );
  return framed(
    widget,
    store,
    track,
    () => {
      const value = store.value(id);
      track.setAttribute("aria-valuenow", String(scaled(widget, value ?? 0)));
      track.setAttribute("aria-valuetext", value === undefined ? "no value yet" : shown(widget, value));
      track.style.setProperty("--value", String(value ?? 0));
    },
    true,
  );
}

export function text(widget: Widget, store: Store): View {
  const [id = 0] = widget.ids;
  const number = element("div", { class: "number" });
  const frame = element("div", { class: "widget text" }, number, element("div", { class: "name" }, widget.label));
  return {
    element: frame,
    ids: widget.ids,
    shows: true,
    draw() {
      const value = store.value(id);
      number.textContent = shown(widget, value);
      frame.classList.toggle("hollow", value === undefined);
    },
  };
}
