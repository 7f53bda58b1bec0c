/** For tests only: a hob for one conversation, "c1", and what a test asks of it and of the page's Chat. */
import { afterEach, beforeEach, vi } from 'vitest';
import {
	aConversation,
	aMessage,
	aServer,
	failure,
	fakeFetch,
	json,
	type Answer,
	type Call,
	type FakeStream
} from '$lib/api/fake';
import type { ChatRequest, Conversation, Generation, Message, Settings } from '$lib/api/types';
import { Chat } from './chat.svelte';
import { servers } from './servers.svelte';
import { session } from './session.svelte';
import type { Turn } from './turn.svelte';

class FakeHob {
	calls: Call[] = [];
	/** Null: hob does not know the conversation. */
	messages: Message[] | null = null;
	leaf: string | null = null;
	settings: Settings = { options: {}, system_prompt: null };
	/** The events of generations. */
	streams: Record<string, FakeStream> = {};
	/** What a POST to /api/chat/completions gets, by its number. */
	onPost: (n: number, body: ChatRequest) => Answer = () =>
		failure(503, 'loading', { code: 'engine_loading' });
	onGet: (path: string) => Answer = (path) => this.#get(path);
	onPut: () => Answer = () => json({ message: {} });
	onPatch: () => Answer = () => json({ conversation: this.conversation, settings: this.settings });
	onDelete: () => Answer = () => json(null, 204);

	get conversation(): Conversation {
		return aConversation('c1', { server_id: 's1', leaf_id: this.leaf });
	}
	/** The requests for answers. */
	get asked(): Call[] {
		return this.calls.filter((c) => c.path === '/api/chat/completions');
	}
	get posts(): ChatRequest[] {
		return this.asked.map((c) => c.body as ChatRequest);
	}
	of(method: string): Call[] {
		return this.calls.filter((c) => c.method === method);
	}

	answer(call: Call): Answer {
		if (call.path === '/api/chat/completions')
			return this.onPost(this.asked.length, call.body as ChatRequest);
		switch (call.method) {
			case 'GET':
				return this.onGet(call.path);
			case 'PUT':
				return this.onPut();
			case 'PATCH':
				return this.onPatch();
			case 'DELETE':
				return this.onDelete();
			default:
				return json({ message: {}, generation: {} });
		}
	}

	#get(path: string): Answer {
		const generation = /generations\/([^/]+)\/events/.exec(path)?.[1];
		if (generation) return this.streams[generation]?.response ?? failure(404);
		if (!this.messages || !path.startsWith('/api/conversations/')) return failure(404);
		const { conversation, settings, messages } = this;
		return json({ conversation, settings, messages });
	}
}

/** Another one for each test. */
export let hob = new FakeHob();
const open: Chat[] = [];

/** Each test of the file has a clock of its own, a signed-in user, a server "s1" and a new `hob`. */
export function useFakeHob(): void {
	beforeEach(() => {
		vi.useFakeTimers();
		localStorage.clear();
		hob = new FakeHob();
		hob.calls = fakeFetch((call) => hob.answer(call));
		session.user = { id: 'ada', name: 'ada', role: 'user' };
		servers.apply(aServer('s1', { state: 'loading' }));
	});
	afterEach(() => {
		closeAll();
		session.user = null;
		vi.useRealTimers();
		vi.unstubAllGlobals();
	});
}

/** The conversation on a screen. */
export function aChat(fresh = false): Chat {
	const chat = new Chat('c1', 'ada', fresh);
	open.push(chat);
	chat.view();
	return chat;
}
/** As when the page is closed. */
export function closeAll(): void {
	for (const chat of open.splice(0)) chat.close();
}

export const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
/** Lets promises run and one frame be drawn. */
export const settle = (): Promise<unknown> => pass(50);

/** The ids of what is on the screen. */
export const shown = (chat: Chat): string =>
	chat.turns.flatMap((t) => [t.id, ...(t.answer ? [t.answer.id] : [])]).join(' ');
export function turnOf(chat: Chat, id: string): Turn {
	const found = chat.turns.find((t) => t.id === id);
	if (!found) throw new Error(`${id} is not shown`);
	return found;
}

export const news = (more: Partial<Generation>): Generation =>
	({ conversation_id: 'c1', state: 'streaming', ...more }) as Generation;

export const user = (id: string, parent: string | null, more: Partial<Message> = {}): Message =>
	aMessage(id, { parent_id: parent, state: 'answered', ...more });
export const said = (id: string, parent: string, more: Partial<Message> = {}): Message =>
	aMessage(id, {
		parent_id: parent,
		role: 'assistant',
		state: 'done',
		generation_id: `g-${id}`,
		...more
	});
