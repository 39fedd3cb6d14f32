/** A program beside an idle router, which counts how often that wakes up. */

interface Idle {
  /** In s; in the first ten or so V8 collects garbage, however idle the program is. */
  readonly settling: number;
  /** In s. */
  readonly seconds: number;
  /** Of which threads: the router's main thread, or all of it and of its children. */
  readonly of: "loop" | "all";
}

/** Its arguments: the router's process id. Prints `wakings`, per second. */
export function idleClient({ settling, seconds, of }: Idle): string {
  return `
import glob, json, subprocess, sys, time
def wakings(file):
    with open(file) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("voluntary"))
def of_loop(): return wakings("/proc/%s/status" % sys.argv[1])
def of_all():
    children = subprocess.run(["pgrep", "-P", sys.argv[1]], capture_output=True, text=True).stdout.split()
    return sum(wakings(file) for pid in [sys.argv[1], *children] for file in glob.glob("/proc/%s/task/*/status" % pid))
time.sleep(${settling})
for _ in range(10):
    before = of_loop()
    time.sleep(3)
    if of_loop() == before: break
before = of_${of}()
time.sleep(${seconds})
print(json.dumps({"wakings": (of_${of}() - before) / ${seconds}}), flush=True)
`;
}
