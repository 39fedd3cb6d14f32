import type { OpenBackend } from "../instance.js";
import type { instanceOptions } from "./index.js";
import { WebInstance } from "./instance.js";
import type { Line } from "./lines.js";

export function open(): OpenBackend<typeof instanceOptions, undefined, Line> {
  return { instance: (setup) => new WebInstance(setup) };
}
