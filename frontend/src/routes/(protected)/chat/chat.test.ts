import { cleanup, fireEvent, render, screen, within } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
	aConversation,
	aMessage,
	answerStream,
	aServer,
	failure,
	fakeFetch,
	FakeStream,
	json,
	type Answer,
	type Call
} from '$lib/api/fake';
import type { ChatRequest } from '$lib/api/types';
import { live } from '$lib/api/events';
import { chats } from '$lib/state/chats.svelte';
import { conversations } from '$lib/state/conversations.svelte';
import { servers } from '$lib/state/servers.svelte';
import { session } from '$lib/state/session.svelte';
import ChatPage from './+page.svelte';

const navigation = vi.hoisted(() => ({
	afterNavigate: vi.fn(),
	replaceState: vi.fn(),
	goto: vi.fn()
}));
vi.mock('$app/navigation', () => navigation);
vi.mock('$app/state', () => ({ page: { state: {}, url: new URL('http://hob/chat') } }));

const CARD = 'Failed to connect to model after 3 attempts';
let calls: Call[];
let onPost: (n: number) => Answer;
let onRead: () => Answer;
let onEvents: () => Answer;
let onUpload: () => Answer;
const posts = (): Call[] => calls.filter((c) => c.path === '/api/chat/completions');
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const input = (): HTMLTextAreaElement => screen.getByLabelText('Message');
const sendButton = (): HTMLElement => screen.getByRole('button', { name: 'Send' });

async function say(text: string): Promise<void> {
	input().focus();
	await fireEvent.input(input(), { target: { value: text } });
	await fireEvent.keyDown(input(), { key: 'Enter' });
	await pass(50);
}
const line = (): HTMLElement => screen.getByText(/^Connecting to model/);

beforeEach(() => {
	vi.useFakeTimers();
	localStorage.clear();
	onPost = () => failure(503, 'The model is loading', { code: 'engine_loading' });
	onRead = () => failure(404);
	onEvents = () => null;
	onUpload = () => json({ attachment: { id: 'f1' } }, 201);
	calls = fakeFetch((c) => {
		if (c.path === '/api/events') return onEvents();
		if (c.path === '/api/chat/completions') return onPost(posts().length);
		if (c.method === 'DELETE') return json(null, 204);
		if (c.path.startsWith('/api/conversations/')) return onRead();
		if (c.path.startsWith('/api/attachments')) return onUpload();
		if (c.path === '/api/session') return json({ user: null, setup_needed: false, version: '' });
		return json({ message: {}, generation: {} });
	});
	session.user = { id: 'ada', name: 'ada', role: 'user' };
	servers.loaded = true;
	servers.apply(
		aServer('s1', {
			state: 'loading',
			progress: { value: 0.42, left_s: 20, text: null, source: 'bytes' }
		})
	);
	render(ChatPage, { params: {} });
});
afterEach(async () => {
	cleanup();
	await session.load(); // signs out: every conversation is closed
	vi.useRealTimers();
	vi.unstubAllGlobals();
	vi.clearAllMocks();
});

