// What script/bench --page reads: written through hob's own interface, as people would have.
import { randomUUID } from 'node:crypto';

async function ask(hob, server, conversation, parent, content) {
  const body = hob.message(server, content, { conversation_id: conversation, parent_id: parent });
  const res = await hob.post('/api/chat/completions', body);
  await res.text();
  if (res.status !== 200) throw new Error(`seeding: ${res.status}`);
  return res.headers.get('x-answer-id');
}

/** One conversation of so many turns, each with an answer. Its id. */
export async function longConversation(hob, server, turns) {
  const id = randomUUID();
  let parent = null;
  for (let n = 1; n <= turns; n++) parent = await ask(hob, server, id, parent, `turn ${n}\nWhat about part ${n}?`);
  return id;
}

/** So many conversations of one message. */
export async function manyConversations(hob, server, count) {
  let next = 1;
  const work = async () => {
    for (let n = next++; n <= count; n = next++) {
      const { message, ...rest } = hob.message(server, `Conversation ${n} about the way of a stream`);
      const { content, parent_id } = message;
      const body = { content, parent_id, server, state: 'queued', conversation_id: rest.conversation_id };
      const res = await hob.send('PUT', `/api/messages/${message.id}`, body);
      await res.text();
      if (res.status >= 300) throw new Error(`seeding: ${res.status}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
}
