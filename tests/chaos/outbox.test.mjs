// The outbox, while hob and its engine are killed at random moments: each message is answered, in the store exactly once.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Hob, until } from '../lib/hob.mjs';
import { random } from '../lib/random.mjs';

const ROUNDS = Number(process.env.CHAOS_OUTBOX_ROUNDS ?? 30);
const SEED = Number(process.env.CHAOS_SEED ?? Date.now() % 1000000);
const ENGINE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test(`hob or its engine ended ${ROUNDS} times while the outbox is answered (seed ${SEED}): each message once, none is lost`, async (t) => {
  const next = random(SEED);
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const notes = join(dir, 'notes');
  let hob = await Hob.start({ dir });
  const res = await hob.post('/api/servers', {
    name: 'fake',
    kind: 'command',
    command: [process.execPath, ENGINE, '${PORT}']
  });
  const { server } = await res.json();
  /** word: message; acknowledged with 202 */
  const sent = new Map();
  /** word: how often it had been asked for when its first words were found in the store */
  const begun = new Map();
  const requests = async () => {
    const text = await readFile(notes, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => ({ engine: line.split(' ')[0], word: line.split(' ')[1] }));
  };
  const answerOf = async ({ conversation_id }) => {
    const { messages } = await hob.get(`/api/conversations/${conversation_id}`);
    assert.deepEqual(
      messages.map((m) => m.role),
      ['user', 'assistant']
    );
    return messages[1];
  };
  let n = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = Math.floor(next() * 4); i >= 0; i--) {
      const word = `w${++n}`;
      const body = hob.message(server.id, `note ${notes} ${word}`, { mode: 'when_ready', id: randomUUID() });
      const accepted = await hob.post('/api/chat/completions', body);
      assert.equal(accepted.status, 202);
      sent.set(word, body);
    }
    // while the engine starts, or while it answers
    if (next() < 0.7) await hob.startServer(server.id);
    await sleep(next() * 150);
    const fate = next();
    if (fate < 0.2) {
      const { engine } = (await hob.get(`/api/servers/${server.id}`)).server;
      if (engine.pid) process.kill(engine.pid, 'SIGKILL');
      continue;
    }
    await (fate < 0.4 ? hob.terminate() : hob.kill());
    await hob.run();
    for (const [word, body] of sent) {
      if (begun.has(word) || !(await answerOf(body)).content) continue;
      begun.set(word, (await requests()).filter((r) => r.word === word).length);
    }
  }
  // Again and again: that the last engine was killed while it started may not be known yet.
  await until(
    async () => {
      const { engine } = (await (await hob.post(`/api/servers/${server.id}/start`)).json()).server;
      return engine.state === 'ready';
    },
    'the engine is ready',
    { ms: 30000, every: 100 }
  );
  const counts = { done: 0, interrupted: 0 };
  for (const [word, body] of sent) {
    const answer = await until(
      async () => {
        const answer = await answerOf(body);
        return !['queued', 'connecting', 'streaming'].includes(answer.state) && answer;
      },
      `${word} is answered`,
      { ms: 60000, every: 100 }
    );
    const whole = `You said ${word}. Good bye.`;
    if (answer.state === 'done') assert.equal(answer.content, whole);
    else {
      // killed in mid-answer: its text is kept, and it is not begun again by itself
      assert.equal(answer.state, 'interrupted', word);
      assert.ok(answer.content.length > 0 && whole.startsWith(answer.content), answer.content);
    }
    counts[answer.state]++;
  }
  const lines = await requests();
  const asked = lines.map(({ word }) => word);
  const firsts = asked.filter((word, i) => asked.indexOf(word) === i);
  assert.deepEqual(
    [...firsts].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))),
    [...sent.keys()],
    'each was asked'
  );
  t.diagnostic(
    `${sent.size} messages: ${counts.done} whole, ${counts.interrupted} interrupted; ${asked.length} requests`
  );
  // What had no word stored when hob or its engine ended is asked again, of another engine; nothing else is. So no engine
  // is asked twice for one message, and none for one that has words already.
  const twice = lines.filter(
    ({ engine, word }, i) => lines.findIndex((l) => l.engine === engine && l.word === word) < i
  );
  assert.deepEqual(twice, [], 'no engine was asked twice');
  const times = (word) => asked.filter((w) => w === word).length;
  for (const [word, n] of begun) assert.equal(times(word), n, `${word} was not asked again after its first words`);
  assert.ok(counts.done > 0);
  await hob.stop();
  await rm(dir, { recursive: true, force: true });
});
