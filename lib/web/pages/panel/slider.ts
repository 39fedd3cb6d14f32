// Faders, knobs and pads: what has a value that can be dragged, and moved by keys.
import type { SentWidget as Widget } from "../../../backends/web/wire.js";
import { element } from "../shared/dom.js";
import { scaled, shown, snapped } from "./format.js";
import type { Store } from "./store.js";
import type { View } from "./types.js";

/** The range of a knob, in degrees. */
const SWEEP = 270;
/** The way of a finger for all of a knob's range, in CSS pixels. */
const KNOB_WAY = 200;
/** Two taps within this time are a double tap, in ms. */
const DOUBLE_TAP = 350;
/** A tap moves less than this, in CSS pixels. */
const TAP = 6;
/** A key that is held counts as a touch until nothing has come for so long, in ms. */
const KEY_REST = 400;

type Axis = "x" | "y";

/** An element that is a slider for a channel: keys, and what assistive technology reads. */
function slider(widget: Widget, store: Store, id: number, name: string, axis: Axis) {
  const made = element("div", {
    role: "slider",
    tabindex: "0",
    "aria-label": name,
    "aria-orientation": axis === "x" ? "horizontal" : "vertical",
    "aria-valuemin": String(Math.min(scaled(widget, 0), scaled(widget, 1))),
    "aria-valuemax": String(Math.max(scaled(widget, 0), scaled(widget, 1))),
  });
  let resting: ReturnType<typeof setTimeout> | undefined;
  const rest = () => {
    if (resting === undefined) return;
    clearTimeout(resting);
    resting = undefined;
    store.release(id, restOf(widget));
  };
  const move = (value: number) => {
    if (resting === undefined && !store.grab(id)) return;
    clearTimeout(resting);
    resting = setTimeout(rest, KEY_REST);
    store.set(id, snapped(widget, value));
  };
  made.addEventListener("blur", rest);
  made.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const value = store.value(id) ?? 0;
    const fine = event.shiftKey ? 0.001 : 0.01;
    const step = widget.steps === undefined ? fine : 1 / (widget.steps - 1);
    const large = Math.max(0.1, step);
    const next = new Map([
      ["ArrowUp", value + step],
      ["ArrowRight", value + step],
      ["ArrowDown", value - step],
      ["ArrowLeft", value - step],
      ["PageUp", value + large],
      ["PageDown", value - large],
      ["Home", 0],
      ["End", 1],
      ["Delete", widget.default ?? value],
    ]).get(event.key);
    if (next === undefined) return;
    event.preventDefault();
    move(next);
  });
  const draw = () => {
    const value = store.value(id);
    made.setAttribute("aria-valuenow", String(scaled(widget, value ?? 0)));
    made.setAttribute("aria-valuetext", value === undefined ? "no value yet" : shown(widget, value));
  };
  return { element: made, draw };
}

/** Where a channel goes by itself when it is released. */
function restOf({ spring, default: value = 0 }: Widget): number | undefined {
  return spring ? value : undefined;
}

interface Drag {
  readonly pointer: number;
  readonly x: number;
  readonly y: number;
  readonly from: readonly number[];
  moved: boolean;
}

/**
 * Lets fingers drag.
 *
 * @param change the values that a movement in pixels means
 * @param jump the values of a place
 */
