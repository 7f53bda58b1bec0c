// What clients of /v1 meet when engines die, stop, lie and talk nonsense, and when other clients misbehave: a clear error in
// time, and nothing at all for those that asked another engine.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { BROKEN, NO_ANSWERS, TALKATIVE } from '../lib/bad_answers.mjs';
import { Hob, readAnswer, until } from '../lib/hob.mjs';
import { descriptors } from '../lib/procs.mjs';
import { takeApart, talk } from '../lib/raw.mjs';

const ROUNDS = Number(process.env.CHAOS_ENGINE_ROUNDS ?? 30);
const BAD = new URL('../lib/bad_engine.mjs', import.meta.url).pathname;
const FAKE = new URL('../lib/fake_engine.mjs', import.meta.url).pathname;
const node = (script) => [process.execPath, script, '${PORT}'];

let hob, key;
before(async () => {
  hob = await Hob.start();
  key = await hob.addKey();
});
after(() => hob?.stop());

const body = (model, content, stream) => ({ model, stream, messages: [{ role: 'user', content }] });
const ask = (model, content, { stream = false, signal } = {}) =>
  hob.post('/v1/chat/completions', body(model, content, stream), {
    headers: { authorization: `Bearer ${key}`, cookie: '' },
    signal
  });

/** The same as bytes, for clients that do something odd with them. */
function rawRequest(model, content, stream = true) {
  const text = JSON.stringify(body(model, content, stream));
  return (
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`
  );
}

/** A connection on which these bytes were sent and nothing is read. */
function open(bytes) {
  const socket = connect({ port: hob.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
  socket.write(bytes);
  return socket;
}

const isIdle = async (name) => {
  const { engine } = await hob.server(name);
  return engine.active === 0 && engine.waiting === 0;
};

/** The turn must take less than a second. A busy machine gets one more chance. */
async function withinASecond(turn, what) {
  for (let left = 2; ; left--) {
    const begun = performance.now();
    const never = AbortSignal.timeout(10000);
    const late = new Promise((_, reject) => {
      never.onabort = () => reject(new Error(`${what}: nothing in 10 s`));
    });
    const result = await Promise.race([turn(), late]);
    never.onabort = null;
    const took = performance.now() - begun;
    if (took < 1000) return result;
    assert.ok(left > 1, `${what}: ${Math.round(took)} ms`);
  }
}

/** Asks an engine that is well again and again while `work` runs; gives the slowest answer in ms. */
async function meanwhile(name, work) {
  let isOver = false;
  let slowest = 0;
  let n = 0;
  const asking = (async () => {
    while (!isOver) {
      const begun = performance.now();
      const res = await ask(name, 'echo well');
      assert.equal(res.status, 200, 'another request noticed');
      assert.match(await res.text(), /well/);
      slowest = Math.max(slowest, performance.now() - begun);
      n++;
    }
  })();
  try {
    await Promise.race([work(), asking]);
  } finally {
    isOver = true;
  }
  await asking;
  assert.ok(n > 0, 'somebody asked meanwhile');
  assert.ok(slowest < 2000, `another request waited ${Math.round(slowest)} ms`);
}

test(
  `${NO_ANSWERS.length} bad answers are each a 502 within a second, streamed or not; the engine goes on being used`,
  { timeout: 120000 },
  async () => {
    assert.ok(NO_ANSWERS.length >= 100);
    await hob.addCommand('bad', node(BAD));
    const wrong = [];
    const tryOne = async (n, stream) => {
      const [what] = NO_ANSWERS[n];
      await withinASecond(async () => {
        const res = await ask('bad', `no ${n}`, { stream });
        const text = await res.text();
        const { error } = res.headers.get('content-type') === 'application/json' ? JSON.parse(text) : {};
        if (res.status !== 502 || error?.type !== 'server_error' || !error.message)
          wrong.push(`${what} (stream: ${stream}): ${res.status} ${text.slice(0, 200)}`);
      }, what);
    };
    for (const stream of [false, true]) {
      for (let n = 0; n < NO_ANSWERS.length; n += 4)
        await Promise.all([0, 1, 2, 3].filter((k) => NO_ANSWERS[n + k]).map((k) => tryOne(n + k, stream)));
    }
    assert.equal(wrong.join('\n'), '');
    assert.equal((await ask('bad', 'good')).status, 200);
    await until(() => isIdle('bad'), 'nothing is counted as active');
  }
);

test(
  'an answer that breaks off or goes wrong in the middle is never a clean end, and told within a second',
  { timeout: 120000 },
  async () => {
    for (const [n, [what]] of BROKEN.entries()) {
      for (const stream of [false, true]) {
        const { bytes } = await withinASecond(
          () => talk(hob.port, rawRequest('bad', `broken ${n}`, stream)),
          `${what} (stream: ${stream})`
        );
        const { responses } = takeApart(bytes);
        const said = bytes.toString('latin1');
        if (responses.length) assert.equal(responses[0].status, 502, `${what}: ${said.slice(0, 300)}`);
        if (/text\/event-stream/.test(said)) assert.match(said, /data: \{"error":/, what);
      }
    }
    await until(() => isIdle('bad'), 'nothing is counted as active');
  }
);

test('what an engine says behind its answer reaches nobody', { timeout: 120000 }, async () => {
  for (const [n, [what]] of TALKATIVE.entries()) {
    const first = await ask('bad', `talkative ${n}`);
    const status = Number(/^HTTP\/1.1 (\d+)/.exec(TALKATIVE[n][1][0])[1]);
    assert.equal(first.status, status, what);
    const text = await first.text();
    assert.equal(text, status === 200 ? '{"choices":[]}' : '', what);
    for (const word of ['one', 'two']) {
      const next = await ask('bad', `good ${word}`);
      assert.equal(next.status, 200, what);
      assert.equal((await next.json()).choices[0].message.content, word, `${what}: another's answer`);
    }
  }
});

