/** Checks the log of mmpy, one JSON object per line: counts expected messages, and collects unexpected ones. */

interface Line {
  readonly msg: string;
  readonly repeated?: number;
}

const ROUTES = /^routing \d+ mappings between \d+ instances$/;

/** Messages that the show provokes on purpose. */
const EXPECTED: readonly RegExp[] = [
  /^Python \d+\.\d+\.\d+ from /,
  ROUTES,
  /^churn: (churn\.py:\d+: )?output\(\) on channel 'nowhere', which is not mapped anywhere/,
  /^SIGTERM: stopping$/,
  /^page: open http:/,
  /^midi: (client \d+ of ALSA's sequencer, |receives from |sends to )/,
  /^mqtt-(in|out): (connected to|no connection to .*ECONNREFUSED)/,
];
const RAISED = /raised[\s\S]*RuntimeError: on purpose, number \d+$/;
const RELOADED = /^reloaded: /;
const LEFT = /^churn: the socket managed by churn\.leave \(descriptor \d+\) was closed without midimonster\.manage/;

export class LogCheck {
  readonly unexpected: string[] = [];
  raised = 0;
  left = 0;
  reloads = 0;
  /** Whether events are routed. */
  routes = false;

  read(line: string): void {
    const parsed = parse(line);
    this.routes ||= parsed !== undefined && ROUTES.test(parsed.msg);
    if (parsed === undefined) this.unexpected.push(line);
    else if (RAISED.test(parsed.msg)) this.raised += parsed.repeated ?? 1;
    else if (LEFT.test(parsed.msg)) ++this.left;
    else if (RELOADED.test(parsed.msg)) ++this.reloads;
    else if (!EXPECTED.some((expected) => expected.test(parsed.msg))) this.unexpected.push(parsed.msg);
  }
}

function parse(line: string): Line | undefined {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
}
