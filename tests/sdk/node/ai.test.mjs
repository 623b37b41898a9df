// Vercel's AI SDK: its four providers that speak our dialects, over every format.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { assert, bothWays, broken, everyFormat, form, png, question, results, system, test, text, thought, tidePorts } from './play.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;

const tide = tool({ description: 'The next high tide', inputSchema: jsonSchema(tidePorts), execute: async ({ port }) => results[port] });

// `stateless`: the provider's package drops what the model wants back.
const dialects = [
  {
    name: 'openai chat', own: 'openai_chat', stateless: true,
    make: (at) => { const openai = createOpenAI({ baseURL: at.url, apiKey: at.key }); return (id) => openai.chat(id); },
    always: { openai: { forceReasoning: true } },
    thinking: { openai: { reasoningEffort: 'low', forceReasoning: true } }, showsThoughts: false,
  },
  {
    name: 'openai responses', own: 'openai_responses',
    make: (at) => { const openai = createOpenAI({ baseURL: at.url, apiKey: at.key }); return (id) => openai.responses(id); },
    always: { openai: { store: false } },
    thinking: { openai: { store: false, include: ['reasoning.encrypted_content'], reasoningEffort: 'low', reasoningSummary: 'auto', forceReasoning: true } },
  },
  {
    name: 'anthropic', own: 'anthropic_messages',
    make: (at) => createAnthropic({ baseURL: at.url, apiKey: at.key }),
    thinking: { anthropic: { thinking: { type: 'enabled', budgetTokens: 2048 } } },
  },
  {
    name: 'google', own: 'gemini_generate',
    make: (at) => { const google = createGoogleGenerativeAI({ baseURL: at.url, apiKey: at.key }); return (id) => google(`models/${id}`); },
    thinking: { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } },
  },
];

// A generation, and the errors that its stream told of.
async function ask(streamed, wish) {
  wish = { maxRetries: 0, prompt: wish.messages ? undefined : question, ...wish };
  if (!streamed) return { errors: [], ...(await settle(await generateText(wish))) };
  const errors = [];
  const stream = streamText({ ...wish, onError: ({ error }) => errors.push(error) });
  for await (const part of stream.fullStream) if (part.type === 'error' && !errors.includes(part.error)) errors.push(part.error);
  if (errors.length) throw errors[0];
  return { errors, ...(await settle(stream)) };
}

async function settle(got) {
  let output;
  // Asking for it throws where there is none.
  try { output = await got.output; } catch { output = undefined; }
  return { text: await got.text, thought: await got.reasoningText, finish: await got.finishReason, usage: await got.usage, steps: await got.steps, output };
}

for (const dialect of dialects) {
  everyFormat(dialect.name, dialect.own, (at) => {
    const model = dialect.make(at);
    const plain = { providerOptions: dialect.always };
    const thinking = { providerOptions: dialect.thinking, maxOutputTokens: 4096 };

    bothWays('text', async (streamed) => {
      const got = await ask(streamed, { model: model(at.model('system')), system, ...plain });
      assert.deepEqual([got.text, got.finish], [text, 'stop']);
      assert.deepEqual([got.usage.inputTokens, got.usage.outputTokens], [29, 17]);
    });

    bothWays('a limit', async (streamed) => {
      const got = await ask(streamed, { model: model(at.model('length')), maxOutputTokens: 64, ...plain });
      assert.equal(got.finish, 'length');
    });

    bothWays('reasoning', async (streamed) => {
      const got = await ask(streamed, { model: model(at.model('think')), ...thinking });
      assert.equal(got.text, text);
      if (dialect.showsThoughts !== false) assert.equal(got.thought, thought);
    });

    for (const scenario of ['tool', 'tools']) {
      bothWays(`${scenario} over two turns`, async (streamed) => {
        const name = dialect.stateless ? `${scenario}.stateless` : scenario;
        const got = await ask(streamed, { model: model(at.model(name)), tools: { tide }, stopWhen: stepCountIs(3), ...thinking });
        assert.deepEqual([got.text, got.steps.length, got.steps[0].finishReason], [text, 2, 'tool-calls']);
        assert.equal(new Set(got.steps[0].toolCalls.map((call) => call.toolCallId)).size, scenario === 'tools' ? 2 : 1);
      });
    }

    bothWays('calls in a loop', async (streamed) => {
      const name = dialect.stateless ? 'loop.stateless' : 'loop';
      const got = await ask(streamed, { model: model(at.model(name)), tools: { tide }, stopWhen: stepCountIs(5), ...thinking });
      assert.deepEqual([got.text, got.steps.length], [text, 3]);
    });

    bothWays('a forced call', async (streamed) => {
      const quay = tool({ inputSchema: jsonSchema({ type: 'object', properties: {} }) });
      const got = await ask(streamed, { model: model(at.model('forced')), tools: { tide, quay }, toolChoice: { type: 'tool', toolName: 'tide' }, ...plain });
      assert.deepEqual(got.steps[0].toolCalls.map((call) => call.toolName), ['tide']);
    });

    bothWays('an image', async (streamed) => {
      const content = [{ type: 'text', text: question }, { type: 'image', image: png, mediaType: 'image/png' }];
      const got = await ask(streamed, { model: model(at.model('image')), messages: [{ role: 'user', content }], ...plain });
      assert.equal(got.text, text);
    });

    bothWays('structured output', async (streamed) => {
      const schema = z.object({ port: z.string(), metres: z.int() });
      const got = await ask(streamed, { model: model(at.model('form')), output: Output.object({ schema }), ...plain });
      assert.deepEqual(got.output, form);
    });

    bothWays('too many requests', async (streamed) => {
      await assert.rejects(ask(streamed, { model: model(at.model('limit')), ...plain }), (error) => {
        assert.ok(APICallError.isInstance(error), String(error));
        assert.deepEqual([error.statusCode, error.isRetryable], [429, true]);
        return true;
      });
    });

    for (const scenario of broken) {
      test(`a stream that ends ${scenario}`, async () => {
        await assert.rejects(async () => {
          const got = await ask(true, { model: model(at.model(scenario)), ...plain });
          assert.notEqual(got.finish, 'stop', 'a clean end');
          if (got.finish !== 'length') throw new Error(`the end is ${got.finish}`);
        }, (error) => error.code !== 'ERR_ASSERTION');
      });
    }
  });
}