describe('a model that never answers', () => {
	it('shows the attempt with the load, then the card with what was seen', async () => {
		await say('Hello');
		expect(line().textContent).toBe(
			'Connecting to model... (attempt 1/3) · loading 42 %, about 20 s left'
		);
		expect(line().closest('[role=status]')).toBeInTheDocument();
		expect(screen.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '42');
		await pass(2_000);
		expect(line()).toHaveTextContent('(attempt 2/3)');
		await pass(4_000);
		expect(line()).toHaveTextContent('(attempt 3/3)');
		expect(screen.queryByText(CARD)).not.toBeInTheDocument();
		await pass(6_000);
		const card = screen.getByRole('alert');
		expect(within(card).getByText(CARD)).toBeInTheDocument();
		expect(card.textContent).toContain(
			'The model may still be loading. Check the Servers page for status.'
		);
		expect(within(card).getByRole('link', { name: 'Servers page' })).toHaveAttribute(
			'href',
			'/servers'
		);
		expect(card).toHaveTextContent('Error: The model is loading');
		expect(within(card).getByRole('button', { name: 'Retry' })).toBeEnabled();
		expect(within(card).getByRole('button', { name: 'Send when ready' })).toBeEnabled();
		expect(screen.getByText('Hello', { selector: 'p' })).toBeInTheDocument();
		expect(posts()).toHaveLength(4);
	});
	it('shows in the card what the engine does, as it does it', async () => {
		await say('Hello');
		await pass(12_000);
		const card = screen.getByRole('alert');
		const bar = (): HTMLElement => within(card).getByRole('progressbar', { name: /server s1/ });
		expect(card).toHaveTextContent('server s1 Loading 42 %, about 20 s left');
		expect(bar()).toHaveAttribute('aria-valuenow', '42');
		const progress = { value: 0.8, left_s: 6, text: null, source: 'bytes' } as const;
		servers.apply(aServer('s1', { state: 'loading', progress }));
		await pass(50);
		expect(card).toHaveTextContent('server s1 Loading 80 %, about 6 s left');
		expect(bar()).toHaveAttribute('aria-valuenow', '80');
		servers.apply(aServer('s1', { state: 'stopped' }));
		await pass(50);
		expect(card).toHaveTextContent('server s1 Stopped');
		expect(within(card).queryByRole('progressbar')).not.toBeInTheDocument();
	});
	it('leaves focus, input and Send alone all the way, and Retry answers', async () => {
		await say('Hello');
		for (let s = 0; s < 14; s++) {
			expect(document.activeElement).toBe(input());
			expect(input()).toBeEnabled();
			expect(sendButton()).toBeEnabled();
			await pass(1_000);
		}
		const stream = answerStream();
		onPost = () => stream.response;
		const retry = screen.getByRole('button', { name: 'Retry' });
		retry.focus();
		await fireEvent.click(retry);
		await pass(50);
		expect(document.activeElement).toBe(input());
		stream.text('I am **here**').done();
		await pass(50);
		expect(screen.getByText('here')).toBeInTheDocument();
		expect(screen.queryByText(CARD)).not.toBeInTheDocument();
		expect(posts()).toHaveLength(5);
	});
	it('names the conversation in the address with the first message', async () => {
		await say('Hello');
		const chatId = (posts()[0]?.body as { conversation_id: string }).conversation_id;
		expect(navigation.replaceState).toHaveBeenCalledExactlyOnceWith(`/chat/${chatId}`, { chatId });
	});
});

describe('other failures', () => {
	it('show their own words and send one request', async () => {
		onPost = () => failure(429, 'Slow down', {}, { 'retry-after': '30' });
		await say('Hello');
		await pass(20_000);
		expect(screen.getByRole('alert')).toHaveTextContent(/Slow down.*Try again in 30 s/);
		expect(screen.queryByText(CARD)).not.toBeInTheDocument();
		expect(posts()).toHaveLength(1);
	});
	it('a failed engine shows why: exit code, hint, last lines', async () => {
		await say('Hello');
		servers.apply(
			aServer('s1', {
				state: 'failed',
				failure: {
					reason: 'The engine exited while loading',
					exit_code: 1,
					signal: null,
					hint: 'Out of GPU memory',
					log: ['line one', 'line two']
				}
			})
		);
		await pass(50);
		const card = screen.getByRole('alert');
		expect(card).toHaveTextContent('server s1 failed');
		expect(card).toHaveTextContent('The engine exited while loading');
		expect(card).toHaveTextContent('Out of GPU memory Ended with exit code 1.');
		expect(card).toHaveTextContent('line one line two');
		await pass(20_000);
		expect(posts()).toHaveLength(1);
	});
	it('a failed engine can be waited for: hob starts it again', async () => {
		onPost = () => failure(409, 'server s1 failed', { code: 'engine_failed' });
		await say('Hello');
		const card = screen.getByRole('alert');
		expect(within(card).getByRole('button', { name: 'Retry' })).toBeEnabled();
		onPost = () => json({ generation: { id: 'g1', answer_id: 'a1', state: 'queued' } }, 202);
		await fireEvent.click(within(card).getByRole('button', { name: 'Send when ready' }));
		await pass(50);
		const [first, second] = posts().map((c) => c.body as ChatRequest);
		expect(second).toMatchObject({ mode: 'when_ready', message: { id: first?.message.id } });
		expect(screen.queryByRole('alert')).not.toBeInTheDocument();
	});
	it.each([400, 401, 413])('%i passes with no waiting, which is not offered', async (status) => {
		onPost = () => failure(status, 'own words');
		await say('Hello');
		servers.apply(aServer('s1', { state: 'failed' }));
		await pass(50);
		const card = screen.getByRole('alert');
		expect(within(card).getByRole('button', { name: 'Retry' })).toBeEnabled();
		expect(within(card).queryByRole('button', { name: 'Send when ready' })).toBeNull();
	});
	it('an expired log-in opens the dialog and keeps the message', async () => {
		onPost = () => failure(401, 'no', { code: 'not_signed_in' });
		await say('Hello');
		expect(session.loginNeeded).toBe(true);
		expect(screen.getByText('Hello', { selector: 'p' })).toBeInTheDocument();
		expect(screen.getByRole('alert')).toHaveTextContent('goes out after you log in');
	});
});

