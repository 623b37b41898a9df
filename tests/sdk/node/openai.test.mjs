// OpenAI's own SDK for Node, chat completions and responses, over every format.
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { assert, bothWays, broken, everyFormat, form, png, question, results, retrySeconds, system, test, text, thought, tidePorts } from './play.mjs';

const Reading = z.object({ port: z.string(), metres: z.int() });
const picture = `data:image/png;base64,${png.toString('base64')}`;
const tooMany = (error) => error instanceof OpenAI.RateLimitError && error.headers.get('retry-after') === String(retrySeconds);
const connect = (at) => new OpenAI({ baseURL: at.url, apiKey: at.key, maxRetries: 0 });

everyFormat('openai chat', 'openai_chat', (at) => {
  const client = connect(at);
  const tools = [{ type: 'function', function: { name: 'tide', description: 'The next high tide', parameters: tidePorts } }];
  const user = { role: 'user', content: question };
  const ask = (streamed, scenario, wish) => {
    const body = { model: at.model(scenario), messages: [user], ...wish };
    return streamed ? client.chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion() : client.chat.completions[wish.response_format ? 'parse' : 'create'](body);
  };

  bothWays('text', async (streamed) => {
    const got = await ask(streamed, 'system', { messages: [{ role: 'system', content: system }, user] });
    assert.deepEqual([got.choices[0].message.content, got.usage.prompt_tokens, got.usage.completion_tokens], [text, 29, 17]);
  });

  for (const scenario of ['tool', 'tools']) {
    bothWays(`${scenario} over two turns`, async (streamed) => {
      const wish = { tools, reasoning_effort: 'low' };
      const { message } = (await ask(streamed, scenario, wish)).choices[0];
      const answers = message.tool_calls.map((call) => ({ role: 'tool', tool_call_id: call.id, content: results[JSON.parse(call.function.arguments).port] }));
      const got = await ask(streamed, scenario, { ...wish, messages: [user, message, ...answers] });
      assert.equal(got.choices[0].message.content, text);
    });
  }

  bothWays('an image', async (streamed) => {
    const content = [{ type: 'text', text: question }, { type: 'image_url', image_url: { url: picture } }];
    assert.equal((await ask(streamed, 'image', { messages: [{ role: 'user', content }] })).choices[0].message.content, text);
  });

  bothWays('structured output', async (streamed) => {
    const got = await ask(streamed, 'form', { response_format: zodResponseFormat(Reading, 'reading') });
    assert.deepEqual(got.choices[0].message.parsed, form);
  });

  bothWays('too many requests', (streamed) => assert.rejects(ask(streamed, 'limit', {}), tooMany));

  for (const scenario of broken) test(`a stream that ends ${scenario}`, () => assert.rejects(ask(true, scenario, {}), OpenAI.OpenAIError));
});

everyFormat('openai responses', 'openai_responses', (at) => {
  const client = connect(at);
  const tools = [{ type: 'function', name: 'tide', description: 'The next high tide', parameters: tidePorts, strict: false }];
  const thinking = { store: false, include: ['reasoning.encrypted_content'], reasoning: { effort: 'low', summary: 'auto' } };
  const ask = (streamed, scenario, wish) => {
    const body = { model: at.model(scenario), input: question, ...wish };
    return streamed ? client.responses.stream(body).finalResponse() : client.responses.parse(body);
  };
  // `output_text` is not there after a stream.
  const textOf = (got) => got.output.filter((item) => item.type === 'message').flatMap((item) => item.content).map((part) => part.text).join('');

  bothWays('text', async (streamed) => {
    const got = await ask(streamed, 'system', { instructions: system });
    assert.deepEqual([textOf(got), got.usage.input_tokens, got.usage.output_tokens], [text, 29, 17]);
  });

  bothWays('reasoning', async (streamed) => {
    const got = await ask(streamed, 'think', thinking);
    const item = got.output.find((one) => one.type === 'reasoning');
    assert.deepEqual([item.summary.map((part) => part.text).join(''), textOf(got)], [thought, text]);
  });

  for (const scenario of ['tool', 'tools']) {
    bothWays(`${scenario} over two turns`, async (streamed) => {
      const first = await ask(streamed, scenario, { tools, ...thinking });
      // What the SDK parsed is its own.
      const items = first.output.map(({ parsed_arguments, ...item }) => item);
      const answers = items.filter((item) => item.type === 'function_call')
        .map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: results[JSON.parse(call.arguments).port] }));
      const got = await ask(streamed, scenario, { tools, ...thinking, input: [{ role: 'user', content: question }, ...items, ...answers] });
      assert.equal(textOf(got), text);
    });
  }

  bothWays('an image', async (streamed) => {
    const content = [{ type: 'input_text', text: question }, { type: 'input_image', image_url: picture, detail: 'auto' }];
    assert.equal(textOf(await ask(streamed, 'image', { input: [{ role: 'user', content }] })), text);
  });

  bothWays('structured output', async (streamed) => {
    const got = await ask(streamed, 'form', { text: { format: zodTextFormat(Reading, 'reading') } });
    assert.deepEqual(got.output_parsed, form);
  });

  bothWays('too many requests', (streamed) => assert.rejects(ask(streamed, 'limit', {}), tooMany));

  for (const scenario of broken) {
    test(`a stream that ends ${scenario}`, async () => {
      const seen = [];
      try {
        for await (const event of await client.responses.create({ model: at.model(scenario), input: question, stream: true })) seen.push(event.type);
      } catch (error) {
        seen.push(error instanceof Error ? 'thrown' : 'odd');
      }
      assert.ok(['thrown', 'error', 'response.failed'].includes(seen.at(-1)), seen.join(' '));
      assert.ok(!seen.includes('response.completed'));
    });
  }
});
