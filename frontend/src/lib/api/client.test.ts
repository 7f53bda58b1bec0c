import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { api, ApiError, errorOf, open, setUnauthorizedHandler } from './client';
import { failure, fakeFetch, json } from './fake';

const caught = async (p: Promise<unknown>): Promise<ApiError> => {
	const e = await p.then(
		() => null,
		(e: unknown) => e
	);
	expect(e).toBeInstanceOf(ApiError);
	return e as ApiError;
};
afterEach(() => {
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

describe('errors', () => {
	it('carry everything that hob says', async () => {
		const e = await errorOf(
			failure(
				503,
				'Loading',
				{ code: 'engine_loading', engine: { state: 'loading' } },
				{ 'retry-after': '2' }
			)
		);
		expect(e).toMatchObject({
			status: 503,
			message: 'Loading',
			code: 'engine_loading',
			retryAfterS: 2,
			engine: { state: 'loading' }
		});
	});
	it.each([
		['<html>Bad Gateway</html>', 'The model could not be reached'],
		['{"error":"a string"}', 'a string'],
		['{"error":{"message":7}}', 'The model could not be reached'],
		['null', 'The model could not be reached'],
		['', 'The model could not be reached']
	])('of a proxy or an engine: %j', async (body, message) => {
		expect((await errorOf(new Response(body, { status: 502 }))).message).toBe(message);
	});
	it('have status 0 when no answer came', async () => {
		fakeFetch(() => new TypeError('failed to fetch'));
		expect(await caught(api.servers())).toMatchObject({ status: 0, code: 'network' });
	});
});

describe('requests', () => {
	it('send JSON only where something changes', async () => {
		const calls = fakeFetch(() => json({}));
		await api.servers();
		await api.startServer('a/b');
		await api.createKey({ name: 'laptop' });
		expect(calls.map((c) => [c.method, c.path, c.body, c.headers['content-type']])).toEqual([
			['GET', '/api/servers', undefined, undefined],
			['POST', '/api/servers/a%2Fb/start', {}, 'application/json'],
			['POST', '/api/keys', { name: 'laptop' }, 'application/json']
		]);
	});
	it('tell who listens that nobody is signed in, but not a failed log-in', async () => {
		const told = vi.fn();
		setUnauthorizedHandler(told);
		fakeFetch((c) =>
			failure(401, 'no', {
				code: c.path === '/api/login' ? 'bad_credentials' : 'not_signed_in'
			})
		);
		await caught(api.login({ name: 'a', password: 'b' }));
		expect(told).not.toHaveBeenCalled();
		await caught(api.servers());
		expect(told).toHaveBeenCalledOnce();
		setUnauthorizedHandler(() => undefined);
	});
});

describe('waiting for headers', () => {
	beforeEach(() => void vi.useFakeTimers());
	it('ends after the time given', async () => {
		fakeFetch(() => null);
		const e = caught(open('/x', { headerTimeoutMs: 10_000 }));
		await vi.advanceTimersByTimeAsync(10_000);
		expect(await e).toMatchObject({ status: 0, code: 'timeout' });
	});
	it('ends when the caller gives up, as an abort and not as an error', async () => {
		fakeFetch(() => null);
		const control = new AbortController();
		const p = open('/x', { headerTimeoutMs: 10_000, signal: control.signal });
		control.abort();
		await expect(p).rejects.toMatchObject({ name: 'AbortError' });
	});
});

it.each([
	['an answer', () => json({ lines: [], next: 0 })],
	['nothing', () => json(null, 204)],
	['a refusal', () => failure(500)],
	['a body that is no JSON', () => new Response('<html>')]
])('%s leaves nothing on a signal that outlives the call', async (_, answer) => {
	fakeFetch(answer);
	const { signal } = new AbortController();
	const added = vi.spyOn(signal, 'addEventListener');
	const removed = vi.spyOn(signal, 'removeEventListener');
	for (let n = 0; n < 3; n++) await api.serverLog('s', 0, { signal }).catch(() => undefined);
	const left = new Set(added.mock.calls.map(([, listener]) => listener));
	expect(left.size).toBeGreaterThan(0);
	for (const [, listener] of removed.mock.calls) left.delete(listener);
	expect([...left]).toEqual([]);
});

it('a call ends when its caller gives up while the body comes', async () => {
	const cancel = vi.fn();
	fakeFetch(() => new Response(new ReadableStream({ cancel })));
	const control = new AbortController();
	const reading = api.serverLog('s', 0, { signal: control.signal });
	setTimeout(() => control.abort(), 0);
	await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
	expect(cancel).toHaveBeenCalled();
});

it('a body of which no more comes is given up, however much is there', async () => {
	vi.useFakeTimers();
	let control!: ReadableStreamDefaultController<Uint8Array>;
	const cancel = vi.fn();
	fakeFetch(() => new Response(new ReadableStream({ start: (c) => (control = c), cancel })));
	const e = caught(api.conversations());
	for (const piece of ['{"conver', 'sations', '":[']) {
		await vi.advanceTimersByTimeAsync(20_000);
		control.enqueue(new TextEncoder().encode(piece));
	}
	await vi.advanceTimersByTimeAsync(31_000);
	expect(await e).toMatchObject({ status: 0, code: 'network' });
	expect(cancel).toHaveBeenCalled();
});

it('a character that comes in two pieces is one', async () => {
	const bytes = new TextEncoder().encode('{"servers":"ü"}');
	const pieces = [bytes.slice(0, 13), bytes.slice(13)];
	fakeFetch(
		() =>
			new Response(
				new ReadableStream({
					pull: (c) => {
						const piece = pieces.shift();
						if (piece) c.enqueue(piece);
						else c.close();
					}
				})
			)
	);
	expect(await api.servers()).toEqual({ servers: 'ü' });
});
