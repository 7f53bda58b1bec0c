// hob chat: the retry cycle in the terminal, against the real program.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cable } from '../lib/cable.mjs';
import { Hob, PROGRAM, until } from '../lib/hob.mjs';

const FAST = ['--tokens-per-second', '400'];

let hob;
/** A server that answers at once. */
let talk;
before(async () => {
  hob = await Hob.start({ args: ['--verbose'] });
  talk = await hob.addDemo('talk', FAST);
  await hob.startServer(talk.id);
});
after(() => hob?.stop());

const ATTEMPT = /^Connecting to model\.\.\. \(attempt (\d)\/3\)/gm;

/** `hob chat` with these arguments: {out, err, send(text), end(), child, exited: promise of the status}. */
function chat(...args) {
  const child = spawn(PROGRAM, ['chat', '--data', hob.dir, ...args], { stdio: 'pipe' });
  const run = { child, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (d) => (run.out += d));
  child.stderr.setEncoding('utf8').on('data', (d) => (run.err += d));
  run.exited = new Promise((resolve) => {
    const late = setTimeout(() => child.kill('SIGKILL'), 40000);
    child.on('close', (code, signal) => {
      clearTimeout(late);
      resolve(code ?? signal);
    });
  });
  return run;
}

async function ask(...args) {
  const run = chat(...args);
  run.child.stdin.end();
  const code = await run.exited;
  return { code, out: run.out, err: run.err };
}

const attempts = (err) => [...err.matchAll(ATTEMPT)].map((m) => Number(m[1]));
const posts = () => hob.log.match(/POST path="\/api\/chat\/completions"/g)?.length ?? 0;
const newest = async () => (await hob.get('/api/conversations')).conversations[0];
const messages = async (id) => (await hob.get(`/api/conversations/${id}`)).messages;

test('a stopped server is started and waited for; the answer comes as soon as it is ready', async () => {
  await hob.addDemo('cold', ['--load-seconds', '3', ...FAST]);
  const begun = performance.now();
  const { code, out, err } = await ask('--server', 'cold', 'echo', 'good', 'morning');
  assert.equal(code, 0, err);
  assert.equal(out, 'good morning\n');
  assert.deepEqual(attempts(err), [1, 2]);
  // the second wait would end after 6 s: ready ended it
  assert.ok(performance.now() - begun < 5800, `${performance.now() - begun} ms`);
  const stored = await messages((await newest()).id);
  assert.deepEqual(
    stored.map((m) => [m.role, m.content]),
    [
      ['user', 'echo good morning'],
      ['assistant', 'good morning']
    ]
  );
});

test('a model that is not ready in time: one send, three attempts, and what to do', async () => {
  await hob.addDemo('never', ['--load-seconds', '120', ...FAST]);
  const before = posts();
  const begun = performance.now();
  const { code, out, err } = await ask('--server', 'never', 'hello');
  const took = performance.now() - begun;
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.deepEqual(attempts(err), [1, 2, 3]);
  assert.match(err, /\(attempt 2\/3\) · loading/);
  assert.match(err, /^hob: Failed to connect to model after 3 attempts\n {2}The model may still be loading\./m);
  assert.match(err, /503 engine_loading/);
  assert.ok(took > 12000 && took < 25000, `${took} ms`);
  await until(() => posts() - before === 4, 'four requests');
  assert.equal((await messages((await newest()).id)).length, 1, 'the same message on every attempt');
});

test('a failed engine is told at once, with its cause', async () => {
  const broken = await hob.addDemo('broken', ['--die-while-loading', '--load-seconds', '1']);
  const during = await ask('--server', 'broken', 'hello');
  assert.equal(during.code, 1);
  assert.deepEqual(attempts(during.err), [1]);
  await hob.untilState(broken.id, 'failed');
  const { failure } = (await hob.server('broken')).engine;
  const before = posts();
  const after = await ask('--server', 'broken', 'hello');
  assert.equal(after.code, 1);
  for (const err of [during.err, after.err]) {
    assert.ok(err.includes(`hob: broken failed: ${failure.reason}\n`), err);
    if (failure.hint) assert.ok(err.includes(`  Hint: ${failure.hint}\n`), err);
    assert.ok(err.includes(failure.log.at(-1)), err);
    assert.match(err, /Start it again on the Servers page/);
    assert.doesNotMatch(err, /after 3 attempts/);
  }
  await until(() => posts() - before === 1, 'one request');
});

