/** This machine's C library, such as `glibc 2.36`. */
export function libc(): string {
  if (process.platform !== "linux") return "the system's libc";
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime === undefined ? "musl" : `glibc ${header.glibcVersionRuntime}`;
}
