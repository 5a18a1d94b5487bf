// The official npm clients against a gateway whose upstreams answer by what a
// prompt says; the Go tests start both and say where they are.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { speakers } from './speakers.js';
import { bases, close } from './transport.js';

// What the upstreams' rules know, handed over by the Go tests.
const say = JSON.parse(process.env.E2E_PROMPTS);

after(close);

for (const version of Object.keys(bases)) {
  for (const speaker of speakers) {
    for (const streamed of [false, true]) {
      const name = `npm ${speaker.name} ${version} streamed=${streamed}`;
      const limits = { timeout: 20_000 };
      const speak = (turn, seen = () => {}, signal) => speaker.speak(speaker.connect(version), turn, streamed, seen, signal);

      test(`${name}: text`, limits, async () => {
        const pieces = [];
        const got = await speak({ model: speaker.model, prompt: say.hello }, (piece) => pieces.push(piece));
        assert.equal(got.text, say.helloText);
        assert.equal(got.finish, speaker.finishes[0]);
        assert.deepEqual([got.input, got.output], [123, 45]);
        if (streamed) {
          assert.equal(pieces.length, 5);
          assert.equal(pieces.join(''), say.helloText);
        }
      });

      test(`${name}: tools`, limits, async () => {
        const turn = { model: speaker.model, prompt: say.tool, tools: true };
        const called = await speak(turn);
        assert.equal(called.tools.length, 1);
        assert.equal(called.tools[0].name, 'weather');
        assert.deepEqual(called.tools[0].arguments, { city: 'Köln', days: 2 });
        assert.equal(called.finish, speaker.finishes[1]);
        const got = await speak({ ...turn, before: called, result: say.result });
        assert.equal(got.text, 'Take an umbrella.');
      });

      for (const [status, turn] of [
        [400, { model: speaker.model, prompt: say.fail400 }],
        [404, { model: speaker.model, prompt: say.fail404 }],
        [404, { model: 'no-such-model', prompt: say.hello }],
        [429, { model: speaker.limited, prompt: say.hello }],
      ]) {
        test(`${name}: error ${status} of ${turn.model}`, limits, async () => {
          const error = await speak(turn).then(() => assert.fail('no error'), (e) => e);
          const told = speaker.failure(error);
          assert.ok(told, `${error} is none of the client's own errors`);
          assert.equal(told.status, status);
          if (speaker.kinds[status]) assert.equal(told.kind, speaker.kinds[status]);
          if (status === 400) assert.match(told.message, /the upstream's own words/);
        });
      }

      test(`${name}: cancel`, limits, async () => {
        const leave = new AbortController();
        const prompt = `${streamed ? say.stall : say.dawdle}. ${name}`;
        const abort = () => {
          if (leave.signal.aborted) return;
          // The Go tests compare this with when the upstream saw it.
          appendFileSync(process.env.E2E_LEFT, `${JSON.stringify({ name, vendor: speaker.name, at: Date.now() })}\n`);
          leave.abort();
        };
        if (!streamed) setTimeout(abort, 300);
        const outcome = await speak({ model: speaker.model, prompt }, abort, leave.signal).then(() => 'ended', (e) => e);
        assert.ok(leave.signal.aborted);
        assert.notEqual(outcome, streamed ? undefined : 'ended');
      });

      if (streamed) {
        test(`${name}: a broken stream is an error`, limits, async () => {
          let seen = '';
          const error = await speak({ model: speaker.model, prompt: say.breakOff }, (piece) => { seen += piece; })
            .then(() => assert.fail('a broken stream ended well'), (e) => e);
          assert.notEqual(error.code, 'ERR_ASSERTION', `after ${seen}: ${error}`);
          assert.equal(seen, 'some w');
        });
      }
    }
  }
}
