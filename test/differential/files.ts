import { readFileSync } from "node:fs";
import path from "node:path";
import { projectFolder } from "../helpers.js";
import {
  type Instance,
  isPython,
  type PythonInstance,
  type PythonModule,
  type Scenario,
  type Side,
} from "./scenario.js";

const recorder = readFileSync(path.join(projectFolder, "test", "differential", "recorder.py"), "utf8");

/**
 * The files that make a scenario: `monster.cfg` and the modules.
 *
 * @param calls when stimuli are due, see {@link Prediction}
 */
export function filesOf(scenario: Scenario, calls: readonly number[]): Record<string, string> {
  const files: Record<string, string> = { "monster.cfg": configurationOf(scenario), "recorder.py": recorder };
  for (const instance of scenario.instances.filter(isPython)) {
    for (const [i, module] of instance.modules.entries()) {
      const text = moduleText(instance, module);
      files[`${module.name}.py`] = i === 0 ? text + firstModuleText(scenario, instance, calls) : text;
    }
  }
  return files;
}

export function configurationOf({ instances, mappings }: Scenario): string {
  const lines = instances.flatMap(sectionOf);
  lines.push("[map]");
  for (const { left, arrow, right } of mappings) lines.push(`${textOf(left)} ${arrow} ${textOf(right)}`);
  return `${lines.join("\n")}\n`;
}

function sectionOf(instance: Instance): string[] {
  const lines = [`[${instance.backend} ${instance.name}]`];
  if (isPython(instance)) {
    for (const { name } of instance.modules) lines.push(`module = ${name}`);
    if (instance.defaultHandler !== undefined) lines.push(`default-handler = ${instance.defaultHandler}`);
  }
  return [...lines, ""];
}

function textOf({ instance, pieces }: Side): string {
  return `${instance}.${pieces.map(({ text }) => text).join("")}`;
}

function moduleText({ name: instance }: PythonInstance, { name, handlers, initial }: PythonModule): string {
  const text = ["import midimonster", "import recorder", "", `recorder.instance = "${instance}"`, ""];
  for (const [handler, { peek, transforms }] of handlers) {
    const rows = transforms.map(
      ({ channel, factor, offset, above }) =>
        `("${channel}", ${literal(factor)}, ${literal(offset)}, ${literal(above)})`,
    );
    text.push(`def ${handler}(value):`, `    recorder.call("${handler}", value, "${peek}", [${rows.join(", ")}])`, "");
  }
  const outputs = initial.map(({ channel, value }) => `("${channel}", ${literal(value)})`);
  text.push(`recorder.loaded("${name}", [${outputs.join(", ")}])`, "");
  return text.join("\n");
}

function firstModuleText({ driver, stimuli }: Scenario, { name }: PythonInstance, calls: readonly number[]): string {
  const text = ["midimonster.cleanup_handler(recorder.end)", ""];
  if (name === driver) {
    const rows = stimuli.map(
      (outputs) => `[${outputs.map(({ channel, value }) => `("${channel}", ${literal(value)})`).join(", ")}]`,
    );
    text.push(`driver = recorder.Driver([${rows.join(", ")}], [${calls.join(", ")}])`);
    text.push("midimonster.interval(driver.tick, 10)", "");
  }
  return text.join("\n");
}

/** A number as Python writes it; whole ones become int. */
function literal(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  if (!Number.isFinite(value)) return `float("${value > 0 ? "inf" : "-inf"}")`;
  return String(value);
}
