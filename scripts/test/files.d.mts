export const folder: string;
export const LONG: Readonly<Record<string, string>>;
export function filesOf(set: "usual" | "long" | "core" | "processes" | "python"): string[];
