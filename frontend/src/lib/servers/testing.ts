/** A server for tests, with what the test cares about. */
import { aMemory, anEngine, aQueue } from '$lib/api/fake';
import type { Engine, Server } from '$lib/api/types';

export function testServer(part: Partial<Server> = {}, engine: Partial<Engine> = {}): Server {
	return {
		id: '11111111-1111-4111-8111-111111111111',
		name: 'qwen3',
		kind: 'llama-server',
		model: { name: 'Qwen3-8B.gguf', path: '/models/Qwen3-8B.gguf', size_bytes: 5_027_783_488 },
		command: null,
		args: [],
		system_prompt: '',
		on_demand: true,
		autostart: false,
		aliases: [],
		slots: 0,
		idle_stop_s: 0,
		group: null,
		max_waiting: 0,
		hold_s: 0,
		answer_s: 0,
		silence_s: 0,
		early_header_s: 0,
		rewrite: null,
		env: [],
		created_at: 1_700_000_000_000,
		source: 'page',
		file: null,
		needs_restart: false,
		vision: null,
		memory: aMemory(),
		engine: anEngine({ state: 'stopped', since: 1_700_000_000_000, attempt: 0, ...engine }),
		queue: aQueue(),
		...part
	};
}
