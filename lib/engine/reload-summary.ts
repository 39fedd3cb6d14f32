/** What `Router.reload()` changed. */
export interface ReloadSummary {
  /** Python modules that were reloaded, as `instance.module`. */
  readonly modules: readonly string[];
  /** Instances that were started. A replaced instance is in both lists. */
  readonly added: readonly string[];
  /** Instances that were stopped. */
  readonly removed: readonly string[];
}

/** For the log. */
export function describeReload({ modules, added, removed }: ReloadSummary): string {
  const parts = [
    ...modules.map((name) => `module ${name}`),
    ...added.map((name) => `${removed.includes(name) ? "replaced" : "new"} instance ${name}`),
    ...removed.filter((name) => !added.includes(name)).map((name) => `without instance ${name}`),
  ];
  return parts.length > 0 ? parts.join(", ") : "no module and no instance has changed";
}
