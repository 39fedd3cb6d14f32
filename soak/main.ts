import { values } from "./arguments.js";

await import(values.kills ? "./kills/main.js" : "./mixed.js");
