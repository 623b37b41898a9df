// What the tests share: where each dialect is asked over each format, and what the played providers say.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

const wharf = JSON.parse(process.env.WHARF_SDK_PLAY);

export const { text, thought, question, system, form, results, retrySeconds } = wharf.script;
export const png = Buffer.from(wharf.script.png, 'base64');
export const tidePorts = { type: 'object', properties: { port: { type: 'string' }, when: { type: 'array', items: {} } }, required: ['port'] };
// What ends a stream in the midst, by the scenario's name.
// Without a gateway nobody tells an answer that merely stops from a whole one.
export const broken = wharf.direct ? ['late', 'cut'] : ['late', 'cut', 'short'];

// One group of tests for each format. `own`: the dialect's, all that can be asked without a gateway.
export function everyFormat(name, own, body) {
  for (const [format, at] of Object.entries(wharf.formats)) {
    if (wharf.direct && format !== own) continue;
    const place = { format, key: at.key, url: at.urls[own], model: (scenario) => `${at.model}--${scenario}` };
    describe(`${name} over ${format}`, { concurrency: 4 }, () => body(place));
  }
}

export const bothWays = (name, run) => {
  test(`${name}, plain`, () => run(false));
  test(`${name}, streamed`, () => run(true));
};

export { assert, test };
