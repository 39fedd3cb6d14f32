// Sockets to a broker.
import { readFile } from "node:fs/promises";
import { connect, isIP, type Socket } from "node:net";
import type { ConnectionOptions, SecureContext } from "node:tls";
import { requireRegular } from "../../regular-file.js";
import type { Values } from "../options.js";
import { lookupForSocket } from "../shared/lookups.js";
import type { instanceOptions } from "./index.js";
import type { OnRead } from "./intake.js";

type Options = Values<typeof instanceOptions>;

/**
 * What connects, once it is called: from then on its caller has to listen for errors, since that the network can't be reached or that
 * no descriptor is left may be known before the next promise. Certificates are read each time: they may have been renewed.
 *
 * @throws {CertificateProblem}
 */
export async function prepareSocket(options: Options): Promise<(onread: OnRead) => Socket> {
  const { host, port, tls } = options.host;
  if (!tls) return (onread) => connect({ host, port, lookup: lookupForSocket, onread });
  const [{ connect: connectTls }, secureContext] = await Promise.all([import("node:tls"), readCertificates(options)]);
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return (onread) => {
    // As for other sockets, though the types of Node don't say so.
    const connection: ConnectionOptions & { readonly onread: OnRead } = {
      host,
      port,
      lookup: lookupForSocket,
      onread,
      ...servername,
      secureContext,
      rejectUnauthorized: !options.insecure,
    };
    return connectTls(connection);
  };
}

/** A file that is not what its option needs. */
export class CertificateProblem extends Error {
  constructor(
    readonly option: "ca" | "cert" | "key",
    problem: string,
  ) {
    super(problem);
  }
}

/** @throws {CertificateProblem} */
export async function readCertificates({ ca, cert, key }: Options): Promise<SecureContext> {
  const { createSecureContext } = await import("node:tls");
  const files = { ca: await read("ca", ca), cert: await read("cert", cert), key: await read("key", key) };
  if (files.ca !== undefined && !files.ca.includes("-----BEGIN")) {
    throw new CertificateProblem("ca", "is not a file of certificates in PEM form");
  }
  for (const option of ["ca", "cert"] as const) attempt(option, () => createSecureContext({ [option]: files[option] }));
  return attempt("key", () => createSecureContext(files));
}

async function read(option: "ca" | "cert" | "key", file: string | undefined): Promise<Buffer | undefined> {
  try {
    if (file === undefined) return undefined;
    requireRegular(file);
    return await readFile(file);
  } catch (error) {
    throw new CertificateProblem(option, `can't be read: ${(error as Error).message}`);
  }
}

function attempt<T>(option: "ca" | "cert" | "key", work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new CertificateProblem(option, `can't be used: ${(error as Error).message}`);
  }
}