test('what is no matter of waiting is said once', async () => {
  const odd = await hob.addDemo('odd', ['--status', '429', ...FAST]);
  await hob.startServer(odd.id);
  const before = posts();
  const { code, err } = await ask('--server', 'odd', 'hello');
  assert.equal(code, 1);
  assert.match(err, /^hob: .+\(429/);
  assert.deepEqual(attempts(err), []);
  await until(() => posts() - before === 1, 'one request');
});

test('lines from a pipe are one conversation, which can be gone on with', async () => {
  const run = chat('--server', 'talk');
  run.child.stdin.end('echo one\n\n  echo two  \necho three');
  assert.equal(await run.exited, 0, run.err);
  assert.equal(run.out, 'one\ntwo\nthree\n');
  assert.equal(run.err, '');
  const { id } = await newest();
  const first = await messages(id);
  assert.deepEqual(
    first.map((m) => m.parent_id),
    [null, ...first.slice(0, 5).map((m) => m.id)]
  );
  const more = await ask('--conversation', id, 'echo', 'four');
  assert.equal(more.code, 0, more.err);
  assert.equal(more.out, 'four\n');
  const all = await messages(id);
  assert.equal(all.length, 8);
  assert.equal(all[6].parent_id, first[5].id);
  assert.equal(all[6].server_id, talk.id, 'it stays with its server');
});

test('control characters of an answer do not reach stdout', async () => {
  const { code, out } = await ask('--server', 'talk', 'echo \u001b[31mred\u001b]0;title\u0007 \u009b2J\ttab\nline');
  assert.equal(code, 0);
  assert.equal(out, '[31mred]0;title 2J\ttab\nline\n');
});

test('tool calls are shown in a line each', async () => {
  const { code, out } = await ask('--server', 'talk', 'call get_weather {"city": "Oslo"}\ncall now {}');
  assert.equal(code, 0);
  assert.equal(out, 'Tool call: get_weather {"city": "Oslo"}\nTool call: now {}\n');
});

test('thoughts are not printed into a pipe', async () => {
  const server = await hob.addDemo('thinker', ['--think', ...FAST]);
  await hob.startServer(server.id);
  const { code, out } = await ask('--server', 'thinker', 'echo', 'clear');
  assert.equal(code, 0);
  assert.equal(out, 'clear\n');
});

test('Ctrl-C stops the answer and keeps its text; during the wait it ends the cycle', async () => {
  const slow = await hob.addDemo('slow', ['--tokens-per-second', '20']);
  await hob.startServer(slow.id);
  const run = chat('--server', 'slow', 'long 2000');
  await until(() => run.out.length > 20, 'text comes');
  run.child.kill('SIGINT');
  assert.equal(await run.exited, 130);
  const [, answer] = await messages((await newest()).id);
  assert.equal(answer.state, 'stopped');
  assert.equal(run.out.trimEnd(), answer.content.trimEnd());
  assert.equal((await hob.server('slow')).engine.active, 0);

  const long = await hob.addDemo('long', ['--load-seconds', '120', ...FAST]);
  const waiting = chat('--server', 'long', 'hello');
  await until(() => /attempt 1\/3/.test(waiting.err), 'it waits');
  waiting.child.kill('SIGINT');
  assert.equal(await waiting.exited, 130);
  assert.match(waiting.err, /stopped before an answer began/);
  await hob.untilState(long.id, 'loading'); // the load goes on
});

test('Ctrl-C while the engine is busy with others leaves no answer behind', async () => {
  const busy = await hob.addDemo('busy', ['--slots', '1', '--tokens-per-second', '20']);
  await hob.startServer(busy.id);
  const first = chat('--server', 'busy', 'long 2000');
  await until(() => first.out.length > 20, 'the engine is busy');
  const second = chat('--server', 'busy', 'echo', 'second');
  await until(async () => (await hob.server('busy')).queue.waiting === 1, 'one waits for its turn');
  second.child.kill('SIGINT');
  assert.equal(await second.exited, 130);
  const { conversations } = await hob.get('/api/conversations');
  const [asked] = await messages(conversations.find((c) => c.title === 'echo second').id);
  const { generation } = await hob.get(`/api/generations/${asked.generation_id}`);
  assert.equal(generation.state, 'stopped');
  first.child.kill('SIGINT');
  assert.equal(await first.exited, 130);
});

test('the first ready server is asked; wrong names, ids and options are explained', async () => {
  const { code, out } = await ask('echo', 'whoever');
  assert.equal(code, 0);
  assert.equal(out, 'whoever\n');
  const cases = [
    [['--server', 'lost', 'x'], 1, /no server called "lost"\. There are: demo, talk/],
    [['--conversation', 'lost', 'x'], 1, /--conversation takes the id/],
    [['--conversation', '00000000-0000-4000-8000-000000000000', 'x'], 1, /^hob: .+/],
    [['--fast'], 2, /usage: hob chat/],
    [['--data', '/nowhere', 'x'], 1, /no hob runs with the data folder \/nowhere/],
    [['--config', '/nowhere', 'x'], 2, /^hob: .*\/nowhere/]
  ];
  for (const [args, status, text] of cases) {
    const wrong = await ask(...args);
    assert.equal(wrong.code, status, args.join(' '));
    assert.match(wrong.err, text);
    assert.equal(wrong.out, '');
  }
  assert.match((await ask('--help')).out, /usage: hob chat/);
});

test('an engine that dies in the middle: the text stays, the break is told', async () => {
  const mortal = await hob.addDemo('mortal', ['--die-after-tokens', '10', '--tokens-per-second', '50']);
  await hob.startServer(mortal.id);
  const { code, out, err } = await ask('--server', 'mortal', 'long 100');
  assert.equal(code, 1);
  assert.match(err, /^hob: the answer broke off: .+\(engine_died\)/);
  assert.deepEqual(attempts(err), []);
  const [, answer] = await messages((await newest()).id);
  assert.equal(out, `${answer.content}\n`);
});

/** A data folder whose control socket passes all on to hob's; cut() breaks what is open. */
async function pluggedIn() {
  const dir = await mkdtemp(join(tmpdir(), 'hob-'));
  const line = await cable({ path: join(dir, 'control.sock') }, { path: join(hob.dir, 'control.sock') });
  return { dir, ...line, remove: () => line.unplug().then(() => rm(dir, { recursive: true })) };
}

test('a stream that breaks is opened again where it broke: nothing is missing and nothing comes twice', async () => {
  const server = await hob.addDemo('cable', ['--tokens-per-second', '60']);
  await hob.startServer(server.id);
  const line = await pluggedIn();
  const run = chat('--data', line.dir, '--server', 'cable', 'long 120');
  for (const length of [30, 150]) {
    await until(() => run.out.length > length, 'text comes');
    line.cut();
  }
  assert.equal(await run.exited, 0, run.err);
  assert.equal(run.err, '');
  const [, answer] = await messages((await newest()).id);
  assert.equal(answer.state, 'done');
  assert.equal(run.out.trimEnd(), answer.content.trimEnd());
  await line.remove();
});

test('a hob that cannot be reached for a while is tried again with the same message', async () => {
  const line = await pluggedIn();
  const run = chat('--data', line.dir, '--server', 'talk');
  run.child.stdin.write('echo one\n');
  await until(() => run.out === 'one\n', 'the first answer');
  await line.unplug();
  run.child.stdin.end('echo two\n');
  await until(() => /attempt 1\/3/.test(run.err), 'it waits');
  await line.listen();
  assert.equal(await run.exited, 0, run.err);
  assert.equal(run.out, 'one\ntwo\n');
  assert.deepEqual(attempts(run.err), [1]);
  assert.equal((await messages((await newest()).id)).length, 4);
  await line.remove();
});

test('before the first account there is nobody whose conversation it could be', async () => {
  const fresh = await Hob.start({ setup: false });
  const { code, err } = await ask('--data', fresh.dir, 'hello');
  assert.equal(code, 1);
  assert.match(err, /no account yet\. Open the set-up link/);
  await fresh.stop();
});

test('an answer that a crash of hob ended is told as such, with all that came', async () => {
  const server = await hob.addDemo('crash', ['--tokens-per-second', '20']);
  await hob.startServer(server.id);
  const run = chat('--server', 'crash', 'long 2000');
  await until(() => run.out.length > 200, 'text comes');
  const { port } = hob;
  await hob.kill();
  await hob.run({ args: ['--verbose'], port });
  assert.equal(await run.exited, 1, run.err);
  const [, answer] = await messages((await newest()).id);
  assert.equal(answer.state, 'interrupted');
  assert.ok(run.err.startsWith(`hob: the answer broke off: ${answer.error.message}`), run.err);
  // what came after the last flush is in the terminal only
  assert.ok(run.out.startsWith(answer.content.trimEnd()), `${run.out.length} ${answer.content.length}`);
});
