// kill -9 at random moments: hob, while messages are sent; engines, in mid-stream.
import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import { descendants, processes } from '../lib/procs.mjs';

const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 200);
const ENGINE_ROUNDS = Number(process.env.CHAOS_ENGINE_ROUNDS ?? 100);

/** Sends until hob is gone. Calls acknowledged(id) once hob has answered in any way. */
async function keepSending(hob, server, conversation_id, acknowledged) {
  for (;;) {
    const id = randomUUID();
    try {
      const res = await hob.post(
        '/api/chat/completions',
        hob.message(server, 'echo hello there', { conversation_id, id })
      );
      if (res.status === 200 || res.status >= 502) acknowledged(id, conversation_id, res.status);
      await res.body?.cancel();
    } catch {
      return;
    }
  }
}

test(`hob killed ${ROUNDS} times while messages are sent: none that was acknowledged is lost, no engine is left`, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const acked = new Map();
  const slowest = { start: 0 };
  let hob = await Hob.start({ dir });
  const server = await hob.addDemo('chaos', ['--tokens-per-second', '100'], { autostart: true });
  for (let round = 0; round < ROUNDS; round++) {
    const sending = [0, 1, 2].map(() =>
      keepSending(hob, server.id, randomUUID(), (id, conversation) => acked.set(id, conversation))
    );
    await new Promise((resolve) => setTimeout(resolve, randomInt(20, 400)));
    const family = (await descendants(hob.pid)).map((p) => p.pid);
    await hob.kill();
    await Promise.all(sending);
    let left = [];
    await until(
      async () => {
        left = (await processes())
          .filter((p) => family.includes(p.pid) || p.cmdline.includes(dir))
          // ended, and process 1's to wait for: the one of a container may take its time, or never do
          .filter((p) => !(p.state === 'Z' && p.ppid === 1));
        return left.length === 0;
      },
      'no process of hob is left, not even as a zombie of another one',
      { ms: 2000 }
    ).catch((error) => assert.deepEqual(left, [], error.message));
    const begun = performance.now();
    await hob.run();
    await hob.get('/api/servers');
    slowest.start = Math.max(slowest.start, performance.now() - begun);
  }
  t.diagnostic(`${acked.size} messages acknowledged; slowest restart ${Math.round(slowest.start)} ms`);
  assert.ok(acked.size > ROUNDS, 'messages were really sent');
  const conversations = new Set(acked.values());
  for (const conversation of conversations) {
    const { messages } = await hob.get(`/api/conversations/${conversation}`);
    const ids = messages.map((m) => m.id);
    const wanted = [...acked].filter(([, c]) => c === conversation).map(([id]) => id);
    assert.deepEqual(
      wanted.filter((id) => !ids.includes(id)),
      [],
      'acknowledged and lost'
    );
    for (const id of wanted)
      assert.ok(messages.filter((m) => m.parent_id === id && m.role === 'assistant').length <= 1, 'answered twice');
    assert.equal(messages.filter((m) => ['connecting', 'streaming'].includes(m.state)).length, 0, 'left unfinished');
  }
  await hob.stop();
  await rm(dir, { recursive: true, force: true });
});

test(`an engine killed ${ENGINE_ROUNDS} times in mid-stream: an error event at once, the text is kept, another stream does not notice`, async () => {
  const hob = await Hob.start();
  const mortal = await hob.addDemo('mortal', ['--tokens-per-second', '200']);
  const other = await hob.addDemo('other', ['--tokens-per-second', '20']);
  await hob.startServer(other.id);
  const long = hob.post('/api/chat/completions', hob.message(other.id, 'long 1500'));
  for (let round = 0; round < ENGINE_ROUNDS; round++) {
    const { engine } = await hob.startServer(mortal.id);
    const message = hob.message(mortal.id, 'long 2000');
    const res = await hob.post('/api/chat/completions', message);
    assert.equal(res.status, 200);
    const reading = readAnswer(res);
    await new Promise((resolve) => setTimeout(resolve, randomInt(50, 200)));
    const killed = performance.now();
    process.kill(engine.pid, 'SIGKILL');
    const answer = await reading;
    assert.ok(performance.now() - killed < 5000, 'heard at once, not by a time-out');
    assert.ok(answer.error, 'an error event, not a clean end');
    const { messages } = await hob.get(`/api/conversations/${message.conversation_id}`);
    if (answer.text) {
      assert.equal(messages[1].state, 'interrupted');
      assert.equal(messages[1].content, answer.text);
    }
    await hob.post(`/api/servers/${mortal.id}/stop`);
    await hob.untilState(mortal.id, 'stopped');
  }
  const res = await long;
  assert.equal(res.status, 200);
  const generation = res.headers.get('x-generation-id');
  await hob.post(`/api/generations/${generation}/stop`);
  const rest = await readAnswer(res);
  assert.equal(rest.error, null);
  assert.equal(rest.cut, false);
  assert.deepEqual(
    rest.ids,
    rest.ids.map((_, i) => i + 1)
  );
  await hob.stop();
});