describe('writing', () => {
	it.each([
		['while composing', { key: 'Enter', isComposing: true }],
		['that ends a composition', { key: 'Enter', keyCode: 229 }],
		['with Shift', { key: 'Enter', shiftKey: true }]
	])('Enter %s does not send', async (_, key) => {
		input().focus();
		await fireEvent.input(input(), { target: { value: 'にほん' } });
		await fireEvent.keyDown(input(), key);
		await pass(100);
		expect(posts()).toHaveLength(0);
		expect(input()).toHaveValue('にほん');
	});
	it('an empty message is not sent', async () => {
		await say('   ');
		await fireEvent.click(sendButton());
		expect(posts()).toHaveLength(0);
	});
	it('a second message queues, and Stop ends the first', async () => {
		await say('one');
		await say('two');
		expect(screen.getByText('Queued')).toBeInTheDocument();
		await fireEvent.click(screen.getByRole('button', { name: 'Stop' }));
		await pass(20_000);
		expect(posts()).toHaveLength(1);
		expect(screen.getByText(/Queue paused/)).toBeInTheDocument();
		expect(document.activeElement).toBe(input());
	});
	it('a message sent before any server is known goes out when one is', async () => {
		servers.list = [];
		servers.loaded = false;
		await say('early bird');
		expect(posts()).toHaveLength(0);
		expect(input()).toHaveValue('early bird');
		servers.apply(aServer('s1', { state: 'loading' }));
		await pass(50);
		expect(posts()).toHaveLength(1);
		expect(input()).toHaveValue('');
	});
	it('a message sent before the conversation is read follows what is there', async () => {
		cleanup();
		onRead = () => failure(503);
		render(ChatPage, { params: { id: 'c1' } });
		await say('too early');
		expect(posts()).toHaveLength(0);
		expect(input()).toHaveValue('too early');
		expect(screen.getByText(/goes out when the conversation/)).toBeInTheDocument();
		const messages = [
			aMessage('u1', { state: 'answered' }),
			aMessage('a1', { role: 'assistant', state: 'done', parent_id: 'u1' })
		];
		const settings = { options: {}, system_prompt: null };
		onRead = () => json({ conversation: aConversation('c1'), settings, messages });
		await pass(3_100);
		expect(posts().map((c) => c.body)).toMatchObject([
			{ message: { parent_id: 'a1', content: 'too early' } }
		]);
		expect(input()).toHaveValue('');
	});
	it('Cancel of what waits with hob gives the focus to the input', async () => {
		cleanup();
		const messages = [
			aMessage('u1', { state: 'pending' }),
			aMessage('a1', { role: 'assistant', state: 'queued', parent_id: 'u1', generation_id: 'g1' })
		];
		const settings = { options: {}, system_prompt: null };
		onRead = () => json({ conversation: aConversation('c1'), settings, messages });
		render(ChatPage, { params: { id: 'c1' } });
		await pass(50);
		const cancel = screen.getByRole('button', { name: 'Cancel' });
		cancel.focus();
		await fireEvent.click(cancel);
		await pass(50);
		expect(input()).toHaveFocus();
	});
	it('what is half written is there again after the page was left', async () => {
		await fireEvent.input(input(), { target: { value: 'half a thou' } });
		cleanup();
		render(ChatPage, { params: {} });
		expect(input()).toHaveValue('half a thou');
	});
});

describe('the system prompt above the messages', () => {
	const shown = (): string | undefined =>
		screen.queryByText('System prompt')?.closest('details')?.querySelector('p')?.textContent;
	const withPrompt = (id: string, prompt: string): void =>
		servers.apply({ ...aServer(id), system_prompt: prompt });

	it("is what the next prompt has: the chosen server's, then the conversation's own", async () => {
		withPrompt('s1', 'You are a cook.\n');
		withPrompt('s2', 'You are a poet.');
		// hob takes what is sent of the settings.
		const settings = { options: {}, system_prompt: null };
		onRead = () => {
			Object.assign(settings, calls.at(-1)?.body);
			return json({ conversation: aConversation('c1'), settings });
		};
		await say('Hello');
		const { conversation_id: id } = posts()[0]?.body as ChatRequest;
		const chat = chats.get(id);
		expect(shown()).toBe('You are a cook.');
		await chat.saveSettings({ options: {}, system_prompt: 'Answer in rhymes.' });
		await pass(50);
		expect(shown()).toBe('You are a cook.\n\nAnswer in rhymes.');
		chats.chooseServer(chat, 's2');
		await pass(50);
		expect(shown()).toBe('You are a poet.\n\nAnswer in rhymes.');
		withPrompt('s2', '');
		await pass(50);
		expect(shown()).toBe('Answer in rhymes.');
		await chat.saveSettings({ options: {}, system_prompt: null });
		await pass(50);
		expect(shown()).toBeUndefined();
	});
});

