// Ports for what a test runs next, which it has to name in advance.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

// Not those that the system gives to sockets without a port: other tests, run beside this one, get thousands of them.
const FIRST = 10_000;
const COUNT = 10_000;
const PER_PROCESS = 32;

let taken = 0;

function tryPort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on("error", () => resolve(false));
    server.listen(port, () => {
      const socket = createSocket("udp4").on("error", () => server.close(() => resolve(false)));
      socket.bind(port, () => socket.close(() => server.close(() => resolve(true))));
    });
  });
}

/** A port of TCP and UDP that was free a moment ago, and that no other test process gets. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; ++tries) {
    const port = FIRST + ((process.pid * PER_PROCESS + taken++) % COUNT);
    if (await tryPort(port)) return port;
  }
  throw new Error("no port is free");
}
