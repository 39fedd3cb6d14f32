// Values of channels as messages: JSON for programs, bytes for the page.

/** Version of the binary form. */
const VERSION = 1;
const HEADER = 8; // bytes

/** Values are rounded to five places: a step of the finest fader is seen. */
const PLACES = 1e5;

/** `{type, rev, v:[id,value,…]}`, written by hand: for thousands of numbers JSON.stringify() takes twice as long. */
export function jsonFrame(
  type: "state" | "values",
  rev: number,
  ids: ArrayLike<number>,
  values: Float64Array,
  count: number,
): string {
  let text = `{"type":"${type}","rev":${rev},"v":[`;
  for (let i = 0; i < count; ++i) {
    const id = ids[i] as number;
    text += `${i > 0 ? "," : ""}${id},${Math.round((values[id] as number) * PLACES) / PLACES}`;
  }
  return `${text}]}`;
}

/** `u8 1, u8 version, u16 0, u32 count, u32[count] ids, f32[count] values`, little-endian. */
export function binaryFrame(ids: ArrayLike<number>, values: Float64Array, count: number): Uint8Array {
  const buffer = new ArrayBuffer(HEADER + 8 * count);
  new Uint8Array(buffer).set([1, VERSION]);
  new DataView(buffer).setUint32(4, count, true);
  if (isLittleEndian) {
    const [allIds, allValues] = [
      new Uint32Array(buffer, HEADER, count),
      new Float32Array(buffer, HEADER + 4 * count, count),
    ];
    for (let i = 0; i < count; ++i) {
      const id = ids[i] as number;
      allIds[i] = id;
      allValues[i] = values[id] as number;
    }
    return new Uint8Array(buffer);
  }
  const view = new DataView(buffer);
  for (let i = 0; i < count; ++i) {
    const id = ids[i] as number;
    view.setUint32(HEADER + 4 * i, id, true);
    view.setFloat32(HEADER + 4 * (count + i), values[id] as number, true);
  }
  return new Uint8Array(buffer);
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
