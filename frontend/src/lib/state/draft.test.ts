import { beforeEach, describe, expect, it, vi } from 'vitest';
import { failure, fakeFetch, json, type Call } from '$lib/api/fake';
import { Draft } from './draft.svelte';

let calls: Call[];
let answer: (n: number) => Response;
const file = (text: string, name = 'a.txt'): File => new File([text], name);

beforeEach(() => {
	localStorage.clear();
	answer = (n) => json({ attachment: { id: `id${String(n)}` } }, 201);
	calls = fakeFetch(() => answer(calls.length));
});

describe('files', () => {
	it('upload once, and are there again after a reload', async () => {
		const draft = new Draft('k');
		await draft.add([file('one')]);
		expect(new Draft('k').files.map((f) => [f.name, f.id, f.uploading])).toEqual([
			['a.txt', 'id1', false]
		]);
		expect(draft.take()).toEqual([{ type: 'file', file: { id: 'id1', name: 'a.txt' } }]);
		expect(new Draft('k').empty).toBe(true);
		expect(calls).toHaveLength(1);
	});
	it('the same one twice is there once, and the draft says so', async () => {
		const draft = new Draft('k');
		await draft.add([file('one'), file('one', 'copy.txt')]);
		expect(draft.files).toHaveLength(1);
		expect(draft.notice).toBe('copy.txt is attached already.');
		expect(calls).toHaveLength(1);
	});
	it('one that was there before a reload is known by its id', async () => {
		answer = () => json({ attachment: { id: 'same' } }, 201);
		await new Draft('k').add([file('one')]);
		const again = new Draft('k');
		await again.add([file('one')]);
		expect(again.files).toHaveLength(1);
		expect(again.notice).toContain('attached already');
	});
	it('beyond 31 are left out', async () => {
		const draft = new Draft('k');
		await draft.add(Array.from({ length: 40 }, (_, i) => file(`text ${String(i)}`)));
		expect(draft.files).toHaveLength(31);
		expect(draft.notice).toContain('A message takes 31 files');
	});
	it('that hob refuses offer no second try; a lost connection does', async () => {
		const draft = new Draft('k');
		answer = () => failure(415, 'hob does not take this');
		await draft.add([file('one')]);
		expect(draft.files[0]).toMatchObject({ error: 'hob does not take this', refused: true });
		answer = () => failure(502, 'gone');
		await draft.add([file('two')]);
		expect(draft.files[1]).toMatchObject({ error: 'gone', refused: false });
		answer = () => json({ attachment: { id: 'x' } }, 201);
		await draft.retry(draft.files[1] as (typeof draft.files)[0]);
		expect(draft.files[1]).toMatchObject({ error: null, id: 'x' });
	});
	it('that cannot be used never reach hob', async () => {
		const draft = new Draft('k');
		await draft.add([file('\0\u0001\u0002', 'a.bin')]);
		expect(draft.files[0]?.error).toContain('Not an image');
		expect(calls).toHaveLength(0);
	});
	it('that could not be uploaded stay when the message goes out', async () => {
		const draft = new Draft('k');
		await draft.add([file('\0', 'a.bin'), file('good')]);
		draft.setText('look');
		expect(draft.take()).toEqual([
			{ type: 'text', text: 'look' },
			{ type: 'file', file: { id: 'id1', name: 'a.txt' } }
		]);
		expect(draft.files.map((f) => f.name)).toEqual(['a.bin']);
	});
	it('taken away while they upload are given up', async () => {
		const draft = new Draft('k');
		const sent = vi.fn();
		calls = fakeFetch((c) => {
			c.signal?.addEventListener('abort', sent);
			return null;
		});
		const adding = draft.add([file('one')]);
		await vi.waitFor(() => expect(calls).toHaveLength(1));
		draft.drop(draft.files[0] as (typeof draft.files)[0]);
		await adding;
		expect(sent).toHaveBeenCalledOnce();
		expect(draft.empty).toBe(true);
	});
});

describe('what cannot go out', () => {
	const kept = { name: 'a.png', mime: 'image/png', size: 9, id: 'i' };
	const withImage = (): Draft => {
		localStorage.setItem('k', JSON.stringify({ text: '', files: [kept] }));
		return new Draft('k');
	};
	it.each([
		[false, 'qwen cannot see images. Pick another server or remove the image.'],
		[true, null],
		[null, null]
	])('an image for a server with vision %s: %s', (vision, problem) => {
		expect(withImage().problem({ name: 'qwen', vision })).toBe(problem);
	});
	it('is a text of more than 4 MiB', () => {
		const draft = new Draft('k2');
		draft.text = 'x'.repeat(4 * 1024 * 1024);
		expect(draft.problem(undefined)).toBeNull();
		draft.text += '1234567890'.repeat(20_000);
		expect(draft.problem(undefined)).toContain('4.2 MiB of text; a message takes 4 MiB');
	});
});
