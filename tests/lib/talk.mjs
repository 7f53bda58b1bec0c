// Conversations that were held before the test: through a server, or put in by an import.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readAnswer, until } from './hob.mjs';

/** An item of hob's export, last written in `at`. */
export function conversationItem({ at = Date.now() - 3_600_000, ...more }) {
  return { type: 'conversation', id: randomUUID(), titled_by: 'user', created_at: at, updated_at: at, ...more };
}
/** A message to `conversation`, or the answer to `parent` if that is a message. */
export function messageItem(conversation, parent, content, more) {
  const answers = parent?.role === 'user';
  return {
    type: 'message',
    id: randomUUID(),
    conversation_id: conversation.id,
    parent_id: parent?.id ?? null,
    role: answers ? 'assistant' : 'user',
    state: answers ? 'done' : 'answered',
    content,
    created_at: conversation.created_at,
    ...more
  };
}
/** How `answer` came about. */
export function generationItem(question, answer, more) {
  return {
    type: 'generation',
    id: randomUUID(),
    conversation_id: question.conversation_id,
    message_id: question.id,
    answer_id: answer.id,
    state: 'done',
    created_at: answer.created_at,
    finished_at: answer.created_at + 5000,
    ...more
  };
}

/** The file that an export of these would be. */
export const exported = (items) => ({ format: 'hob', version: 1, exported_at: Date.now(), items });

/** Tests beside import too, as the same user: one after the other. */
export async function importItems(hob, items) {
  const res = await until(async () => {
    const r = await hob.post('/api/import', exported(items));
    return r.status !== 409 && r;
  }, 'no other import is under way');
  assert.equal(res.status, 200, await res.clone().text());
}

/** Imports one conversation of [question, answer] pairs; gives {id, questions, answers}, the ids in their order. */
export async function importTalk(hob, title, pairs) {
  const talk = conversationItem({ title });
  const messages = [];
  for (const content of pairs.flat()) {
    const created_at = talk.created_at + messages.length;
    messages.push(messageItem(talk, messages.at(-1), content, { created_at }));
  }
  await importItems(hob, [talk, ...messages]);
  const ids = (role) => messages.filter((m) => m.role === role).map((m) => m.id);
  return { id: talk.id, questions: ids('user'), answers: ids('assistant') };
}

/** Imports n conversations of one message each; `at`: when each was written in last. Gives their items. */
export async function importMany(hob, n, title, at = (i) => Date.now() - i * 1000) {
  const talks = Array.from({ length: n }, (_, i) => conversationItem({ title: title(i), at: at(i) }));
  await importItems(
    hob,
    talks.flatMap((talk) => [talk, messageItem(talk, null, talk.title)])
  );
  return talks;
}

/** A conversation that is held with the server `fast`; gives its ids. */
export async function keep(hob, title, content = `echo about ${title}`) {
  const body = hob.message('fast', content);
  const res = await hob.post('/api/chat/completions', body);
  assert.equal(res.status, 200);
  assert.ok((await readAnswer(res)).done);
  const id = body.conversation_id;
  await hob.send('PATCH', `/api/conversations/${id}`, { title });
  return { id, title, message: body.message.id };
}

/** Deletes all conversations and folders. */
export async function emptyOut(hob) {
  const ids = (await hob.get('/api/conversations')).conversations.map((c) => c.id);
  for (let n = 0; n < ids.length; n += 1000)
    await hob.post('/api/conversations/bulk', { ids: ids.slice(n, n + 1000), delete: true });
  for (const { id } of (await hob.get('/api/folders')).folders)
    await hob.request(`/api/folders/${id}`, { method: 'DELETE' });
}

export const titles = async (hob) => (await hob.get('/api/conversations')).conversations.map((c) => c.title).sort();
