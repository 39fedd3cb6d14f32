// How a missing Python package is installed: under which name, and in which way for the Python in use.
import { existsSync } from "node:fs";
import path from "node:path";
import type { PythonChoice } from "./discovery.js";

/** What is to be installed for a module. */
interface Package {
  /** Its name for pip. */
  readonly pip: string;
  /** Debian's package (12 and 13), if there is one. */
  readonly debian?: string;
}

/** Packages that are called otherwise than their modules; `false`: Debian has none. */
const OTHER_NAMES: Readonly<Record<string, readonly [pip: string, debian: string | false]>> = {
  PIL: ["pillow", "python3-pil"],
  OpenSSL: ["pyopenssl", "python3-openssl"],
  Xlib: ["python-xlib", "python3-xlib"],
  attr: ["attrs", "python3-attr"],
  bs4: ["beautifulsoup4", "python3-bs4"],
  cv2: ["opencv-python", "python3-opencv"],
  dateutil: ["python-dateutil", "python3-dateutil"],
  dbus: ["dbus-python", "python3-dbus"],
  dotenv: ["python-dotenv", "python3-dotenv"],
  gi: ["pygobject", "python3-gi"],
  gpiod: ["gpiod", "python3-libgpiod"],
  hid: ["hidapi", "python3-hid"],
  liblo: ["pyliblo3", "python3-liblo"],
  paho: ["paho-mqtt", "python3-paho-mqtt"],
  pyaudio: ["pyaudio", "python3-pyaudio"],
  pythonosc: ["python-osc", false],
  rtmidi: ["python-rtmidi", "python3-rtmidi"],
  serial: ["pyserial", "python3-serial"],
  serial_asyncio: ["pyserial-asyncio", "python3-serial-asyncio"],
  stupidArtnet: ["stupidartnet", false],
  usb: ["pyusb", "python3-usb"],
  websocket: ["websocket-client", "python3-websocket"],
  yaml: ["pyyaml", "python3-yaml"],
  zmq: ["pyzmq", "python3-zmq"],
};

/** Packages of which Debian has one that is called `python3-` and the module's name. */
const SAME_NAMES: ReadonlySet<string> = new Set(
  (
    "aiohttp evdev flask gpiozero jinja2 lxml matplotlib mido numpy pandas psutil pygame pyudev requests scipy smbus " +
    "smbus2 spidev tornado watchdog websockets zeroconf"
  ).split(" "),
);

function packageOf(module: string): Package {
  const [pip, debian] = Object.hasOwn(OTHER_NAMES, module) ? (OTHER_NAMES[module] ?? []) : [];
  if (pip !== undefined) return { pip, ...(debian && { debian }) };
  return { pip: module, ...(SAME_NAMES.has(module) && { debian: `python3-${module}` }) };
}

/**
 * How to install what a module needs, in lines.
 *
 * @param module the first part of its name
 * @param managed whether the system's package manager owns this Python, so that pip refuses (`externally-managed-environment`)
 */
export function howToInstall(module: string, python: PythonChoice, managed = isManaged(python)): string[] {
  const { pip, debian } = packageOf(module);
  const named = pip.toLowerCase() === module.toLowerCase() ? "" : `'${module}' is in the package '${pip}': `;
  if (!managed) return [`is it installed for the Python in use? ${named}${python.executable} -m pip install ${pip}`];
  const venv =
    `make a virtual environment beside the configuration: ${python.executable} -m venv --system-site-packages venv && ` +
    `venv/bin/pip install ${pip}; then write python = ./venv in the section [backend python] (on Debian, venv needs ` +
    "apt-get install python3-venv)";
  if (debian === undefined) return [`is it installed for the Python in use? ${named}${venv}`];
  return [`is it installed for the Python in use? On Debian: apt-get install ${debian}`, `or ${venv}`];
}

function isManaged({ prefix, basePrefix, version }: PythonChoice): boolean {
  if (prefix !== basePrefix) return false; // a virtual environment
  return existsSync(path.join(basePrefix, "lib", libraryFolder(version), "EXTERNALLY-MANAGED"));
}

/** Where a library is, if this Python has one of that name: Python's own, or an installed package; undefined otherwise. */
export function libraryNamed(module: string, python: PythonChoice): "Python's" | "an installed package" | undefined {
  const folder = libraryFolder(python.version);
  const standard = path.join(python.basePrefix, "lib", folder);
  if (isIn(standard, module)) return "Python's";
  const { prefix, basePrefix } = python;
  const packages = [
    path.join(prefix, "lib", folder, "site-packages"),
    path.join(basePrefix, "lib", folder, "site-packages"),
    path.join(basePrefix, "local", "lib", folder, "dist-packages"),
    path.join(basePrefix, "lib", "python3", "dist-packages"),
  ];
  return packages.some((place) => isIn(place, module)) ? "an installed package" : undefined;
}

function isIn(folder: string, module: string): boolean {
  return existsSync(path.join(folder, `${module}.py`)) || existsSync(path.join(folder, module, "__init__.py"));
}

function libraryFolder(version: string): string {
  return `python${version.split(".", 2).join(".")}`;
}
