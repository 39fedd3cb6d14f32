// The page as a whole: tabs, groups, and what is drawn in the next frame.
import type { SentLayout as Layout, Page, SentWidget as Widget } from "../../../backends/web/wire.js";
import { byId, element } from "../shared/dom.js";
import { meter, push, text, toggle } from "./buttons.js";
import { fader, knob, pad } from "./slider.js";
import type { Store } from "./store.js";
import type { View } from "./types.js";

const MAKERS: Readonly<Record<Widget["kind"], (widget: Widget, store: Store) => View>> = {
  fader,
  knob,
  xy: pad,
  button: push,
  toggle,
  meter,
  text,
};

/** How often meters are drawn for those who want little motion, in ms. */
const CALM = 250;

export class PageView {
  readonly #store: Store;
  readonly #views = new Map<number, View[]>();
  readonly #dirty = new Set<View>();
  readonly #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #requested = false;
  #lastCalm = 0;
  /** The title of the tab that is shown. */
  #chosen = "";

  constructor(store: Store) {
    this.#store = store;
  }

  /** Draws what shows a channel, with the next frame. */
  changed(id: number): void {
    for (const view of this.#views.get(id) ?? []) this.#dirty.add(view);
    this.#request();
  }

  /** Builds the page; the tab that was shown stays, and the focus. */
  build({ title, pages }: Layout): void {
    const focused = document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent;
    document.title = title;
    byId("title").textContent = title;
    this.#views.clear();
    this.#dirty.clear();
    const tabs = byId("tabs");
    const main = byId("pages");
    tabs.replaceChildren();
    main.replaceChildren();
    tabs.hidden = pages.length < 2;
    const names = pages.map((page, i) => page.title ?? (i === 0 ? title : String(i + 1)));
    const shown = Math.max(0, names.indexOf(this.#chosen));
    for (const [i, page] of pages.entries()) {
      const panel = this.#panel(page, i, pages.length > 1);
      main.append(panel);
      tabs.append(this.#tab(names[i] ?? "", i));
    }
    if (pages.length > 0) this.#choose(shown);
    else main.append(element("p", { class: "empty" }, "No mapping uses this page, and it has no widgets."));
    for (const views of this.#views.values()) for (const view of views) this.#dirty.add(view);
    this.#request();
    if (!focused) return;
    const all = main.querySelectorAll<HTMLElement>("[tabindex='0'], button");
    [...all].find((each) => (each.getAttribute("aria-label") ?? each.textContent) === focused)?.focus();
  }

  #tab(name: string, i: number): HTMLElement {
    const tab = element("button", { type: "button", role: "tab", id: `tab${i}`, "aria-controls": `page${i}` }, name);
    tab.addEventListener("click", () => this.#choose(i));
    tab.addEventListener("keydown", ({ key }) => {
      const tabs = byId("tabs").children;
      const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? tabs.length - 1 : 0;
      if (step === 0) return;
      const next = (i + step) % tabs.length;
      this.#choose(next);
      (tabs[next] as HTMLElement | undefined)?.focus();
    });
    return tab;
  }

  #choose(chosen: number): void {
    for (const [i, tab] of [...byId("tabs").children].entries()) {
      tab.setAttribute("aria-selected", String(i === chosen));
      tab.setAttribute("tabindex", i === chosen ? "0" : "-1");
      if (i === chosen) this.#chosen = tab.textContent ?? "";
    }
    for (const [i, panel] of [...byId("pages").children].entries()) (panel as HTMLElement).hidden = i !== chosen;
  }

  #panel({ groups }: Page, i: number, isTab: boolean): HTMLElement {
    const panel = element("div", {
      class: "page",
      id: `page${i}`,
      ...(isTab && { role: "tabpanel", "aria-labelledby": `tab${i}` }),
    });
    for (const { title, widgets } of groups) {
      const grid = element("div", { class: "grid" }, ...widgets.map((widget) => this.#widget(widget)));
      const section = element("section", title === undefined ? {} : { "aria-label": title });
      if (title !== undefined) section.append(element("h2", {}, title));
      section.append(grid);
      const cells = widgets.reduce((sum, { width = 1 }) => sum + width, 0);
      section.style.setProperty("--cells", String(Math.min(8, Math.max(2, cells))));
      panel.append(section);
    }
    return panel;
  }

  #widget(widget: Widget): HTMLElement {
    const view = MAKERS[widget.kind](widget, this.#store);
    if (widget.colour !== undefined) view.element.style.setProperty("--colour", widget.colour);
    if (widget.width !== undefined) view.element.style.setProperty("--width", String(widget.width));
    for (const id of view.ids) {
      const views = this.#views.get(id);
      if (views === undefined) this.#views.set(id, [view]);
      else views.push(view);
    }
    return view.element;
  }

  #request(): void {
    if (this.#requested || this.#dirty.size === 0) return;
    this.#requested = true;
    requestAnimationFrame((now) => {
      this.#requested = false;
      const waits = this.#calm.matches && now - this.#lastCalm < CALM;
      if (!waits) this.#lastCalm = now;
      for (const view of this.#dirty) {
        if (waits && view.shows) continue;
        this.#dirty.delete(view);
        view.draw();
      }
      if (this.#dirty.size > 0) setTimeout(() => this.#request(), CALM);
    });
  }
}