describe('a message that waits for its files', () => {
	const FILE = { type: 'file', file: { id: 'f1', name: 'notes.txt' } };
	let uploaded: (response: Response) => void;
	/** Sends "look at this" while a file is being uploaded. */
	async function sayWithFile(press: () => Promise<unknown> = () => say('look at this')) {
		onUpload = () => new Promise((resolve) => (uploaded = resolve));
		const files = [new File(['some notes'], 'notes.txt', { type: 'text/plain' })];
		const data = { types: ['Files'], files };
		await fireEvent.drop(input(), { dataTransfer: data });
		await vi.waitFor(() =>
			expect(calls.some((c) => c.path.startsWith('/api/attachments'))).toBe(true)
		);
		await press();
		expect(posts()).toHaveLength(0);
		expect(screen.getByText(/goes out when the files are uploaded/)).toBeInTheDocument();
	}
	const finish = async (): Promise<void> => {
		uploaded(json({ attachment: { id: 'f1' } }, 201));
		await pass(50);
	};
	const elsewhere = async (): Promise<void> => {
		cleanup();
		render(ChatPage, { params: { id: 'elsewhere' } });
		await pass(50);
	};

	it('goes out when they are uploaded, and names the conversation in the address', async () => {
		await sayWithFile();
		await finish();
		expect(posts().map((c) => c.body)).toMatchObject([
			{ mode: 'send', message: { content: [{ type: 'text', text: 'look at this' }, FILE] } }
		]);
		expect(input()).toHaveValue('');
		expect(navigation.replaceState).toHaveBeenCalledOnce();
	});
	it('goes out also when another conversation is on the screen', async () => {
		await sayWithFile();
		await elsewhere();
		await finish();
		expect(posts()).toHaveLength(1);
		expect(navigation.replaceState).not.toHaveBeenCalled();
		expect(screen.queryByText('look at this')).not.toBeInTheDocument();
	});
	it('goes out as it was sent, to the server of its conversation', async () => {
		await sayWithFile(async () => {
			await fireEvent.input(input(), { target: { value: 'look at this' } });
			await fireEvent.click(screen.getByRole('button', { name: 'More ways to send' }));
			await fireEvent.click(await screen.findByRole('menuitem', { name: /Send when ready/ }));
			await pass(50);
		});
		servers.apply(aServer('s2'));
		await elsewhere();
		chats.chooseServer(chats.get('elsewhere'), 's2');
		await say('an ordinary one');
		expect(posts()).toHaveLength(1);
		await finish();
		expect(posts().map((c) => c.body)).toMatchObject([
			{ mode: 'send', server: 's2' },
			{ mode: 'when_ready', server: 's1' }
		]);
	});
	it('is not forgotten, however many others are looked at', async () => {
		servers.list = [];
		servers.loaded = false;
		onRead = () =>
			json({
				conversation: aConversation('c1'),
				settings: { options: {}, system_prompt: null },
				messages: []
			});
		cleanup();
		render(ChatPage, { params: { id: 'c1' } });
		await say('early bird');
		await elsewhere();
		for (let n = 0; n < 50; n++) chats.get(`other${String(n)}`);
		servers.apply(aServer('s1', { state: 'loading' }));
		await pass(50);
		expect(posts()).toMatchObject([{ body: { conversation_id: 'c1' } }]);
	});
	it('is read for although nobody looks, when hob did not answer at first', async () => {
		onRead = () => failure(503);
		cleanup();
		render(ChatPage, { params: { id: 'c1' } });
		await say('too early');
		cleanup();
		onRead = () => failure(404);
		await pass(3_100);
		expect(posts()).toMatchObject([{ body: { conversation_id: 'c1' } }]);
	});
	it.each([
		['here', async () => undefined],
		['elsewhere', elsewhere]
	])('stays when one cannot be uploaded, and that is said (%s)', async (_, go) => {
		await sayWithFile();
		await go();
		uploaded(failure(500, 'disk full'));
		await pass(50);
		cleanup();
		render(ChatPage, { params: {} });
		expect(posts()).toHaveLength(0);
		expect(input()).toHaveValue('look at this');
		const why = { selector: '[role=status]' };
		expect(screen.getByText('Not sent: notes.txt could not be uploaded.', why)).toBeInTheDocument();
		expect(screen.getByText('disk full')).toBeInTheDocument();
	});
	it('that failed is told of where one is', async () => {
		await sayWithFile();
		await elsewhere();
		uploaded(failure(500, 'disk full'));
		await pass(50);
		expect(screen.getByText('Not sent: notes.txt could not be uploaded.')).toBeInTheDocument();
		await fireEvent.click(screen.getByRole('button', { name: 'Open' }));
		expect(navigation.goto).toHaveBeenCalledExactlyOnceWith('/chat');
	});
	it('does not go out by itself once it is changed', async () => {
		await sayWithFile();
		await fireEvent.input(input(), { target: { value: 'look at this, and' } });
		await finish();
		expect(posts()).toHaveLength(0);
		expect(screen.getByText(/^Not sent yet/)).toBeInTheDocument();
		await fireEvent.keyDown(input(), { key: 'Enter' });
		await pass(50);
		expect(posts()).toHaveLength(1);
		expect(screen.queryByText(/^Not sent yet/)).not.toBeInTheDocument();
	});
});

