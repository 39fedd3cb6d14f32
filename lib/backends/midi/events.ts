// Events of ALSA's sequencer as numbers: what binding.d.ts calls rows.

/** Types of events (snd_seq_event_type). */
export const EVENT = {
  inputLost: -1,
  note: 5,
  noteOn: 6,
  noteOff: 7,
  keyPressure: 8,
  controller: 10,
  program: 11,
  channelPressure: 12,
  pitch: 13,
  controller14: 14,
  nonRegistered: 15,
  registered: 16,
  start: 30,
  continue: 31,
  stop: 32,
  clock: 36,
  clientStart: 60,
  clientExit: 61,
  clientChange: 62,
  portStart: 63,
  portExit: 64,
  portChange: 65,
  subscribed: 66,
  unsubscribed: 67,
} as const;

/** Numbers in a row of incoming events. */
export const INPUT_COLUMNS = 8;
/** Numbers in a row of outgoing events. */
const OUTPUT_COLUMNS = 7;

/** A port of the sequencer. */
export interface Port {
  readonly client: number;
  readonly port: number;
}

/** In place of a receiver: all ports that are connected to the one that sends. */
export const ALL_CONNECTED: Port = { client: 254, port: 253 };

export function showPort({ client, port }: Port): string {
  return `${client}:${port}`;
}

/** Outgoing events of one port, collected for one call. */
export class OutgoingRows {
  #rows = new Int32Array(64 * OUTPUT_COLUMNS);
  #count = 0;
  #port = 0;
  #to = ALL_CONNECTED;

  get count(): number {
    return this.#count;
  }

  get rows(): Int32Array {
    return this.#rows;
  }

  /** Begins a new collection. */
  begin(port: number, to: Port): void {
    this.#count = 0;
    this.#port = port;
    this.#to = to;
  }

  add(type: number, channel: number, parameter: number, value: number): void {
    let at = this.#count * OUTPUT_COLUMNS;
    if (at === this.#rows.length) {
      const wider = new Int32Array(2 * at);
      wider.set(this.#rows);
      this.#rows = wider;
    }
    this.#count++;
    for (const number of [this.#port, this.#to.client, this.#to.port, type, channel, parameter, value]) {
      this.#rows[at++] = number;
    }
  }

  /** The `errno` of the first event that was not sent, negative; undefined if all were. */
  get firstError(): number | undefined {
    for (let row = 0; row < this.#count; ++row) {
      const type = this.#rows[row * OUTPUT_COLUMNS + 3] ?? 0;
      if (type < 0) return type;
    }
    return undefined;
  }
}
