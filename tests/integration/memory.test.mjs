// Who sits in memory: engines that take real memory, a budget that not all of them fit into.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Fleet } from '../lib/fleet.mjs';
import { Hob, isAlive, readAnswer, until } from '../lib/hob.mjs';

const SIZE = 150e6;

let hob;
const fleet = new Fleet();
const { ids, server, state, states, memory, setMemory, stop, v1, ask } = fleet;

/** A server with a footprint of SIZE and what the program itself takes, measured by one load. */
async function add(name, args = [], more = {}) {
  const made = await hob.addDemo(name, ['--memory', String(SIZE), '--tokens-per-second', '0', ...args], more);
  ids[name] = made.id;
  await hob.startServer(made.id);
  await stop(name);
}

/** The budget for so many of them at once. */
async function budgetFor(n) {
  const { needs_bytes } = (await server('c')).memory;
  await setMemory({ budget_bytes: Math.round(needs_bytes * (n + 0.5)) });
}

const change = async (name, patch) => {
  const res = await hob.send('PATCH', `/api/servers/${ids[name]}`, patch);
  assert.equal(res.status, 200, await res.clone().text());
};

before(async () => {
  hob = await Hob.start();
  fleet.use(hob, await hob.addKey());
  await add('a');
  await add('b');
  await add('c');
});
after(() => hob?.stop());

beforeEach(async () => {
  await stop(...Object.keys(ids));
  for (const name of ['a', 'b', 'c']) await change(name, { group: null, idle_stop_s: 0, autostart: false });
  await setMemory({ budget_bytes: null, turn_s: 20 });
});

test('what an engine needs is measured, and known before its next start and after a restart of hob', async () => {
  const { memory: measured } = await server('a');
  assert.equal(measured.source, 'measured');
  assert.ok(measured.needs_bytes >= SIZE && measured.needs_bytes < 2 * SIZE, String(measured.needs_bytes));
  assert.equal(measured.used_bytes, null);
  await hob.startServer(ids.a);
  assert.ok((await server('a')).memory.used_bytes >= SIZE);
  assert.ok((await memory()).ram.used_bytes >= SIZE);

  await budgetFor(1);
  await setMemory({ turn_s: 7, groups: { Large: 'always' } });
  await hob.terminate();
  await hob.run();
  assert.deepEqual((await server('a')).memory.needs_bytes, measured.needs_bytes);
  const { settings, ram } = await memory();
  assert.deepEqual([settings.turn_s, settings.groups], [7, { Large: 'always' }]);
  assert.deepEqual([ram.is_automatic, ram.budget_bytes], [false, settings.budget_bytes]);
  await setMemory({ groups: { Large: null } });

  await change('c', { args: ['--tokens-per-second', '0'] });
  assert.equal((await server('c')).memory.source, 'unknown', 'what was measured of another command');
  await change('c', { args: ['--memory', String(SIZE), '--tokens-per-second', '0'] });
  await hob.startServer(ids.c);
});

test('a request for the other model swaps: the idle one goes, the request waits and is answered', async () => {
  await budgetFor(1);
  await ask('a');
  const answer = await ask('b');
  assert.equal(answer.text, 'hello');
  assert.equal(await states('a', 'b'), 'stopped ready');
  assert.match(hob.log, /engine a: is stopped to make room for b/);
});

test('both stay where both fit', async () => {
  await budgetFor(2);
  await ask('a');
  await ask('b');
  await ask('a');
  assert.equal(await states('a', 'b'), 'ready ready');
});

test('the least recently used goes', async () => {
  await budgetFor(2);
  for (const name of ['a', 'b', 'a', 'a', 'a', 'c']) await ask(name);
  assert.equal(await states('a', 'b', 'c'), 'ready stopped ready');
});

test('a busy one is never stopped: who needs its memory waits, and hears for whom', async () => {
  await budgetFor(1);
  await setMemory({ turn_s: 1 });
  await change('a', { args: ['--memory', String(SIZE), '--tokens-per-second', '50'] });
  await hob.startServer(ids.a);
  await budgetFor(1);
  const long = ask('a', 'long 200');
  await until(async () => (await server('a')).engine.active === 1, 'a answers');
  const other = ask('b');
  const waiting = await until(async () => (await server('b')).memory.reason && server('b'), 'b waits');
  assert.deepEqual(waiting.memory.waiting_for, ['a']);
  assert.equal(waiting.memory.reason, 'waiting for memory, a is still answering');

  const message = await hob.post('/api/chat/completions', hob.message(ids.b, 'echo hi'));
  assert.equal(message.status, 503);
  assert.ok(Number(message.headers.get('retry-after')) > 0);
  const { error } = await message.json();
  assert.equal(error.code, 'waiting_for_memory');
  assert.match(error.message, /b is waiting for memory, a is still answering/);

  const whole = await long;
  assert.ok(!whole.cut && whole.text.length > 500, `${whole.text.length} characters`);
  assert.equal((await other).text, 'hello');
  assert.equal(await states('a', 'b'), 'stopped ready');
  await change('a', { args: ['--memory', String(SIZE), '--tokens-per-second', '0'] });
  await hob.startServer(ids.a);
});

