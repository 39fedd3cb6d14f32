// The table of channels. It has only the rows that are seen, and writes only what has changed since the last frame: with a row for
// each of ten thousand channels a browser draws three frames a second.
import { element } from "../shared/dom.js";

const ROW = 26; // px, as in style.css
/** How long what has moved is marked, in ms. */
const JUST_NOW = 1000;
/** How often the list of what is moving is made again, in ms. */
const AGAIN = 500;

interface Row {
  readonly element: HTMLElement;
  readonly name: Text;
  readonly value: Text;
  readonly bar: HTMLElement;
  place: number;
  id: number;
  shown: number | undefined;
  hot: boolean;
  selected: boolean;
}

export class ChannelTable {
  readonly #list: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #selected: (id: number | undefined) => void;
  readonly #counted: (shown: number, all: number) => void;
  readonly #pool: Row[] = [];
  #names: readonly string[] = [];
  #lower: string[] = [];
  #values = new Float64Array(0);
  #changed = new Float64Array(0);
  #visible: number[] = [];
  #filter = "";
  #onlyMoving = false;
  #selection: number | undefined;
  #requested = false;
  #height = 0;
  #top = 0;
  #made = 0;
  /** Frames that have been drawn. */
  frames = 0;

  constructor(
    list: HTMLElement,
    rows: HTMLElement,
    selected: (id: number | undefined) => void,
    counted: (shown: number, all: number) => void,
  ) {
    this.#list = list;
    this.#rows = rows;
    this.#selected = selected;
    this.#counted = counted;
    list.addEventListener("scroll", () => {
      this.#top = list.scrollTop;
      this.request();
    });
    list.addEventListener("click", ({ target }) => this.#click(target));
    list.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => {
      this.#height = list.clientHeight;
      this.request();
    }).observe(list);
    // What has moved is not marked any more after a while, also if nothing follows.
    setInterval(() => this.request(), AGAIN);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  value(id: number): number | undefined {
    const value = this.#values[id];
    return value === undefined || Number.isNaN(value) ? undefined : value;
  }

  /** Takes another list of channels; the values are unknown. */
  take(names: readonly string[]): void {
    const selected = this.#selection === undefined ? undefined : this.#names[this.#selection];
    this.#names = names;
    this.#lower = names.map((name) => name.toLowerCase());
    this.#values = new Float64Array(names.length).fill(Number.NaN);
    this.#changed = new Float64Array(names.length).fill(Number.NEGATIVE_INFINITY);
    const again = selected === undefined ? -1 : names.indexOf(selected);
    this.#selection = again < 0 ? undefined : again;
    this.#selected(this.#selection);
    // Rows may have the same numbers, and other names.
    for (const row of this.#pool) if (row.id !== -1) row.id = -2;
    this.#make();
  }

  /** @param now when they changed, in ms of performance.now() */
  set(ids: ArrayLike<number>, values: ArrayLike<number>, now: number): void {
    for (let i = 0; i < ids.length; ++i) {
      const id = ids[i] as number;
      this.#values[id] = values[i] as number;
      this.#changed[id] = now;
    }
    this.request();
  }

  filter(text: string): void {
    this.#filter = text.trim().toLowerCase();
    this.#make();
  }

  onlyMoving(on: boolean): void {
    this.#onlyMoving = on;
    this.#make();
  }

  /** Has a frame drawn. A tab that is not seen gets no frames. */
  request(): void {
    if (this.#requested) return;
    this.#requested = true;
    requestAnimationFrame((now) => this.#draw(now));
  }

  #make(): void {
    const now = performance.now();
    this.#made = now;
    const found: number[] = [];
    for (let id = 0; id < this.#names.length; ++id) {
      if (this.#filter !== "" && !(this.#lower[id] as string).includes(this.#filter)) continue;
      if (this.#onlyMoving && now - (this.#changed[id] as number) > 2 * JUST_NOW) continue;
      found.push(id);
    }
    this.#visible = found;
    this.#rows.style.height = `${Math.max(1, found.length) * ROW}px`;
    this.#counted(found.length, this.#names.length);
    this.request();
  }

  #draw(now: number): void {
    this.#requested = false;
    this.frames++;
    if (this.#onlyMoving && now - this.#made > AGAIN) this.#make();
    const count = Math.ceil(this.#height / ROW) + 2;
    const first = Math.max(0, Math.min(Math.floor(this.#top / ROW), this.#visible.length - 1));
    while (this.#pool.length < count) this.#pool.push(this.#row());
    for (let place = first; place < first + this.#pool.length; ++place) {
      // Each place has a row of its own while it is seen, so that scrolling by one moves one row.
      const row = this.#pool[place % this.#pool.length] as Row;
      this.#fill(row, place, now);
    }
  }

  #fill(row: Row, place: number, now: number): void {
    const id = this.#visible[place];
    if (id === undefined || place < 0) {
      if (row.id !== -1) row.element.hidden = true;
      row.id = -1;
      return;
    }
    if (row.id !== id) {
      if (row.id === -1) row.element.hidden = false;
      row.id = id;
      row.name.data = this.#names[id] as string;
      row.element.id = `channel-${id}`;
      row.shown = -1;
    }
    if (row.place !== place) {
      row.place = place;
      row.element.style.transform = `translateY(${place * ROW}px)`;
    }
    const value = this.value(id);
    if (row.shown !== value) {
      row.shown = value;
      row.value.data = value === undefined ? "–" : value.toFixed(3);
      row.bar.style.transform = `scaleX(${value ?? 0})`;
    }
    const hot = now - (this.#changed[id] as number) < JUST_NOW;
    if (row.hot !== hot) {
      row.hot = hot;
      row.element.classList.toggle("hot", hot);
    }
    const selected = id === this.#selection;
    if (row.selected !== selected) {
      row.selected = selected;
      row.element.setAttribute("aria-selected", String(selected));
    }
  }

  #row(): Row {
    const name = document.createTextNode("");
    const value = document.createTextNode("");
    const bar = element("i");
    const made = element(
      "div",
      { class: "row", role: "option", "aria-selected": "false" },
      element("span", { class: "name" }, name),
      element("span", { class: "value" }, value),
      element("span", { class: "bar" }, bar),
    );
    made.hidden = true;
    this.#rows.append(made);
    return { element: made, name, value, bar, place: -1, id: -1, shown: -1, hot: false, selected: false };
  }

  #click(target: EventTarget | null): void {
    const found = target instanceof Element ? target.closest(".row") : null;
    const row = this.#pool.find(({ element: each }) => each === found);
    if (row !== undefined && row.id >= 0) this.select(row.id);
  }

  select(id: number): void {
    this.#selection = id;
    this.#list.setAttribute("aria-activedescendant", `channel-${id}`);
    this.#selected(id);
    this.request();
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#height / ROW) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowUp: -1,
      ArrowDown: 1,
      PageUp: -page,
      PageDown: page,
      Home: Number.NEGATIVE_INFINITY,
      End: Number.POSITIVE_INFINITY,
    };
    const step = steps[event.key];
    if (step === undefined || this.#visible.length === 0) return;
    event.preventDefault();
    const at = this.#selection === undefined ? -1 : this.#visible.indexOf(this.#selection);
    const next = Math.max(0, Math.min(this.#visible.length - 1, at + step));
    const [top, bottom] = [next * ROW, (next + 1) * ROW - this.#height];
    if (this.#top > top) this.#list.scrollTop = top;
    else if (this.#top < bottom) this.#list.scrollTop = bottom;
    this.select(this.#visible[next] as number);
  }
}
