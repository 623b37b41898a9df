// npm run dev: wrangler dev, with what wharf.jsonc holds as the Worker's variables.
// They reach wrangler in a file that only this user can read, never on a command line. Arguments go to wrangler.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { FOLDERS, locate, main, pieces, read, references, sections, variables } from "./config.mjs";
import { dotenv, harmless } from "./dotenv.mjs";

const WORKER = FOLDERS[0];
const VARIABLES = ".wrangler/dev.env";

/** The Worker's variables for a file. Without caller keys in it local callers need none, as with the native server. */
export function local({ uppers, lowers }, environment = process.env) {
  const opened = ["PROXY_API_KEY", "ALLOWED_PROXY_KEYS", "DEV", "OPEN"].some((name) => name in uppers);
  const named = references(lowers).filter((name) => environment[name]);
  const text = sections(lowers);
  return {
    ...(opened ? {} : { DEV: "true" }),
    ...variables(uppers, environment),
    ...Object.fromEntries(named.map((name) => [name, environment[name]])),
    ...cut(text),
  };
}

function cut(text) {
  return text === null ? {} : pieces(harmless(text));
}

/** Writes the file anew and names wrangler's arguments for it. */
export function prepare(file, folder = WORKER, environment = process.env) {
  const target = path.join(folder, VARIABLES);
  rmSync(target, { force: true });
  if (file === null) return [];
  const text = dotenv(local(read(file), environment));
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text, { mode: 0o600, flag: "wx" });
  // What is named with --env-file replaces wrangler's own choice; the last file wins.
  const own = existsSync(path.join(folder, ".dev.vars")) ? ["--env-file", ".dev.vars"] : [];
  return ["--env-file", VARIABLES, ...own];
}

function run(args) {
  const child = spawn("wrangler", ["dev", ...args], { cwd: WORKER, stdio: "inherit" });
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  // A terminal sends it to wrangler as well.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const file = locate();
    const args = prepare(file);
    if (file) console.log(`variables of ${path.relative(process.cwd(), file)}`);
    try {
      return await run([...args, ...process.argv.slice(2)]);
    } finally {
      rmSync(path.join(WORKER, VARIABLES), { force: true });
    }
  });
}