test('a message to another model swaps too, once it is sent again', async () => {
  await budgetFor(1);
  await ask('a');
  const body = hob.message(ids.b, 'echo hi');
  const first = await hob.post('/api/chat/completions', body);
  assert.equal(first.status, 503);
  await first.arrayBuffer();
  await hob.untilState(ids.b, 'ready');
  const second = await hob.post('/api/chat/completions', body);
  assert.equal(second.status, 200);
  assert.equal((await readAnswer(second)).text, 'hi');
});

test('the next one starts when the memory is free, not when it was asked for', async () => {
  await change('a', { args: ['--memory', String(SIZE), '--free-seconds', '2'] });
  const { pid } = (await hob.startServer(ids.a)).engine;
  await budgetFor(1);
  const res = await hob.post(`/api/servers/${ids.b}/start`);
  assert.equal(res.status, 202);
  const leaving = await until(async () => (await state('a')) === 'stopping' && server('b'), 'a is told to go');
  assert.deepEqual(leaving.memory.waiting_for, ['a']);
  assert.equal(leaving.memory.reason, 'waiting for memory, a is being unloaded');
  await until(async () => {
    const [{ engine }, is_there] = [await server('b'), await isAlive(pid)];
    assert.ok(!(engine.pid && is_there), 'both were there at once');
    return engine.state === 'ready';
  }, 'b is ready');
  await change('a', { args: ['--memory', String(SIZE), '--tokens-per-second', '0'] });
  await hob.startServer(ids.a);
});

test('who is not wanted any more does not start', async () => {
  await setMemory({ turn_s: 60 });
  await budgetFor(1);
  await hob.startServer(ids.a);
  const long = v1('a', 'echo x', { max_tokens: 1 });
  await (await long).arrayBuffer();
  await hob.post(`/api/servers/${ids.b}/start`);
  assert.ok((await server('b')).memory.waiting_for);
  await hob.post(`/api/servers/${ids.b}/stop`);
  assert.equal((await server('b')).memory.waiting_for, null);
  await ask('a');
  assert.equal(await states('a', 'b'), 'ready stopped');
});

test('one that crashed is started again when there is room, not beside who took its place', async () => {
  await change('b', { args: ['--memory', String(SIZE), '--load-seconds', '1.5'] });
  await hob.startServer(ids.b);
  await stop('b');
  await budgetFor(1);
  await setMemory({ turn_s: 1 });
  const { pid, attempt } = (await hob.startServer(ids.a)).engine;
  process.kill(pid, 'SIGKILL');
  await hob.untilState(ids.a, 'failed');
  await hob.post(`/api/servers/${ids.b}/start`);
  const waiting = await until(async () => (await server('a')).memory.reason && server('a'), 'a waits');
  assert.equal(waiting.memory.reason, 'waiting for memory, b is being loaded first');
  await hob.untilState(ids.b, 'ready');
  assert.equal((await server('a')).engine.attempt, attempt);
  await hob.untilState(ids.a, 'ready');
  assert.equal(await states('a', 'b'), 'ready stopped');
  assert.match(hob.log, /engine b: is stopped to make room for a/);
  await change('b', { args: ['--memory', String(SIZE), '--tokens-per-second', '0'] });
  await hob.startServer(ids.b);
});

test('exclusive: one of the group at a time, whatever room there is', async () => {
  await change('a', { group: 'large' });
  await change('b', { group: 'Large' });
  const { groups } = await memory();
  assert.deepEqual(groups, [{ name: 'large', kind: 'exclusive', servers: [ids.a, ids.b] }]);
  for (const name of ['a', 'c', 'b']) await ask(name);
  assert.equal(await states('a', 'b', 'c'), 'stopped ready ready');
});

