// Servers by their names, for tests of who sits in memory. Its functions can be taken apart; `use` comes before the first call.
import assert from 'node:assert/strict';
import { readAnswer } from './hob.mjs';

export class Fleet {
  #hob;
  #key;
  /** Of each name. */
  ids = {};

  /** key: of an API key, for /v1. */
  use(hob, key) {
    this.#hob = hob;
    this.#key = key;
  }

  server = async (name) => (await this.#hob.get(`/api/servers/${this.ids[name]}`)).server;
  state = async (name) => (await this.server(name)).engine.state;
  /** "ready stopped", in order of the names. */
  states = async (...names) => (await Promise.all(names.map(this.state))).join(' ');
  memory = async () => (await this.#hob.get('/api/memory')).memory;

  setMemory = async (settings) => {
    const res = await this.#hob.send('PATCH', '/api/memory', settings);
    assert.equal(res.status, 200, await res.clone().text());
  };

  stop = async (...names) => {
    for (const name of names) await this.#hob.post(`/api/servers/${this.ids[name]}/stop`);
    for (const name of names) await this.#hob.untilState(this.ids[name], 'stopped');
  };

  v1 = (model, content, more = {}) =>
    fetch(`${this.#hob.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}` },
      body: JSON.stringify({ model, stream: true, messages: [{ role: 'user', content }], ...more })
    });

  /** A whole answer through /v1. */
  ask = async (model, text = 'echo hello') => {
    const res = await this.v1(model, text);
    assert.equal(res.status, 200, await (res.ok ? '' : res.text()));
    const answer = await readAnswer(res);
    assert.equal(answer.error, null, JSON.stringify(answer.error));
    return answer;
  };
}