test(
  `an engine killed ${ROUNDS} times in mid-stream: all its streams hear of it within a second, another engine's do not`,
  { timeout: 120000 },
  async () => {
    const mortal = await hob.addDemo('mortal', ['--tokens-per-second', '100', '--slots', '8']);
    await hob.addReady('well', ['--tokens-per-second', '0', '--slots', '8']);
    await hob.addReady('steady', ['--tokens-per-second', '20', '--slots', '4']);
    const steady = await ask('steady', 'long 4000', { stream: true });
    let steadyBytes = 0;
    let steadyEnd = null;
    const reader = steady.body.getReader();
    const reading = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return (steadyEnd ??= 'a clean end');
        steadyBytes += value.length;
      }
    })().catch((e) => (steadyEnd ??= e.message));
    await meanwhile('well', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { engine } = await hob.startServer(mortal.id);
        const streams = await Promise.all([1, 2, 3].map(() => ask('mortal', 'long 2000', { stream: true })));
        const answers = streams.map(readAnswer);
        await until(async () => (await hob.server('mortal')).engine.active === 3, 'all are being answered');
        const killed = performance.now();
        process.kill(engine.pid, 'SIGKILL');
        for (const answer of await Promise.all(answers)) {
          assert.ok(answer.error, 'an error event, not a clean end');
          assert.ok(answer.text.length > 0, 'after the text so far');
        }
        assert.ok(performance.now() - killed < 1000, 'within a second');
        await until(() => isIdle('mortal'), 'nothing is counted as active', { ms: 30000 });
        await hob.post(`/api/servers/${mortal.id}/stop`);
        await hob.untilState(mortal.id, 'stopped');
      }
    });
    assert.equal(steadyEnd, null, 'the other stream goes on');
    assert.ok(steadyBytes > 1000);
    await reader.cancel();
    await reading;
  }
);

test(
  'an engine that is stopped in mid-stream goes on where it was; who asks it meanwhile waits, or leaves and is forgotten',
  { timeout: 120000 },
  async () => {
    await hob.addReady('frozen', ['--tokens-per-second', '100', '--slots', '8']);
    const { engine } = await hob.server('frozen');
    const stream = await ask('frozen', 'long 200', { stream: true });
    const reading = readAnswer(stream);
    const leave = new AbortController();
    process.kill(engine.pid, 'SIGSTOP');
    try {
      await meanwhile('well', async () => {
        const late = [1, 2, 3].map((n) =>
          ask('frozen', `echo ${n}`, { stream: n > 1, signal: leave.signal }).catch((e) => e)
        );
        await until(async () => (await hob.server('frozen')).engine.active === 4, 'all are counted');
        leave.abort();
        for (const e of await Promise.all(late)) assert.equal(e.name, 'AbortError');
        await until(async () => (await hob.server('frozen')).engine.active === 1, 'who left is not counted', {
          ms: 2000
        });
        assert.equal((await hob.server('frozen')).engine.state, 'ready');
      });
    } finally {
      process.kill(engine.pid, 'SIGCONT');
    }
    const answer = await reading;
    assert.equal(answer.error, null);
    assert.equal(answer.cut, false);
    assert.ok(answer.text.split(' ').length >= 150, 'all of the answer');
    await until(() => isIdle('frozen'), 'nothing is counted as active');
  }
);

