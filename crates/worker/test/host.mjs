// The Worker for the scenario runner, which is written in Rust: one line of JSON in, one line of JSON out.
//
//   {"vars": {"NAME": "text"}, "upstream": "127.0.0.1:1"}  ->  {"url": "http://127.0.0.1:2", "printed": "…"}
//   {}                                                     ->  {"printed": "…"}
//
// Each line ends the Worker before it and starts the next; `printed` is all that the one before it logged.

import { createInterface } from "node:readline";
import { start } from "./workerd.mjs";

let running;
for await (const line of createInterface({ input: process.stdin })) {
  let answer = {};
  try {
    await running?.stop();
    answer.printed = running?.logs.text() ?? "";
    running = undefined;
    const wanted = JSON.parse(line);
    if (wanted.upstream !== undefined) {
      running = await start(wanted);
      answer.url = running.url;
    }
  } catch (error) {
    answer.error = String(error?.stack ?? error);
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await running?.stop();
