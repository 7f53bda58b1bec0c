// Conversations that were held before the test, put in by an import.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

/** Imports one conversation of [question, answer] pairs; gives {id, questions, answers}, the ids in their order. */
export async function importTalk(hob, title, pairs) {
  const at = Date.now() - 3_600_000;
  const id = randomUUID();
  const items = [{ type: 'conversation', id, title, titled_by: 'user', created_at: at, updated_at: at }];
  let parent_id = null;
  const add = (role, content) => {
    const created_at = at + items.length;
    const state = role === 'user' ? 'answered' : 'done';
    const message = {
      type: 'message',
      id: randomUUID(),
      conversation_id: id,
      parent_id,
      role,
      state,
      content,
      created_at
    };
    items.push(message);
    parent_id = message.id;
    return parent_id;
  };
  const questions = [];
  const answers = [];
  for (const [question, answer] of pairs) {
    questions.push(add('user', question));
    answers.push(add('assistant', answer));
  }
  const res = await hob.post('/api/import', { format: 'hob', version: 1, exported_at: at, items });
  assert.equal(res.status, 200, await res.clone().text());
  return { id, questions, answers };
}