test('always: stays for the others, and what does not fit beside it is refused', async () => {
  await setMemory({ groups: { search: 'always', pair: 'together' } });
  await change('a', { group: 'search', idle_stop_s: 1 });
  await budgetFor(2);
  for (const name of ['a', 'b', 'c']) await ask(name);
  assert.equal(await states('a', 'b', 'c'), 'ready stopped ready');
  await budgetFor(1);
  const res = await v1('b', 'echo x', { stream: false });
  assert.ok([409, 503].includes(res.status));
  assert.equal(res.headers.get('x-should-retry'), 'false');
  const { error } = await res.json();
  assert.equal(error.code, 'out_of_memory');
  assert.match(error.message, /b needs \d+ MB of memory, and \d+ MB are there beside what always stays/);
});

test('together: another goes before its mate', async () => {
  await setMemory({ groups: { search: 'always', pair: 'together' } });
  await change('a', { group: 'pair' });
  await change('c', { group: 'pair' });
  await budgetFor(2);
  for (const name of ['a', 'b', 'c']) await ask(name);
  assert.equal(await states('a', 'b', 'c'), 'ready stopped ready');
});

test('what never fits is refused at once, and says how much is needed and there', async () => {
  await setMemory({ budget_bytes: 1e8 });
  const start = await hob.post(`/api/servers/${ids.a}/start`);
  assert.equal(start.status, 409);
  assert.equal((await start.json()).error.code, 'out_of_memory');
  const message = await hob.post('/api/chat/completions', hob.message(ids.a, 'echo hi'));
  assert.equal(message.status, 409);
  const { error } = await message.json();
  assert.equal(error.code, 'out_of_memory');
  assert.match(error.message, /a needs \d+ MB of memory, and 100 MB are there/);
  assert.equal(await state('a'), 'stopped');
});

test('an engine that turns out to be larger makes the others go', async () => {
  await hob.startServer(ids.a);
  await budgetFor(1);
  await change('b', { args: ['--memory', String(SIZE), '--tokens-per-second', '1000'] });
  assert.equal((await server('b')).memory.source, 'unknown');
  await ask('b');
  await hob.untilState(ids.a, 'stopped');
  assert.equal(await state('b'), 'ready');
});

test('who is not used goes after its time, not in the middle of an answer', async () => {
  await change('a', {
    idle_stop_s: 1,
    args: ['--memory', String(SIZE), '--tokens-per-second', '50']
  });
  const answer = await ask('a', 'long 150');
  assert.ok(!answer.cut && answer.text.length > 300);
  assert.equal(await state('a'), 'ready');
  await hob.untilState(ids.a, 'stopped');
  assert.match(hob.log, /engine a: is stopped, not used for 1 s/);
  await ask('a');
  await change('a', { args: ['--memory', String(SIZE), '--tokens-per-second', '0'], idle_stop_s: 0 });
  await hob.startServer(ids.a);
});

test('a storm of requests for two models: all are answered, and a swap serves many', async () => {
  await budgetFor(1);
  await setMemory({ turn_s: 3 });
  const attempts = async () => (await server('a')).engine.attempt + (await server('b')).engine.attempt;
  const before = await attempts();
  let served = 0;
  const client = async (name) => {
    for (let i = 0; i < 40; i++) {
      await ask(name);
      served++;
    }
  };
  const began = performance.now();
  await Promise.all([client('a'), client('b'), client('a'), client('b')]);
  const swaps = (await attempts()) - before;
  assert.equal(served, 160);
  const most = 2 + Math.ceil((performance.now() - began) / 3000);
  assert.ok(swaps <= most, `${swaps} loads, ${most} at most`);
});

test('all that waits for a model is served by one load of it', async () => {
  await budgetFor(1);
  await ask('a');
  const before = (await server('a')).engine.attempt;
  await Promise.all(['b', 'a', 'b', 'a', 'b', 'a'].map((name) => ask(name)));
  assert.ok((await server('a')).engine.attempt <= before + 1);
});

test('of those that start with hob the ones that fit do, in order, and nobody goes for them', async () => {
  await budgetFor(1);
  for (const name of ['a', 'b']) await change(name, { autostart: true });
  await hob.terminate();
  await hob.run();
  await hob.untilState(ids.a, 'ready');
  assert.equal(await state('b'), 'stopped');
  assert.equal((await server('b')).memory.waiting_for, null);
  assert.match(hob.log, /server b: not started with hob: there is no room/);
});

test('settings that are not valid are refused, and change nothing', async () => {
  const before = (await memory()).settings;
  for (const body of [
    { budget_bytes: 0 },
    { budget_bytes: 'all' },
    { turn_s: 0 },
    { groups: { x: 'sometimes' } },
    { groups: [] },
    { turn_s: 9, gpu_budget_bytes: -1 }
  ]) {
    const res = await hob.send('PATCH', '/api/memory', body);
    assert.equal(res.status, 400, JSON.stringify(body));
  }
  assert.deepEqual((await memory()).settings, before);
});
