import { messageOf } from "../../errors.js";

/** The system's name for an error, as `ENETUNREACH`; undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** As short as possible. */
export function briefly(error: unknown): string {
  return codeOf(error) ?? messageOf(error);
}
