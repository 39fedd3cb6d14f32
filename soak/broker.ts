/** The broker that values go round through, if there is mosquitto. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";

const PROGRAM = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].find((file) => existsSync(file)) ?? "mosquitto";

/** Starts one on an address of this machine, and writes the part of the configuration that uses it. */
export function startBroker(folder: string, address: string): ChildProcess | undefined {
  const lines = [
    `[mqtt mqtt-out]\nhost = ${address}\n[mqtt mqtt-in]\nhost = ${address}`,
    "[map]\nwire.mqtt{1..16} > mqtt-out.soak/{1..16}\nmqtt-in.soak/{1..16} > wire.mqtt{1..16}\n",
  ];
  const isThere = spawnSync(PROGRAM, ["-h"]).error === undefined;
  writeFileSync(path.join(folder, "mqtt.cfg"), isThere ? lines.join("\n") : "");
  if (!isThere) {
    console.error("SKIPPED: MQTT: there is no mosquitto; on Debian: apt-get install mosquitto");
    return undefined;
  }
  const file = path.join(folder, "mosquitto.conf");
  writeFileSync(file, `listener 1883 ${address}\nallow_anonymous true\nlog_type error\n`);
  return spawn(PROGRAM, ["-c", file], { stdio: "ignore" });
}
