import type { SentLayout as Layout } from "../../../backends/web/wire.js";
import { byId } from "../shared/dom.js";
import { keepToken, Link, type LinkState, type ServerMessage, takeToken } from "../shared/link.js";
import { PageView } from "./page.js";
import { Store } from "./store.js";

takeToken();

let role = "view";
let locked = false;
let connected = false;
/** A layout that has come while fingers are on the page: it waits until they are gone. */
let waiting: Layout | undefined;

const link = new Link("ws", { message, state });
const store: Store = new Store(link, (id) => {
  page.changed(id);
  settle();
});
const page = new PageView(store);

function message(from: ServerMessage): void {
  switch (from.type) {
    case "hello":
      role = String(from.role);
      store.begin();
      waiting = undefined;
      page.build(from as unknown as Layout);
      enable();
      break;
    case "layout":
      waiting = from as unknown as Layout;
      settle();
      break;
    case "state":
      store.state(Number(from.rev), from.v as number[]);
      break;
    case "values":
      store.receive(Number(from.rev), from.v as number[]);
      break;
    case "ack":
      store.acknowledge(Number(from.seq), Number(from.rev));
      break;
    case "held":
      store.hold(Number(from.id), Number(from.count));
      break;
    case "error":
      if (typeof from.seq === "number") store.refuse(from.seq);
      break;
  }
}

function settle(): void {
  if (waiting === undefined || store.isTouched) return;
  const next = waiting;
  waiting = undefined;
  page.build(next);
}

const TEXTS: Readonly<Record<LinkState, string>> = {
  connecting: "Connecting …",
  open: "",
  lost: "No connection: controls are off. Trying again …",
  denied: "This page needs a token.",
  ended: "The connection has ended",
};

function state(next: LinkState, reason: string): void {
  const was = connected;
  connected = next === "open";
  if (was && !connected) store.begin();
  enable();
  const banner = byId("banner");
  // While it connects again, what is shown already says it.
  if (next !== "connecting" || byId("banner-text").textContent === "") {
    byId("banner-text").textContent = [TEXTS[next], reason]
      .filter((text) => text !== "")
      .join(next === "ended" ? ": " : " ");
  }
  banner.hidden = connected;
  byId("token-entry").hidden = next !== "denied";
  byId("connect").hidden = next !== "ended" && next !== "denied";
}

function enable(): void {
  store.enabled = connected && role === "control" && !locked;
  document.body.classList.toggle("off", !store.enabled);
  document.body.classList.toggle("lost", !connected);
  byId("role").hidden = !connected || role === "control";
  byId("lock").hidden = role !== "control";
  for (const control of byId("pages").querySelectorAll("[role=slider], button")) {
    if (store.enabled) control.removeAttribute("aria-disabled");
    else control.setAttribute("aria-disabled", "true");
  }
}

byId("lock").addEventListener("click", () => {
  locked = !locked;
  byId("lock").setAttribute("aria-pressed", String(locked));
  enable();
});

function connect(): void {
  const field = byId("token") as HTMLInputElement;
  const entered = field.value.trim().replace(/^.*#token=/, "");
  if (entered !== "") keepToken(entered);
  field.value = "";
  link.open();
}
byId("connect").addEventListener("click", connect);
byId("token").addEventListener("keydown", ({ key }) => {
  if (key === "Enter") connect();
});

link.open();
