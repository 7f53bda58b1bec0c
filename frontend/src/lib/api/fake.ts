/** For tests only: a fetch that answers from a function, and event streams that the test writes. */
import { vi } from 'vitest';
import type { Conversation, Engine, Message, Queue, Server, ServerMemory } from './types';

export interface Call {
	method: string;
	path: string;
	body: unknown;
	headers: Record<string, string>;
	at: number;
	signal: AbortSignal | undefined;
}

/** Null: nothing ever answers. An Error: the network fails. */
export type Answer = Response | Promise<Response> | Error | null;

/** Puts a fake in the place of fetch; returns the list that every call is written to. */
export function fakeFetch(answer: (call: Call) => Answer): Call[] {
	const calls: Call[] = [];
	vi.stubGlobal('fetch', (path: string, init: RequestInit = {}) => {
		const call: Call = {
			method: init.method ?? 'GET',
			path,
			body: typeof init.body === 'string' ? JSON.parse(init.body) : init.body,
			headers: (init.headers ?? {}) as Record<string, string>,
			at: performance.now(),
			signal: init.signal ?? undefined
		};
		calls.push(call);
		const result = answer(call);
		if (result instanceof Error) return Promise.reject(result);
		if (result) return Promise.resolve(result);
		return new Promise((_, reject) => {
			call.signal?.addEventListener('abort', () =>
				reject(new DOMException('Aborted', 'AbortError'))
			);
		});
	});
	return calls;
}

export function json(body: unknown, status = 200): Response {
	return new Response(status === 204 ? null : JSON.stringify(body), {
		status,
		headers: { 'content-type': 'application/json' }
	});
}

export function failure(
	status: number,
	message = `failure ${String(status)}`,
	more: Record<string, unknown> = {},
	headers: Record<string, string> = {}
): Response {
	return new Response(
		JSON.stringify({ error: { message, type: 'test', param: null, code: null, ...more } }),
		{ status, headers }
	);
}

export class FakeStream {
	readonly response: Response;
	#control!: ReadableStreamDefaultController<Uint8Array>;
	#id = 0;

	constructor(headers: Record<string, string> = {}, firstId = 1) {
		this.#id = firstId - 1;
		const body = new ReadableStream<Uint8Array>({ start: (c) => (this.#control = c) });
		this.response = new Response(body, {
			headers: { 'content-type': 'text/event-stream', ...headers }
		});
	}
	raw(text: string): this {
		this.#control.enqueue(new TextEncoder().encode(text));
		return this;
	}
	text(content: string): this {
		return this.#event(null, { choices: [{ delta: { content } }] });
	}
	done(state = 'done', meta: unknown = null): void {
		this.#event('done', { state, meta }).raw('data: [DONE]\n\n');
		this.#control.close();
	}
	error(error: Record<string, unknown>, state = 'failed'): void {
		this.#event('error', { error, state }).raw('data: [DONE]\n\n');
		this.#control.close();
	}
	end(): void {
		this.#control.close();
	}
	/** The connection is lost. */
	tear(): void {
		this.#control.error(new TypeError('network error'));
	}
	#event(name: string | null, data: unknown): this {
		this.#id++;
		const head = name ? `event: ${name}\n` : '';
		return this.raw(`id: ${String(this.#id)}\n${head}data: ${JSON.stringify(data)}\n\n`);
	}
}

export function answerStream(generationId = 'g1', answerId = 'a1'): FakeStream {
	return new FakeStream({ 'x-generation-id': generationId, 'x-answer-id': answerId });
}

export function anEngine(more: Partial<Engine> = {}): Engine {
	return {
		state: 'ready',
		since: 0,
		pid: null,
		attempt: 1,
		progress: null,
		uptime_s: null,
		active: 0,
		waiting: 0,
		rss_bytes: null,
		gpu_bytes: null,
		cpu_percent: null,
		tokens_per_s: null,
		trouble: null,
		failure: null,
		...more
	};
}

export function aQueue(more: Partial<Queue> = {}): Queue {
	return {
		slots: null,
		active: 0,
		waiting: 0,
		max_waiting: 256,
		reason: null,
		note: null,
		requests: [],
		...more
	};
}

export function aMemory(more: Partial<ServerMemory> = {}): ServerMemory {
	return {
		needs_bytes: null,
		gpu_bytes: null,
		source: 'unknown',
		used_bytes: null,
		gpu_used_bytes: null,
		waiting_for: null,
		reason: null,
		...more
	};
}

export function aServer(id: string, engine: Partial<Engine> = {}): Server {
	return {
		id,
		name: `server ${id}`,
		kind: 'demo',
		model: { name: 'demo', path: null, size_bytes: null },
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
		created_at: 0,
		source: 'page',
		file: null,
		needs_restart: false,
		vision: null,
		memory: aMemory(),
		engine: anEngine(engine),
		queue: aQueue()
	};
}

export function aConversation(id: string, more: Partial<Conversation> = {}): Conversation {
	return {
		id,
		title: `title of ${id}`,
		titled_by: 'message',
		server_id: null,
		created_at: 1,
		updated_at: 1,
		generating: false,
		pinned: false,
		archived: false,
		folder_id: null,
		leaf_id: null,
		...more
	};
}

export function aMessage(id: string, more: Partial<Message> = {}): Message {
	return {
		id,
		conversation_id: 'c1',
		parent_id: null,
		role: 'user',
		content: `text of ${id}`,
		reasoning: null,
		tool_calls: null,
		options: null,
		created_at: 1,
		server_id: 's1',
		state: 'pending',
		generation_id: null,
		error: null,
		meta: null,
		...more
	};
}