function draggable(
  target: HTMLElement,
  widget: Widget,
  store: Store,
  change: (dx: number, dy: number, from: readonly number[]) => readonly number[],
  jump: (event: PointerEvent) => readonly number[],
): void {
  const { ids } = widget;
  let drag: Drag | undefined;
  let lastTap = 0;
  const set = (values: readonly number[]) => {
    for (const [i, id] of ids.entries()) store.set(id, snapped(widget, values[i] ?? 0));
  };
  const end = (event: PointerEvent) => {
    if (drag?.pointer !== event.pointerId) return;
    const isTap = !drag.moved && event.type === "pointerup";
    drag = undefined;
    if (isTap && event.timeStamp - lastTap < DOUBLE_TAP && widget.default !== undefined) {
      set(ids.map(() => widget.default ?? 0));
    }
    lastTap = isTap ? event.timeStamp : 0;
    for (const id of ids) store.release(id, restOf(widget));
    target.classList.remove("touched");
  };
  target.addEventListener("pointerdown", (event) => {
    if (drag !== undefined || event.button !== 0) return;
    if (!ids.map((id) => store.grab(id)).every(Boolean)) return;
    target.setPointerCapture(event.pointerId);
    target.classList.add("touched");
    const from = ids.map((id) => store.value(id) ?? 0);
    drag = { pointer: event.pointerId, x: event.clientX, y: event.clientY, from, moved: false };
    if (widget.response === "jump") set(jump(event));
  });
  target.addEventListener("pointermove", (event) => {
    if (drag?.pointer !== event.pointerId) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < TAP) return;
    drag.moved = true;
    set(widget.response === "jump" ? jump(event) : change(dx, dy, drag.from));
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"] as const) target.addEventListener(type, end);
}

export function fader(widget: Widget, store: Store): View {
  const [id = 0] = widget.ids;
  const axis = widget.horizontal ? "x" : "y";
  const { element: track, draw: drawSlider } = slider(widget, store, id, widget.label, axis);
  track.className = "track";
  const fill = element("div", { class: "fill" });
  const cap = element("div", { class: "cap" });
  track.append(fill, cap);
  const along = () => (axis === "x" ? track.clientWidth : track.clientHeight);
  draggable(
    track,
    widget,
    store,
    (dx, dy, [from = 0]) => [from + (axis === "x" ? dx : -dy) / along()],
    ({ clientX, clientY }) => {
      const box = track.getBoundingClientRect();
      return [axis === "x" ? (clientX - box.left) / box.width : (box.bottom - clientY) / box.height];
    },
  );
  return framed(widget, store, track, () => {
    drawSlider();
    track.style.setProperty("--value", String(store.value(id) ?? 0));
  });
}

export function knob(widget: Widget, store: Store): View {
  const [id = 0] = widget.ids;
  const { element: dial, draw: drawSlider } = slider(widget, store, id, widget.label, "y");
  dial.className = "dial";
  dial.append(element("div", { class: "pointer" }));
  draggable(
    dial,
    widget,
    store,
    (dx, dy, [from = 0]) => [from + (dx - dy) / KNOB_WAY],
    ({ clientX, clientY }) => {
      const box = dial.getBoundingClientRect();
      const [x, y] = [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
      // From the lower left, clockwise.
      const degrees = ((Math.atan2(y, x) * 180) / Math.PI + 360 + 225) % 360;
      return [degrees > SWEEP + (360 - SWEEP) / 2 ? 0 : degrees / SWEEP];
    },
  );
  return framed(widget, store, dial, () => {
    drawSlider();
    dial.style.setProperty("--value", String(store.value(id) ?? 0));
  });
}

export function pad(widget: Widget, store: Store): View {
  const [idX = 0, idY = 0] = widget.ids;
  const across = slider(widget, store, idX, `${widget.label} x`, "x");
  const upright = slider(widget, store, idY, `${widget.label} y`, "y");
  across.element.className = "axis across";
  upright.element.className = "axis upright";
  const area = element("div", { class: "pad", role: "group", "aria-label": widget.label });
  area.append(element("div", { class: "dot" }), across.element, upright.element);
  draggable(
    area,
    widget,
    store,
    (dx, dy, [x = 0, y = 0]) => [x + dx / area.clientWidth, y - dy / area.clientHeight],
    ({ clientX, clientY }) => {
      const box = area.getBoundingClientRect();
      return [(clientX - box.left) / box.width, (box.bottom - clientY) / box.height];
    },
  );
  return framed(widget, store, area, () => {
    across.draw();
    upright.draw();
    area.style.setProperty("--x", String(store.value(idX) ?? 0));
    area.style.setProperty("--y", String(store.value(idY) ?? 0));
  });
}

/** A widget with its name and number. */
export function framed(widget: Widget, store: Store, inner: HTMLElement, drawInner: () => void, shows = false): View {
  const { kind, ids, label } = widget;
  // Read by assistive technology as the value of the slider.
  const number = element("div", { class: "number", "aria-hidden": "true" });
  const name = element("div", { class: "name", "aria-hidden": "true", title: label }, label);
  const frame = element(
    "div",
    { class: `widget ${kind}${widget.horizontal ? " horizontal" : ""}` },
    inner,
    number,
    name,
  );
  const draw = () => {
    const values = ids.map((id) => store.value(id));
    const text = values.map((value) => shown(widget, value)).join(" / ");
    if (number.textContent !== text) number.textContent = text;
    frame.classList.toggle(
      "hollow",
      values.every((value) => value === undefined),
    );
    frame.classList.toggle(
      "held",
      ids.some((id) => store.isHeld(id)),
    );
    drawInner();
  };
  return { element: frame, ids, shows, draw };
}