describe('leaving the page', () => {
	it('changes nothing: the cycle goes on and the answer is there', async () => {
		const stream = answerStream();
		onPost = (n) => (n <= 2 ? failure(503) : stream.response);
		await say('Hello');
		const id = (posts()[0]?.body as { conversation_id: string }).conversation_id;
		cleanup();
		await pass(7_000);
		expect(posts()).toHaveLength(3);
		stream.text('Still here').done();
		await pass(50);
		render(ChatPage, { params: { id } });
		await pass(50);
		expect(screen.getByText('Still here')).toBeInTheDocument();
		expect(chats.currentId).toBe(id);
	});
});

describe('a conversation that is deleted while it is on the screen', () => {
	const NOT_THERE = 'This conversation is not there';

	beforeEach(async () => {
		cleanup();
		const settings = { options: {}, system_prompt: null };
		const messages = [aMessage('u1', { state: 'answered', content: 'once upon a time' })];
		conversations.apply(aConversation('c1'));
		onRead = () => json({ conversation: aConversation('c1'), settings, messages });
		render(ChatPage, { params: { id: 'c1' } });
		await pass(50);
		expect(screen.getByText('once upon a time')).toBeInTheDocument();
		await fireEvent.input(input(), { target: { value: 'half a thou' } });
		onRead = () => failure(404);
	});
	it('by another tab, is gone from it; what is being written stays', async () => {
		const events = new FakeStream();
		onEvents = () => events.response;
		live.start('ada');
		await pass(50);
		events.raw('event: conversation_removed\ndata: {"id":"c1"}\n\n');
		await pass(50);
		live.stop();
		expect(screen.getByRole('heading', { name: NOT_THERE })).toBeInTheDocument();
		expect(input()).toHaveValue('half a thou');
	});
	it('after it was deleted here, is gone from it when that cannot be undone any more', async () => {
		conversations.remove(['c1']);
		await pass(5_000);
		expect(screen.getByText('once upon a time')).toBeInTheDocument();
		await pass(1_100);
		expect(screen.getByRole('heading', { name: NOT_THERE })).toBeInTheDocument();
		expect(input()).toHaveValue('half a thou');
	});
});

describe('answers', () => {
	it('fold the reasoning, and say how fast they came', async () => {
		const stream = answerStream();
		onPost = () => stream.response;
		await say('Hello');
		stream.text('<thi').text('nk>deep thoughts</th');
		await pass(50);
		expect(screen.getByText(/^Thinking/)).toBeInTheDocument();
		expect(screen.queryByText(/deep thoughts/)).not.toBeInTheDocument();
		stream.text('ink>Short answer').done('done', {
			model: 'm',
			prompt_tokens: 3,
			completion_tokens: 12,
			tokens_per_s: 48.2,
			ttft_ms: 412,
			total_ms: 900,
			finish_reason: 'stop'
		});
		await pass(50);
		expect(screen.getByText('Short answer')).toBeInTheDocument();
		expect(screen.getByText(/^(Reasoning|Thought for less than 1 s)$/)).toBeInTheDocument();
		expect(screen.getByText('48 tok/s · first token after 0.4 s · 12 tokens')).toBeInTheDocument();
	});
});