test(
  'an engine that says it is well and answers nobody: those who leave are forgotten, and the others wait for themselves',
  { timeout: 120000 },
  async () => {
    const leave = new AbortController();
    const hanging = Array.from({ length: 20 }, (_, n) =>
      ask('bad', 'hang', { stream: n % 2 === 0, signal: leave.signal }).catch((e) => e)
    );
    await until(async () => (await hob.server('bad')).engine.active === 20, 'all are counted');
    assert.equal((await ask('bad', 'good')).status, 200, 'one that it likes is answered');
    leave.abort();
    for (const e of await Promise.all(hanging)) assert.equal(e.name, 'AbortError');
    await until(() => isIdle('bad'), 'nothing is counted as active', { ms: 2000 });
  }
);

test(
  'an engine that is ready and refuses connections is a 502 within a second, streamed or not',
  { timeout: 120000 },
  async () => {
    const { id } = await hob.addCommand('liar', node(BAD));
    assert.equal((await ask('liar', 'deaf')).status, 200);
    assert.equal((await hob.server('liar')).engine.state, 'ready');
    for (const stream of [false, true]) {
      await withinASecond(async () => {
        const res = await ask('liar', 'good', { stream });
        assert.ok([502, 503].includes(res.status), `${res.status}`);
        assert.equal((await res.json()).error.type, res.status === 502 ? 'server_error' : 'service_unavailable_error');
      }, `refused (stream: ${stream})`);
    }
    await hob.post(`/api/servers/${id}/restart`);
    await hob.untilState(id, 'ready');
    await until(async () => (await ask('liar', 'good')).status === 200, 'a restart mends it');
  }
);

test(
  'clients that stall, dribble, break off, half-close and reset: others do not notice, and nothing is left of them',
  { timeout: 120000 },
  async () => {
    await hob.addCommand('fake', node(FAKE));
    await hob.addReady('talker', ['--tokens-per-second', '50', '--slots', '400']);
    const whole = rawRequest('talker', 'long 3000');
    await ask('fake', 'flood 10').then((r) => r.text());
    const before = await descriptors(hob.pid);
    const sockets = [];
    await meanwhile('well', async () => {
      for (let n = 0; n < 40; n++) {
        if (n % 4 === 0) sockets.push(open(rawRequest('fake', 'endless'))); // reads nothing
        sockets.push(open(whole)); // leaves in mid-stream
        sockets.push(open(whole.slice(0, 60 + n))); // stalls in the header
        sockets.push(open(whole.slice(0, -20))); // stalls in the body
        sockets.push(open('')); // says nothing
        const cut = open(whole.slice(0, (n * (whole.length - 1)) / 40)); // breaks off anywhere
        cut.end();
        sockets.push(cut);
      }
      const slow = Array.from({ length: 20 }, () => open(''));
      sockets.push(...slow);
      for (let at = 0; at < 100; at++) {
        for (const s of slow) s.write(whole[at]);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(async () => (await hob.server('talker')).engine.active === 40, 'the streams run');
      await until(async () => (await hob.server('fake')).engine.active === 10, 'the floods are held back');
      for (const [n, s] of sockets.entries()) n % 2 ? s.destroy() : s.resetAndDestroy();
      await until(async () => (await isIdle('talker')) && (await isIdle('fake')), 'nothing is active', { ms: 5000 });
    });
    await until(async () => (await descriptors(hob.pid)) <= before + 8, 'the descriptors are back', { ms: 10000 });
  }
);

test(
  'a client that shuts its side after the request is served to the end, streamed or not',
  { timeout: 120000 },
  async () => {
    for (const stream of [false, true]) {
      const { bytes, late } = await talk(hob.port, rawRequest('talker', 'echo served to the end', stream), {
        half: true
      });
      const { responses, rest } = takeApart(bytes);
      assert.equal(late, false);
      assert.equal(rest, 0);
      assert.equal(responses[0]?.status, 200);
      const text = stream ? /\[DONE\]\n\n$/ : /served to the end/;
      assert.match(responses[0].body, text);
    }
  }
);
