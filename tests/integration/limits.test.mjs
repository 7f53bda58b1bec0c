// What keys may be used for, and how much of it: scopes, expiry, and each limit of keys and accounts, hit and lifted.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { parse } from 'yaml';
import { Hob, until } from '../lib/hob.mjs';

let hob, demo;
const secrets = [];
before(async () => {
  hob = await Hob.start();
  demo = await hob.addReady('fast', ['--tokens-per-second', '0']);
  await hob.addReady('slow', ['--tokens-per-second', '20', '--slots', '8'], { aliases: ['turtle'] });
});
after(async () => {
  for (const secret of secrets) assert.ok(!hob?.log.includes(secret.slice(8)), 'a key is in the log');
  await hob?.stop();
});

/** A key of the admin with these rights. */
async function makeKey(rights = {}) {
  const res = await hob.post('/api/keys', { name: 'k', ...rights });
  assert.equal(res.status, 201, await res.clone().text());
  const { key, secret } = await res.json();
  secrets.push(secret);
  return { ...key, secret };
}
const change = async (key, rights) => {
  const res = await hob.send('PATCH', `/api/keys/${key.id}`, rights);
  assert.equal(res.status, 200, await res.clone().text());
  return (await res.json()).key;
};

const call = (key, path, body, init = {}) =>
  fetch(hob.url + path, {
    method: body ? 'POST' : 'GET',
    ...init,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key.secret}` },
    body: body && JSON.stringify(body)
  });
const say = (content, more = {}) => ({ model: 'fast', messages: [{ role: 'user', content }], ...more });
const ask = (key, more = {}, init = {}) => call(key, '/v1/chat/completions', say('echo hi', more), init);
const LONG = `echo ${'word '.repeat(400)}`;
/** An answer of 20 s that has begun. */
async function stream(key, init) {
  const body = { model: 'slow', stream: true, messages: [{ role: 'user', content: LONG }] };
  const res = await call(key, '/v1/chat/completions', body, init);
  assert.equal(res.status, 200, res.ok ? '' : await res.text());
  const reader = res.body.getReader();
  await reader.read();
  return reader;
}

/** It is refused with this status, code and message. Gives the response. */
async function refused(res, status, code, message) {
  const text = await res.text();
  assert.equal(res.status, status, text);
  const { error } = JSON.parse(text);
  assert.equal(error.code, code, text);
  assert.match(error.message, message);
  assert.match(res.headers.get('x-request-id'), /^[0-9a-f]{16}$/);
  return res;
}
async function fine(res) {
  assert.equal(res.status, 200, await res.text());
}
/** Asks until it is let through. */
const untilFine = (key, more, ms) =>
  until(
    async () => {
      const res = await ask(key, more);
      await res.text();
      return res.status === 200;
    },
    'it is let through again',
    { ms, every: 100 }
  );

// Its minute passes while the other tests run; the last test looks at it again.
let early, earlyEnds;
test('a minute’s requests: the next is told until when', async () => {
  early = await makeKey({ limits: { requests_per_minute: 3 } });
  const began = performance.now();
  for (let i = 0; i < 3; i++) {
    const res = await ask(early, { stream: i === 2 });
    await fine(res);
    const of = (name) => res.headers.get(`x-ratelimit-${name}`);
    assert.deepEqual([of('limit-requests'), of('remaining-requests')], ['3', `${2 - i}`]);
    assert.match(of('reset-requests'), /^\d+\.\d+s$/);
    assert.equal(of('limit-tokens'), null);
  }
  for (let i = 0; i < 5; i++) {
    const res = await refused(
      await ask(early),
      429,
      'rate_limit_exceeded',
      /^This API key may make 3 requests in a minute, which are used up\. Try again in \d+ s\.$/
    );
    const after = Number(res.headers.get('retry-after'));
    assert.ok(after >= 1 && after <= 61, `${after}`);
    earlyEnds = performance.now() + after * 1000;
    assert.ok(earlyEnds - began >= 60000, 'never more than three in a minute');
    assert.equal(res.headers.get('x-ratelimit-limit-requests'), '3');
    assert.equal(res.headers.get('x-ratelimit-remaining-requests'), '0');
    assert.match(res.headers.get('x-ratelimit-reset-requests'), /^\d+\.\d+s$/);
    assert.equal(res.headers.get('x-ratelimit-limit-tokens'), null);
  }
  // the list of models is no request to a model
  await fine(await call(early, '/v1/models'));
});

describe('scopes', () => {
  test('a key for some routes is refused on all others', async () => {
    const { paths } = parse(readFileSync(new URL('../../docs/openapi.yaml', import.meta.url), 'utf8'));
    const chat = await makeKey({ routes: ['chat'] });
    const none = await makeKey({ routes: ['upstream'] });
    const all = await makeKey();
    assert.deepEqual(chat.routes, ['chat']);
    assert.equal(all.routes, null);
    await fine(await ask(chat));
    await refused(await ask(none), 403, 'route_not_allowed', /"chat"/);
    for (const [path, item] of Object.entries(paths)) {
      if (!path.startsWith('/v1/') || path.startsWith('/v1/models') || !item.post) continue;
      await refused(await call(none, path.replace('{id}', 'x'), {}), 403, 'route_not_allowed', /may not use/);
      if (path !== '/v1/chat/completions')
        await refused(await call(chat, path.replace('{id}', 'x'), {}), 403, 'route_not_allowed', /may not use/);
      assert.notEqual((await call(all, path.replace('{id}', 'x'), {})).status, 403, path);
    }
  });

  test('hob’s own interface needs "api", and all models', async () => {
    const chat = await makeKey({ routes: ['chat'] });
    const api = await makeKey({ routes: ['api'] });
    const model = await makeKey({ models: ['fast'] });
    const both = await makeKey({ routes: ['api', 'chat'], models: ['fast'] });
    await fine(await call(api, '/api/conversations'));
    await refused(await ask(api), 403, 'route_not_allowed', /chat/);
    for (const key of [chat, model, both]) {
      await refused(await call(key, '/api/conversations'), 403, 'route_not_allowed', /hob's own interface/);
      await refused(
        await call(key, '/api/chat/completions', hob.message('slow', 'hi')),
        403,
        'route_not_allowed',
        /hob's own/
      );
      await fine(await call(key, '/api/session'));
    }
  });

  test('a key for some models lists and reaches these only, by any of their names', async () => {
    const key = await makeKey({ models: ['TURTLE', 'fas?', 'f*x'] });
    const list = async () => (await (await call(key, '/v1/models')).json()).data.map((m) => m.id);
    assert.deepEqual(await list(), ['slow', 'turtle']);
    const res = await refused(await ask(key), 403, 'model_not_allowed', /"fast"/);
    assert.equal(res.headers.get('x-should-retry'), 'false');
    await refused(await ask(key, { model: demo.id }), 403, 'model_not_allowed', /"fast"/);
    await fine(await ask(key, { model: 'slow', max_tokens: 1 }));
    await fine(await ask(key, { model: 'turtle', max_tokens: 1 }));
    const unknown = await (await ask(key, { model: 'nothing' })).text();
    assert.match(unknown, /model_not_found/);
    assert.doesNotMatch(unknown, /fast/, 'what it may not use is not told');

    assert.deepEqual((await change(key, { models: ['fa*t'] })).models, ['fa*t']);
    assert.deepEqual(await list(), ['fast']);
    await fine(await ask(key));
    await refused(await ask(key, { model: 'turtle' }), 403, 'model_not_allowed', /"slow"/);
    await change(key, { models: null });
    assert.ok((await list()).length >= 3);
  });

  test('a key cannot make or widen keys', async () => {
    const key = await makeKey({ routes: ['api'] });
    assert.equal((await call(key, '/api/keys', { name: 'more' })).status, 403);
    const widen = await call(key, `/api/keys/${key.id}`, { routes: null }, { method: 'PATCH' });
    assert.equal(widen.status, 403);
    const { keys } = await hob.get('/api/keys');
    assert.deepEqual(keys.find((k) => k.id === key.id).routes, ['api']);
  });

  test('what is wrong in a request for a key is named', async () => {
    const key = await makeKey();
    for (const [field, body] of [
      ['routes', { routes: [] }],
      ['routes', { routes: ['telepathy'] }],
      ['routes', { routes: 'chat' }],
      ['models', { models: [] }],
      ['models', { models: [''] }],
      ['models', { models: [7] }],
      ['models', { models: Array(65).fill('a') }],
      ['models', { models: ['a'.repeat(201)] }],
      ['expires_at', { expires_at: Date.now() - 1000 }],
      ['expires_at', { expires_at: 'tomorrow' }],
      ['limits', { limits: 3 }],
      ['requests_per_minute', { limits: { requests_per_minute: 0 } }],
      ['requests_per_minute', { limits: { requests_per_minute: 1.5 } }],
      ['tokens_per_minute', { limits: { tokens_per_minute: -1 } }],
      ['tokens_per_minute', { limits: { tokens_per_minute: 1e300 } }],
      ['max_parallel', { limits: { max_parallel: '2' } }]
    ]) {
      for (const res of [
        await hob.post('/api/keys', { name: 'k', ...body }),
        await hob.send('PATCH', `/api/keys/${key.id}`, body)
      ]) {
        assert.equal(res.status, 400, JSON.stringify(body));
        assert.equal((await res.json()).error.param, field);
      }
    }
  });

  test('rights and limits are kept over a restart', async () => {
    const rights = {
      routes: ['chat', 'embeddings'],
      models: ['fast'],
      expires_at: Date.now() + 3600000,
      limits: { requests_per_minute: 5, tokens_per_minute: 600, max_parallel: 2 }
    };
    const own = await Hob.start();
    try {
      const { key, secret } = await (await own.post('/api/keys', { name: 'kept', ...rights })).json();
      const [{ id }] = (await own.get('/api/users')).users;
      await own.send('PATCH', `/api/users/${id}`, { limits: { max_parallel: 7 } });
      await own.terminate();
      await own.run();
      const { keys } = await own.get('/api/keys');
      assert.deepEqual(keys, [key]);
      const expected = { id: key.id, name: 'kept', prefix: secret.slice(0, 8), last_used_at: null, ...rights };
      assert.deepEqual({ ...key, created_at: undefined }, { ...expected, created_at: undefined });
      const [{ limits }] = (await own.get('/api/users')).users;
      assert.deepEqual(limits, { requests_per_minute: null, tokens_per_minute: null, max_parallel: 7 });
    } finally {
      await own.stop();
    }
  });
});

test('an expired key is refused and says so, and its open stream ends', async () => {
  const key = await makeKey({ expires_at: Date.now() + 3600000 });
  await fine(await ask(key));
  const reader = await stream(key);
  await change(key, { expires_at: Date.now() + 300 });
  const began = performance.now();
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  }, 'a stream that is cut is no clean end');
  assert.ok(performance.now() - began < 5000);
  await refused(await ask(key), 401, 'invalid_api_key', /expired/);
  await refused(await call(key, '/v1/models'), 401, 'invalid_api_key', /expired/);
  await change(key, { expires_at: null });
  await fine(await ask(key));
});

describe('requests at once', () => {
  test('a stream counts until it ends; one that is left is given back', async () => {
    const key = await makeKey({ limits: { max_parallel: 2 } });
    const first = new AbortController();
    const reader = await stream(key, { signal: first.signal });
    const second = await stream(key);
    const res = await refused(
      await ask(key),
      429,
      'rate_limit_exceeded',
      /^This API key may have 2 requests under way at once, and has\. Try again when one has ended\.$/
    );
    assert.equal(res.headers.get('retry-after'), '1');
    await fine(await call(key, '/v1/models'));
    await fine(await ask(await makeKey()), 'another key of the user is not concerned');
    first.abort();
    await reader.closed.catch(() => undefined);
    await untilFine(key);
    await second.cancel();
    // both places are free again, and a request that has ended is too
    const [a, b] = [await untilFine(key).then(() => stream(key)), await stream(key)];
    assert.equal((await ask(key)).status, 429);
    await Promise.all([a.cancel(), b.cancel()]);
    await untilFine(key);
  });

  test('refused and faulty requests take no place', async () => {
    const key = await makeKey({ limits: { max_parallel: 1 } });
    for (let i = 0; i < 3; i++) {
      assert.equal((await ask(key, { model: 'nothing' })).status, 404);
      assert.equal((await call(key, '/v1/chat/completions', { model: 7 })).status, 400);
    }
    await fine(await ask(key));
  });

  test('a limit that is raised holds at once', async () => {
    const key = await makeKey({ limits: { max_parallel: 1 } });
    const reader = await stream(key);
    assert.equal((await ask(key)).status, 429);
    const { limits } = await change(key, { limits: { max_parallel: 2 } });
    assert.deepEqual(limits, { requests_per_minute: null, tokens_per_minute: null, max_parallel: 2 });
    await fine(await ask(key));
    await reader.cancel();
  });
});

test('a key’s tokens: of the prompt and the answer, streamed or not', async () => {
  const text = 'echo one two three four five six seven eight';
  for (const more of [{}, { stream: true }, { stream: true, stream_options: { include_usage: true } }]) {
    const key = await makeKey({ limits: { tokens_per_minute: 10 } });
    await fine(await call(key, '/v1/chat/completions', say(text, more)));
    const over = await until(
      async () => {
        // limits come before the name: this uses no token
        const next = await ask(key, { model: 'nothing' });
        return next.status === 429 ? next : next.text().then(() => null);
      },
      `its tokens count, ${JSON.stringify(more)}`,
      { every: 100 }
    );
    await refused(over, 429, 'rate_limit_exceeded', /^This API key may use 10 tokens in a minute, which are used up/);
    assert.equal(over.headers.get('x-ratelimit-remaining-tokens'), '0');
  }
});

test('the official client waits as it is told and is let through', async () => {
  const key = await makeKey({ limits: { max_parallel: 1 } });
  const reader = await stream(key);
  const client = new OpenAI({ baseURL: `${hob.url}/v1`, apiKey: key.secret });
  const asked = client.chat.completions.create(say('echo patience'));
  const refusal = await client.chat.completions.create(say('echo hi'), { maxRetries: 0 }).catch((e) => e);
  assert.ok(refusal instanceof OpenAI.RateLimitError, `${refusal}`);
  assert.equal(refusal.code, 'rate_limit_exceeded');
  await reader.cancel();
  assert.match((await asked).choices[0].message.content, /patience/);
});

describe('an account', () => {
  let user;
  const limit = async (limits) => {
    const res = await hob.send('PATCH', `/api/users/${user}`, { limits });
    assert.equal(res.status, 200, await res.clone().text());
    return (await res.json()).user.limits;
  };
  before(async () => {
    user = (await hob.get('/api/users')).users[0].id;
  });
  after(() => limit(null));

  test('its limits hold over all its keys', async () => {
    const [one, two] = [await makeKey({ limits: { max_parallel: 5 } }), await makeKey()];
    await limit({ max_parallel: 2 });
    const readers = [await stream(one), await stream(two)];
    for (const key of [one, two])
      await refused(await ask(key), 429, 'rate_limit_exceeded', /^Your account may have 2 requests under way at once/);
    await Promise.all(readers.map((r) => r.cancel()));
    await untilFine(one);
    await limit(null);
  });

  test('the chat counts too: answers that are being written, watched or not', async () => {
    const key = await makeKey();
    const abort = new AbortController();
    await limit({ max_parallel: 1 });
    const message = hob.message('slow', LONG);
    const watched = await hob.post('/api/chat/completions', message, { signal: abort.signal });
    assert.equal(watched.status, 200);
    const generation = watched.headers.get('x-generation-id');
    // the same message again only joins the answer
    const again = await hob.post('/api/chat/completions', message);
    assert.equal(again.status, 200);
    assert.equal(again.headers.get('x-generation-id'), generation);
    await again.body.cancel();
    abort.abort();
    const other = () => hob.post('/api/chat/completions', hob.message('fast', 'echo hi'));
    await refused(await other(), 429, 'rate_limit_exceeded', /^Your account may have 1 request under way at once/);
    await refused(await ask(key), 429, 'rate_limit_exceeded', /^Your account/);
    await hob.post(`/api/generations/${generation}/stop`);
    await untilFine(key);
    await fine(await other());
    await limit({ max_parallel: null, requests_per_minute: 1 });
    await fine(await other());
    await refused(await other(), 429, 'rate_limit_exceeded', /^Your account may make 1 request in a minute/);
    await limit(null);
    await fine(await other());
  });

  test('tokens count when an answer has ended; the next is refused', async () => {
    const send = () => hob.post('/api/chat/completions', hob.message('fast', 'echo a few words and no more'));
    await limit({ tokens_per_minute: 5 });
    await fine(await send());
    const over = await until(
      async () => {
        const res = await send();
        if (res.status === 429) return res;
        await res.text();
      },
      'its tokens count',
      { every: 100 }
    );
    await refused(over, 429, 'rate_limit_exceeded', /^Your account may use 5 tokens in a minute, which are used up/);
    assert.equal(over.headers.get('x-ratelimit-limit-tokens'), '5');
    assert.equal(over.headers.get('x-ratelimit-remaining-tokens'), '0');
    assert.ok(Number(over.headers.get('retry-after')) > 50);
    const raised = await limit({ tokens_per_minute: 1000000 });
    assert.equal(raised.tokens_per_minute, 1000000);
    await fine(await send());
    await limit(null);
  });

  test('what a key sends in the chat counts for the key as well', async () => {
    const key = await makeKey({ limits: { max_parallel: 1 } });
    const send = (server, content) => call(key, '/api/chat/completions', hob.message(server, content));
    const begun = await send('slow', LONG);
    assert.equal(begun.status, 200);
    await refused(await send('fast', 'echo hi'), 429, 'rate_limit_exceeded', /^This API key may have 1 request/);
    await refused(await ask(key), 429, 'rate_limit_exceeded', /^This API key may have 1 request/);
    await hob.post(`/api/generations/${begun.headers.get('x-generation-id')}/stop`);
    await begun.body.cancel();
    await untilFine(key);
    await change(key, { limits: { max_parallel: null, tokens_per_minute: 5 } });
    await fine(await send('fast', 'echo a few words and no more'));
    const over = await until(
      async () => {
        const res = await ask(key);
        if (res.status === 429) return res;
        await res.text();
      },
      'its tokens count',
      { every: 100 }
    );
    await refused(over, 429, 'rate_limit_exceeded', /^This API key may use 5 tokens in a minute/);
    await fine(await hob.post('/api/chat/completions', hob.message('fast', 'echo hi')));
  });

  test('another account is not concerned, and only an admin sets limits', async () => {
    const bob = { name: 'bob', password: 'password of bob' };
    await hob.post('/api/signup', bob);
    const { id } = (await hob.get('/api/users')).users.find((u) => u.name === 'bob');
    await hob.post(`/api/users/${id}/approve`);
    const login = await fetch(`${hob.url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(bob)
    });
    const cookie = login.headers.getSetCookie()[0].split(';')[0];
    const asBob = { headers: { cookie } };
    await limit({ requests_per_minute: 1 });
    for (let i = 0; i < 3; i++)
      await fine(await hob.post('/api/chat/completions', hob.message('fast', 'echo hi'), asBob));
    assert.equal((await hob.send('PATCH', `/api/users/${id}`, { limits: null }, asBob)).status, 403);
    const key = await makeKey();
    assert.equal((await hob.send('PATCH', `/api/keys/${key.id}`, { name: 'bob’s' }, asBob)).status, 404);
    for (const limits of [{ max_parallel: 0 }, { tokens_per_minute: 'many' }, []])
      assert.equal((await hob.send('PATCH', `/api/users/${user}`, { limits })).status, 400, JSON.stringify(limits));
  });
});

test('the minute has passed: the next requests are let through', async () => {
  const ms = Math.max(earlyEnds - performance.now(), 0) + 5000;
  await untilFine(early, {}, ms);
  await fine(await ask(early));
});
