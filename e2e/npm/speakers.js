// Each official client's way to have one turn of a conversation, in words that
// are the same for all.
//
// speak(turn, streamed, seen, signal) sends { model, prompt, tools, before,
// result } and returns { text, tools, finish, input, output, native }.
// failure(error) takes a client's own error apart, null where it is none.
import Anthropic from '@anthropic-ai/sdk';
import { ApiError, GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

import { bases, fetches, key } from './transport.js';

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city'],
};

const openai = (version) =>
  new OpenAI({ baseURL: `${bases[version]}/v1`, apiKey: key, fetch: fetches[version], maxRetries: 0 });

const openaiFailure = (error) =>
  error instanceof OpenAI.APIError ? { status: error.status, kind: error.type, message: error.message } : null;

const chat = {
  name: 'chat', model: 'gpt-5', limited: 'gpt-limited', finishes: ['stop', 'tool_calls'],
  kinds: { 400: 'invalid_request_error', 404: 'invalid_request_error' },
  connect: openai,
  failure: openaiFailure,
  async speak(client, turn, streamed, seen, signal) {
    const messages = [{ role: 'user', content: turn.prompt }];
    if (turn.before) {
      messages.push(turn.before.native, { role: 'tool', tool_call_id: turn.before.tools[0].id, content: turn.result });
    }
    const body = { model: turn.model, messages };
    if (turn.tools) body.tools = [{ type: 'function', function: { name: 'weather', parameters } }];
    if (!streamed) return chatSaid(await client.chat.completions.create(body, { signal }));
    const stream = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } }, { signal });
    stream.on('content', (piece) => seen(piece));
    return chatSaid(await stream.finalChatCompletion());
  },
};

const chatSaid = (answer) => ({
  text: answer.choices[0].message.content ?? '',
  tools: (answer.choices[0].message.tool_calls ?? []).map((call) => ({
    id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments),
  })),
  finish: answer.choices[0].finish_reason,
  input: answer.usage?.prompt_tokens,
  output: answer.usage?.completion_tokens,
  native: answer.choices[0].message,
});

const responses = {
  name: 'responses', model: 'gpt-5', limited: 'gpt-limited', finishes: ['completed', 'completed'],
  kinds: chat.kinds,
  connect: openai,
  failure: openaiFailure,
  async speak(client, turn, streamed, seen, signal) {
    const input = [{ role: 'user', content: turn.prompt }];
    if (turn.before) {
      input.push(...turn.before.native, { type: 'function_call_output', call_id: turn.before.tools[0].id, output: turn.result });
    }
    const body = { model: turn.model, input };
    if (turn.tools) body.tools = [{ type: 'function', name: 'weather', parameters, strict: false }];
    if (!streamed) return responsesSaid(await client.responses.create(body, { signal }));
    let whole;
    for await (const event of await client.responses.create({ ...body, stream: true }, { signal })) {
      if (event.type === 'response.output_text.delta') seen(event.delta);
      if (event.type === 'response.completed') whole = responsesSaid(event.response);
      if (event.type === 'error') throw new Error(event.message);
    }
    return whole;
  },
};

const responsesSaid = (answer) => ({
  text: answer.output.flatMap((item) => item.content ?? []).map((part) => part.text).join(''),
  tools: answer.output.filter((item) => item.type === 'function_call').map((call) => ({
    id: call.call_id, name: call.name, arguments: JSON.parse(call.arguments),
  })),
  finish: answer.status,
  input: answer.usage.input_tokens,
  output: answer.usage.output_tokens,
  native: answer.output,
});

const messages = {
  name: 'messages', model: 'claude-sonnet-4-5', limited: 'claude-limited', finishes: ['end_turn', 'tool_use'],
  kinds: { 400: 'invalid_request_error', 404: 'not_found_error', 429: 'rate_limit_error' },
  connect: (version) => new Anthropic({ baseURL: bases[version], apiKey: key, fetch: fetches[version], maxRetries: 0 }),
  failure: (error) =>
    error instanceof Anthropic.APIError ? { status: error.status, kind: error.error?.error?.type, message: error.message } : null,
  async speak(client, turn, streamed, seen, signal) {
    const list = [{ role: 'user', content: turn.prompt }];
    if (turn.before) {
      const result = { type: 'tool_result', tool_use_id: turn.before.tools[0].id, content: turn.result };
      list.push({ role: 'assistant', content: turn.before.native }, { role: 'user', content: [result] });
    }
    const body = { model: turn.model, max_tokens: 1024, messages: list };
    if (turn.tools) body.tools = [{ name: 'weather', input_schema: parameters }];
    if (!streamed) return messagesSaid(await client.messages.create(body, { signal }));
    const stream = client.messages.stream(body, { signal });
    stream.on('text', (piece) => seen(piece));
    return messagesSaid(await stream.finalMessage());
  },
};

const messagesSaid = (answer) => ({
  text: answer.content.filter((block) => block.type === 'text').map((block) => block.text).join(''),
  tools: answer.content.filter((block) => block.type === 'tool_use').map((call) => ({
    id: call.id, name: call.name, arguments: call.input,
  })),
  finish: answer.stop_reason,
  input: answer.usage.input_tokens,
  output: answer.usage.output_tokens,
  native: answer.content,
});

const gemini = {
  name: 'gemini', model: 'gemini-2.5-flash', limited: 'gemini-limited', finishes: ['STOP', 'STOP'],
  kinds: { 400: 'INVALID_ARGUMENT', 404: 'NOT_FOUND', 429: 'RESOURCE_EXHAUSTED' },
  // The client has no option for a fetch of its own: it takes the global one.
  connect(version) {
    globalThis.fetch = fetches[version];
    return new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: bases[version] } });
  },
  failure(error) {
    if (!(error instanceof ApiError)) return null;
    const told = /"status":\s*"([A-Z_]+)"/.exec(error.message);
    return { status: error.status, kind: told?.[1], message: error.message };
  },
  async speak(client, turn, streamed, seen, signal) {
    const contents = [{ role: 'user', parts: [{ text: turn.prompt }] }];
    if (turn.before) {
      const response = { name: 'weather', response: { output: turn.result } };
      contents.push({ role: 'model', parts: turn.before.native }, { role: 'user', parts: [{ functionResponse: response }] });
    }
    const config = { abortSignal: signal };
    if (turn.tools) config.tools = [{ functionDeclarations: [{ name: 'weather', parameters }] }];
    const whole = { text: '', tools: [], native: [] };
    if (!streamed) {
      geminiSaid(whole, await client.models.generateContent({ model: turn.model, contents, config }));
      return whole;
    }
    for await (const chunk of await client.models.generateContentStream({ model: turn.model, contents, config })) {
      const before = whole.text.length;
      geminiSaid(whole, chunk);
      if (whole.text.length > before) seen(whole.text.slice(before));
    }
    return whole;
  },
};

const geminiSaid = (whole, answer) => {
  whole.input = answer.usageMetadata?.promptTokenCount;
  whole.output = answer.usageMetadata?.candidatesTokenCount;
  whole.finish = answer.candidates?.[0]?.finishReason;
  for (const part of answer.candidates?.[0]?.content?.parts ?? []) {
    whole.text += part.text ?? '';
    if (part.functionCall) {
      whole.tools.push({ id: part.functionCall.id, name: part.functionCall.name, arguments: part.functionCall.args });
      whole.native.push(part);
    }
  }
};

export const speakers = [chat, responses, messages, gemini];
