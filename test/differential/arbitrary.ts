import { fc } from "../properties.js";
import { Choices } from "./choices.js";
import { stable } from "./grouping.js";
import { EndlessFeedback, predict } from "./model.js";
import {
  arrows,
  channelsOf,
  type Handler,
  type Instance,
  isPython,
  type Mapping,
  type Output,
  type PythonInstance,
  type PythonModule,
  type Scenario,
  type Side,
} from "./scenario.js";
import { chooseSide, handlerNames, plainNames } from "./side.js";

/** Scenarios whose feedback, if there is any, dies out. */
export const scenarios: fc.Arbitrary<Scenario> = fc.noBias(
  fc.gen().map((generate) => makeScenario(new Choices(generate))),
);

function makeScenario(choices: Choices): Scenario {
  const skeleton = makeSkeleton(choices);
  const candidates = makeMappings(choices, skeleton);
  const instances = skeleton.map((instance) => (isPython(instance) ? fillIn(choices, instance, candidates) : instance));
  const pythons = instances.filter(isPython).map(({ name }) => name);
  const sources = candidates.flatMap(sourcesOf).map(({ instance }) => instance);
  const drivers = sources.filter((name) => pythons.includes(name));
  const driver = choices.of(drivers.length > 0 ? drivers : pythons);
  const stimuli = choices.times(choices.integer(2, 6), () =>
    choices.times(choices.integer(1, 4), () => ({
      channel: chooseOutput(choices, driver, [], candidates),
      value: chooseValue(choices),
    })),
  );

  // Endless feedback hangs MIDIMonster, so a mapping that closes such a loop is left out.
  let scenario: Scenario = { instances, mappings: [], driver, stimuli };
  for (const mapping of candidates) {
    const longer = { ...scenario, mappings: [...scenario.mappings, mapping] };
    if (settles(longer)) scenario = longer;
  }
  return scenario;
}

function settles(scenario: Scenario): boolean {
  try {
    predict(scenario, stable);
    return true;
  } catch (error) {
    if (error instanceof EndlessFeedback) return false;
    throw error;
  }
}

/** Instances whose modules are still empty. */
function makeSkeleton(choices: Choices): Instance[] {
  const pythons = choices.times(choices.integer(1, 4), (i): PythonInstance => {
    const name = `py${i}`;
    const modules = choices
      .times(choices.integer(1, 2), (m) => `mod_${i}${"ab"[m]}`)
      .map((module): PythonModule => ({ name: module, handlers: new Map(), initial: [] }));
    if (choices.chance(50)) return { backend: "python", name, modules };
    const defaultHandler = `${choices.of(modules).name}.${choices.of(handlerNames)}`;
    return { backend: "python", name, modules, defaultHandler };
  });
  const loopbacks = choices.times(choices.integer(0, 3), (i): Instance => ({ backend: "loopback", name: `loop-${i}` }));
  return choices.shuffled([...pythons, ...loopbacks]);
}

function makeMappings(choices: Choices, instances: readonly Instance[]): Mapping[] {
  const mappings: Mapping[] = [];
  const count = choices.integer(3, 18);
  while (mappings.length < count) {
    if (mappings.length > 0 && choices.chance(10)) {
      const { left, right } = choices.of(mappings);
      mappings.push({ left, arrow: choices.of(arrows), right });
      continue;
    }
    const left = chooseSide(choices, choices.of(instances));
    const size = choices.chance(25) ? 1 : channelsOf(left).length;
    const right = chooseSide(choices, choices.of(instances), size);
    // Either side may be the single one.
    const [first, second] = choices.chance(50) ? [left, right] : [right, left];
    mappings.push({ left: first, arrow: choices.of(arrows), right: second });
  }
  return mappings;
}

/** Gives an instance's modules their handlers and initial values. */
function fillIn(choices: Choices, instance: PythonInstance, mappings: readonly Mapping[]): PythonInstance {
  const modules = instance.modules.map(({ name }) => name);
  const output = () => chooseOutput(choices, instance.name, modules, mappings);
  const makeHandler = (): Handler => ({
    peek: output(),
    transforms: choices.times(choices.integer(0, 4), () => ({
      channel: output(),
      factor: choices.double(-1.2, 1.2),
      offset: choices.double(-0.2, 1),
      above: choices.double(0, 0.7),
    })),
  });
  return {
    ...instance,
    modules: modules.map((name) => ({
      name,
      handlers: new Map(handlerNames.map((handler) => [handler, makeHandler()])),
      initial: choices.times(choices.chance(50) ? 0 : choices.integer(1, 3), (): Output => {
        return { channel: output(), value: chooseValue(choices) };
      }),
    })),
  };
}

function sourcesOf({ left, arrow, right }: Mapping): Side[] {
  if (arrow === "<") return [right];
  return arrow === ">" ? [left] : [left, right];
}

/** A channel that an instance outputs on: mostly one that is mapped. */
function chooseOutput(
  choices: Choices,
  instance: string,
  modules: readonly string[],
  mappings: readonly Mapping[],
): string {
  const mapped = mappings.flatMap(sourcesOf).filter((side) => side.instance === instance);
  if (mapped.length > 0 && choices.chance(90)) return choices.of(channelsOf(choices.of(mapped)));
  if (modules.length > 0 && choices.chance(30)) return `${choices.of(modules)}.${choices.of(handlerNames)}`;
  return choices.of(plainNames);
}

function chooseValue(choices: Choices): number {
  if (choices.chance(85)) return choices.double(0, 1);
  return choices.of([0, -0, 1, 2, -1, 5e-324, 1 - 2 ** -53, 1 + 2 ** -52, Infinity, -Infinity]);
}
