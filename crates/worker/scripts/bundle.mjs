// bundle.mjs OUT: writes the module that carries the configuration's lower-case sections inside the Worker.
// Upper-case members are secrets and are never bundled.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { locate, main, read, sections } from "./config.mjs";

/** The module's text. */
export function module(file) {
  const text = file === null ? null : sections(read(file).lowers);
  const from = text === null ? "no configuration is bundled" : `the sections of ${path.basename(file)}`;
  return `// Written by scripts/worker-build: ${from}.\nexport default ${JSON.stringify(text)};\n`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(() => {
    const [out] = process.argv.slice(2);
    const text = module(locate());
    // A file that is written anew wakes whoever watches it.
    if (!existsSync(out) || readFileSync(out, "utf8") !== text) writeFileSync(out, text);
  });
}
