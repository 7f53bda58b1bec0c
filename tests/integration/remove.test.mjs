// Removed conversations are gone at once and for good: their rows go in the background, which nobody may notice.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Hob, until } from '../lib/hob.mjs';
import { conversationItem, exported, importItems, messageItem } from '../lib/talk.mjs';

const WORDS = 'a sentence that the search will have to forget, word after word; '.repeat(20);

/** Conversations with many long messages, as the items of a file. */
function manyTalks(n = 12, length = 80) {
  return Array.from({ length: n }, (_, i) => {
    const items = [conversationItem({ title: `removed talk ${i}` })];
    for (let k = 0; k < length; k++) items.push(messageItem(items[0], k ? items[k] : null, `${k} ${WORDS}`));
    return items;
  }).flat();
}

describe('removed conversations', () => {
  let hob;
  const items = manyTalks();
  const ids = items.filter((item) => item.type === 'conversation').map((c) => c.id);
  before(async () => (hob = await Hob.start()));
  after(() => hob.stop());

  const remove = async (these) => {
    const res = await hob.post('/api/conversations/bulk', { ids: these, delete: true });
    assert.deepEqual(await res.json(), { n: these.length });
  };
  const there = async () => (await hob.get('/api/conversations')).conversations.map((c) => c.id).sort();
  const nothingIsSeen = async () => {
    assert.deepEqual(await there(), []);
    assert.deepEqual((await hob.get('/api/search?q=sentence')).hits, []);
    assert.equal((await hob.request(`/api/conversations/${ids[0]}`)).status, 404);
    assert.equal((await hob.send('PATCH', `/api/conversations/${ids[0]}`, { title: 'x' })).status, 404);
    assert.equal((await hob.request(`/api/conversations/${ids[0]}`, { method: 'DELETE' })).status, 404);
    assert.deepEqual((await hob.get('/api/export?format=json')).items, []);
  };

  test('come back whole by an import that begins right then', async () => {
    await importItems(hob, items);
    await remove(ids);
    const res = await hob.post('/api/import', exported(items));
    const counts = await res.json();
    assert.equal(res.status, 200);
    assert.deepEqual([counts.conversations, counts.skipped], [ids.length, 0]);
    assert.deepEqual(await there(), [...ids].sort());
    const { messages } = await hob.get(`/api/conversations/${ids.at(-1)}`);
    assert.equal(messages.length, 80);
  });

  test('stay removed over a kill -9 right after the answer, and so does what waited in them', async () => {
    const slow = await hob.addDemo('slow', ['--load-seconds', '60']);
    const waiting = hob.message(slow.id, 'echo to be sent when ready', { conversation_id: ids[0], mode: 'when_ready' });
    assert.equal((await hob.post('/api/chat/completions', waiting)).status, 202);
    await remove(ids);
    await hob.kill();
    await hob.run();
    await hob.logIn();
    await nothingIsSeen();
    assert.doesNotMatch(hob.log, /waits in the outbox/);
    await importItems(hob, items);
    assert.deepEqual(await there(), [...ids].sort());
  });

  test('let others write meanwhile', async () => {
    await remove(ids);
    await nothingIsSeen();
    const body = hob.message('demo', 'echo not behind all of that');
    const url = `/api/messages/${body.message.id}`;
    const put = { conversation_id: body.conversation_id, ...body.message, server: 'demo', state: 'queued' };
    assert.equal((await hob.send('PUT', url, put)).status, 201);
    /* The ids are free again in the end. */
    await until(async () => {
      const again = hob.message('demo', 'echo again', { conversation_id: ids[0] });
      const res = await hob.send('PUT', `/api/messages/${again.message.id}`, {
        conversation_id: ids[0],
        ...again.message,
        server: 'demo',
        state: 'queued'
      });
      return res.status === 201;
    }, 'the id of a removed conversation is free');
    assert.deepEqual(await there(), [ids[0], body.conversation_id].sort());
  });
});
