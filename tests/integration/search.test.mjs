// Search over titles and messages, as a client of the interface sees it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Hob, readAnswer } from '../lib/hob.mjs';

describe('search', () => {
  let hob;

  before(async () => {
    hob = await Hob.start();
    const { id } = await hob.addDemo('fast', ['--load-seconds', '0', '--tokens-per-second', '0']);
    await hob.startServer(id);
  });

  after(() => hob?.stop());

  const search = (q, more = {}) => hob.get(`/api/search?${new URLSearchParams({ q, ...more })}`);
  const marked = (snippet) => snippet.map((s) => (s.hit ? `[${s.text}]` : s.text)).join('');

  /** Sends a message, waits for its answer; gives the ids. */
  async function chat(content, more = {}) {
    const body = hob.message('fast', content, more);
    const res = await hob.post('/api/chat/completions', body);
    assert.equal(res.status, 200);
    assert.ok((await readAnswer(res)).done);
    return {
      conversation: body.conversation_id,
      message: body.message.id,
      answer: res.headers.get('x-answer-id')
    };
  }

  test('finds titles first, then messages and answers, newest first', async () => {
    const old = await chat('echo A Giraffe has a long neck');
    const young = await chat('echo giraffes, many of them');
    await hob.send('PATCH', `/api/conversations/${young.conversation}`, { title: 'Animals' });
    const { hits, next } = await search('GIRAFF');
    assert.equal(next, null);
    assert.deepEqual(
      hits.map((h) => [h.conversation_id, h.message_id, h.role]),
      [
        [old.conversation, null, null],
        [young.conversation, young.answer, 'assistant'],
        [young.conversation, young.message, 'user'],
        [old.conversation, old.answer, 'assistant'],
        [old.conversation, old.message, 'user']
      ]
    );
    assert.equal(hits[1].title, 'Animals');
    assert.equal(hits[1].archived, false);
    assert.match(marked(hits[1].snippet), /^\[giraffes\], many of them/);
    assert.ok(hits[1].at > 1e12);
    const inside = await search('giraff', { conversation_id: old.conversation });
    assert.deepEqual(
      inside.hits.map((h) => h.message_id),
      [old.answer, old.message]
    );
  });

  test('goes on where it stopped', async () => {
    const { conversation, message } = await chat('echo zebra one');
    await chat('echo zebra two', { conversation_id: conversation, parent_id: message });
    const all = await search('zebra');
    assert.ok(all.hits.length >= 5);
    const paged = [];
    let next;
    do {
      const page = await search('zebra', { limit: 2, ...(next && { after: next }) });
      paged.push(...page.hits);
      next = page.next;
    } while (next);
    assert.deepEqual(paged, all.hits);
  });

  test('renaming and removing change what is found', async () => {
    const { conversation } = await chat('echo hippopotamus');
    assert.equal((await search('hippo')).hits.length, 3);
    await hob.send('PATCH', `/api/conversations/${conversation}`, { title: 'River horse' });
    assert.equal((await search('hippo')).hits.length, 2);
    assert.equal(marked((await search('"river horse"')).hits[0].snippet), '[River horse]');
    await hob.request(`/api/conversations/${conversation}`, { method: 'DELETE' });
    assert.deepEqual(await search('hippo'), { hits: [], next: null });
    assert.deepEqual(await search('river'), { hits: [], next: null });
  });

  test('takes whatever is typed', async () => {
    for (const q of [
      '"',
      '*',
      'a OR',
      'NEAR(',
      ' ',
      '\u0001',
      '%',
      "'; DROP TABLE messages; --",
      '-',
      '(',
      'scope:x',
      '🦒'
    ])
      assert.deepEqual((await search(q)).next, null, q);
    assert.equal((await search('echo+giraffe')).hits.length, (await search('echo giraffe')).hits.length);
  });

  test('refuses what it cannot understand', async () => {
    const cases = [
      ['', 'q'],
      ['?q=', 'q'],
      [`?q=${'x'.repeat(201)}`, 'q'],
      ['?q=%ff%zz', 'q'],
      ['?q=a&limit=0', 'limit'],
      ['?q=a&limit=101', 'limit'],
      ['?q=a&after=x1', 'after'],
      ['?q=a&after=t', 'after'],
      ['?q=a&after=t0', 'after'],
      ['?q=a&conversation_id=1', 'conversation_id']
    ];
    for (const [query, param] of cases) {
      const res = await hob.request(`/api/search${query}`);
      assert.equal(res.status, 400, query);
      assert.equal((await res.json()).error.param, param, query);
    }
    assert.equal((await search('é'.repeat(200))).hits.length, 0);
    assert.deepEqual(await search('giraffe', { conversation_id: randomUUID() }), { hits: [], next: null });
  });

  test("does not show another user's", async () => {
    const account = { name: 'eve', password: 'correct horse 2' };
    await hob.post('/api/signup', account);
    const { users } = await hob.get('/api/users');
    const user = users.find((u) => u.name === account.name);
    assert.equal((await hob.post(`/api/users/${user.id}/approve`)).status, 200);
    await chat('echo my secret okapi');
    const res = await hob.post('/api/login', account, { headers: { cookie: '' } });
    assert.equal(res.status, 200);
    const cookie = res.headers
      .getSetCookie()
      .map((c) => c.split(';')[0])
      .join('; ');
    const theirs = await hob.request('/api/search?q=okapi', { headers: { cookie } });
    assert.deepEqual(await theirs.json(), { hits: [], next: null });
    assert.equal((await search('okapi')).hits.length, 3);
  });

  test('finds what was there before a kill', async () => {
    await chat('echo wombat');
    await hob.kill();
    await hob.run();
    await hob.logIn();
    assert.equal((await search('wombat')).hits.length, 3);
  });
});
