// The last seconds of one channel as a line. Values stay until the next one, so it is drawn in steps.

const SECONDS = 20;
const MAX_SAMPLES = 200 * SECONDS;

export class Timeline {
  readonly #canvas: HTMLCanvasElement;
  /** Times in ms of performance.now(), and values. */
  #times: number[] = [];
  #values: number[] = [];
  /** Between the server's clock and ours, in ms. */
  #offset: number | undefined;
  #shown = false;
  #width = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    new ResizeObserver(() => {
      this.#width = canvas.clientWidth;
    }).observe(canvas);
    const draw = () => {
      if (this.#shown) this.#draw();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  /** Begins with another channel, or ends. */
  show(value: number | undefined, on: boolean): void {
    this.#times = value === undefined ? [] : [performance.now()];
    this.#values = value === undefined ? [] : [value];
    this.#shown = on;
  }

  /** Takes times of the server, in ms, and values. */
  add(v: readonly number[]): void {
    const now = performance.now();
    const last = v[v.length - 2];
    if (last === undefined) return;
    // The least delay seen is the nearest to the difference of the clocks.
    this.#offset = Math.min(this.#offset ?? Number.POSITIVE_INFINITY, now - last);
    for (let i = 0; i < v.length; i += 2) {
      this.#times.push((v[i] as number) + this.#offset);
      this.#values.push(v[i + 1] as number);
    }
    const drop = Math.max(
      this.#times.length - MAX_SAMPLES,
      this.#times.findIndex((time) => time > now - 1000 * SECONDS) - 1,
    );
    if (drop > 0) {
      this.#times.splice(0, drop);
      this.#values.splice(0, drop);
    }
  }

  #draw(): void {
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(this.#width * ratio), Math.round(120 * ratio)];
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext("2d");
    if (context === null) return;
    context.clearRect(0, 0, width, height);
    const now = performance.now();
    const x = (time: number) => width * (1 - (now - time) / (1000 * SECONDS));
    const y = (value: number) => height - 3 - value * (height - 6);
    context.strokeStyle = "#343842";
    context.beginPath();
    for (const value of [0, 0.5, 1]) {
      context.moveTo(0, y(value));
      context.lineTo(width, y(value));
    }
    context.stroke();
    context.strokeStyle = "#4da3ff";
    context.lineWidth = 2 * ratio;
    context.beginPath();
    let before: number | undefined;
    for (let i = 0; i < this.#times.length; ++i) {
      const [at, value] = [x(this.#times[i] as number), y(this.#values[i] as number)];
      if (before === undefined) context.moveTo(at, value);
      else {
        context.lineTo(at, before);
        context.lineTo(at, value);
      }
      before = value;
    }
    if (before !== undefined) context.lineTo(width, before);
    context.stroke();
  }
}
