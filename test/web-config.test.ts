// Configurations of pages: what is accepted, what is warned of, and what is an error, each at its place.
import assert from "node:assert/strict";
import { layoutOf } from "../lib/backends/web/layout.js";
import { type Line, lines as patterns } from "../lib/backends/web/lines.js";
import { DeskBackend, Rig } from "./desk-backend.js";

/** Errors and warnings, for a configuration that begins with `[web x]`. */
async function findings(config: string): Promise<string[]> {
  const rig = new Rig(`[web x]\n${config}`, [new DeskBackend().declaration()]);
  const errors = await rig.errors(rig.router.load());
  const warnings = rig.log.entries.filter(({ level }) => level === "warn");
  return [...errors, ...warnings.map(({ message }) => message.replaceAll(`${rig.folder}/`, ""))];
}

/** The first lines of the same. */
async function check(config: string): Promise<string[]> {
  return (await findings(config)).map((text) => text.split("\n", 1)[0] ?? "");
}

const MAPPED = "[loopback l]\n[map]\nx.{a,b.x,b.y,c1,c2} > l.{a,b.x,b.y,c1,c2}";

describe("a configuration of a page", () => {
  const rows: [what: string, text: string, finding?: string][] = [
    ["all kinds", "fader = a\nknob = a\nbutton = a\ntoggle = a\nxy = b\nmeter = a\ntext = a"],
    [
      "all properties of a fader",
      "fader = a\nlabel = x\ncolour = #FFF\nmin = -60\nmax = 0\nunit = dB\ndecimals = 0\nwidth = 2\nhorizontal = on\nresponse = jump\nsteps = 5\nspring = on\ndefault = 0.5",
    ],
    ["a label for each of several", "fader = c{1..2}\nlabel = Dim {1..2}"],
    ["one label for several", "fader = c{1..2}\nlabel = Dim"],
    ["pages and groups", "page = A\ngroup = B\nfader = a\npage = C"],
    ["lists of hosts and origins", "hosts = a.example, b\norigins = https://a.example http://b:8080"],
    ["a kind misspelt", "feder = a", "2:1: error: an instance of 'web' has no option 'feder'"],
    ["a colour misspelt", "fader = a\ncolour = ambr", "3:10: error: 'colour' is not a colour: 'ambr'"],
    ["a colour with five digits", "fader = a\ncolour = #12345", "3:10: error: 'colour' is not a colour: '#12345'"],
    ["a property before all widgets", "label = a", "2:1: error: 'label' has to follow the line of a widget"],
    [
      "a property after a group",
      "fader = a\ngroup = B\nlabel = a",
      "4:1: error: 'label' has to follow the line of a widget",
    ],
    ["a property of another kind", "fader = a\nhold = 5", "3:1: error: a fader has no 'hold'"],
    ["the same of the second button", "button = a\nhold = 5\nmeter = a\nhold = 5", "5:1: error: a meter has no 'hold'"],
    ["a property twice", "fader = a\nlabel = x\nlabel = y", "4:1: error: 'label' is given twice for this fader"],
    ["a property of each of two", "fader = a\nlabel = x\nfader = c1\nlabel = y"],
    ["two labels for three", "fader = c{1..2}\nlabel = D {1..3}", "3:9: error: the label has 3 texts for 2 widgets"],
    ["no range of numbers", "fader = a\nmin = 1", "3:7: error: 'min' and 'max' are the same"],
    ["a brace that is open", "fader = c{1..2", "2:10: error: 'fader' can't be read: '{' without a matching '}'"],
    ["too many widgets", "fader = c{1..2001}", "2:9: error: a page can have 2000 widgets; with this line it has 2001"],
    ["a step", "fader = a\nsteps = 1", "3:9: error: 'steps' is 2 to 1000, not 1"],
    ["a time too short", "release = 1s", "2:11: error: 'release' is a time from 3s to 60s, not '1s'"],
    [
      "an origin with a path",
      "origins = http://ok https://a/b",
      "2:21: error: 'origins' is an origin such as https://lights.example, without a path, not 'https://a/b'",
    ],
    [
      "all origins",
      "origins = *",
      "2:11: error: 'origins' is an origin such as https://lights.example, without a path, not '*'",
    ],
    ["a host that is a URL", "hosts = http://a", "2:9: error: 'hosts' is a list of names of machines, not 'http://a'"],
    ["two binds", "bind = :: 8000\nbind = * 8000", "3:1: error: 'bind' can be given only once"],
  ];
  for (const [what, text, finding] of rows) {
    it(`with ${what} is ${finding === undefined ? "accepted" : "told so"}`, async () => {
      assert.deepEqual(await check(`${text}\n${MAPPED}`), finding === undefined ? [] : [`monster.cfg:${finding}`]);
    });
  }

  it("is warned of widgets that no mapping uses, at their lines", async () => {
    const found = await check(`fader = a\nfader = d{1..3}\nxy = b\nxy = e\n${MAPPED}`);
    assert.deepEqual(found, [
      "monster.cfg:3:9: warning: no mapping uses 'x.d1', and 2 more of this line",
      "monster.cfg:5:6: warning: no mapping uses 'x.e.x', and 1 more of this line",
    ]);
  });

  it("is asked whether a channel that only a mapping names is a widget's, misspelt", async () => {
    const [found = ""] = await findings("fader = dim{1..2}\n[loopback l]\n[map]\nx.{dmi1,dim2} > l.{a,b}");
    assert.match(found, /no mapping uses 'x\.dim1'\n(.*\n)*.*= a mapping uses 'x\.dmi1': is it misspelt\?$/);
  });

  it("is shown all options where one is like no other", async () => {
    const [found = ""] = await findings(`slider = a\n${MAPPED}`);
    assert.match(found, /available options: bind, .*fader, knob, .*, hold$/);
  });

  it("becomes pages with groups of widgets, in the order of its lines", () => {
    const text =
      "fader = a\npage = P\nbutton = b\ngroup = G\nxy = c{1,2}\nlabel = C {x,y}\nwidth = 3\ngroup = H\npage = Q";
    const read = text.split("\n").map((line) => {
      const [name = "", value = ""] = line.split(" = ");
      const form = patterns.find((pattern) => pattern.form === name);
      const parsed = form?.parse(name, value, "/");
      assert.ok(parsed !== undefined && parsed.problem === undefined);
      return { name, form: name, value: parsed.value as Line };
    });
    assert.deepEqual(layoutOf({ patterns: read }), [
      { groups: [{ widgets: [{ kind: "fader", channels: ["a"], label: "a" }] }] },
      {
        title: "P",
        groups: [
          { widgets: [{ kind: "button", channels: ["b"], label: "b" }] },
          {
            title: "G",
            widgets: [
              { kind: "xy", channels: ["c1.x", "c1.y"], label: "C x", width: 3 },
              { kind: "xy", channels: ["c2.x", "c2.y"], label: "C y", width: 3 },
            ],
          },
          { title: "H", widgets: [] },
        ],
      },
      { title: "Q", groups: [] },
    ]);
  });
});
