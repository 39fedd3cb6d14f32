// A terminal that is drawn on: the alternate screen, of which only lines that have changed are written. The terminal is as it was
// before on every way out.

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** A part of a line in a style; widths are counted in characters of the text. */
export interface Span {
  readonly text: string;
  readonly style?: "bold" | "dim" | "inverse" | "red" | "yellow";
}

const STYLES = { bold: "1", dim: "2", inverse: "7", red: "31", yellow: "33" };

export class Screen {
  readonly #output: NodeJS.WriteStream;
  readonly #colours: boolean;
  #lines: string[] = [];
  #isOpen = false;
  readonly #restore = () => this.close();

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
    this.#colours = !process.env.NO_COLOR && process.env.TERM !== "dumb";
  }

  get columns(): number {
    return Math.max(20, this.#output.columns || 80);
  }

  get rows(): number {
    return Math.max(4, this.#output.rows || 24);
  }

  /** Whether the terminal has not taken what was drawn: one more picture would only wait. */
  get isBusy(): boolean {
    return this.#output.writableNeedDrain;
  }

  open(): void {
    this.#isOpen = true;
    this.#output.write(ENTER);
    // Also after an exception or process.exit().
    process.on("exit", this.#restore);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off("exit", this.#restore);
    this.#output.write(LEAVE);
  }

  /** Forgets what is on the screen, since it has another size or another program has written there. */
  clear(): void {
    this.#lines = [];
    if (this.#isOpen) this.#output.write("\x1b[2J");
  }

  /** Writes the lines that differ from those on the screen. */
  draw(lines: readonly (readonly Span[])[]): void {
    if (!this.#isOpen) return;
    let text = "";
    for (let row = 0; row < this.rows; ++row) {
      const line = this.#text(lines[row] ?? []);
      if (line === this.#lines[row]) continue;
      this.#lines[row] = line;
      text += `\x1b[${row + 1};1H${line}\x1b[K`;
    }
    if (text !== "") this.#output.write(text);
  }

  #text(spans: readonly Span[]): string {
    let left = this.columns;
    let line = "";
    for (const { text, style } of spans) {
      const characters = [...text].slice(0, left);
      left -= characters.length;
      const cut = characters.join("");
      line += this.#colours && style !== undefined ? `\x1b[${STYLES[style]}m${cut}\x1b[0m` : cut;
    }
    return line;
  }
}
