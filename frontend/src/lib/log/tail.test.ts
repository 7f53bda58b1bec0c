import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { api, ApiError } from '$lib/api/client';
import { LogTail } from './tail.svelte';

const line = (n: number) => ({ n, at: n, stream: 'out' as const, text: `line ${String(n)}` });
const numbers = (tail: LogTail): number[] => tail.lines.map((l) => l.n);

describe('LogTail', () => {
	beforeEach(() => void vi.useFakeTimers());
	afterEach(() => void vi.useRealTimers());

	it('asks for what is new and shows no line twice', async () => {
		const ask = vi.spyOn(api, 'serverLog');
		ask.mockResolvedValueOnce({ lines: [line(1), line(2)], next: 2 });
		ask.mockResolvedValueOnce({ lines: [line(2), line(3)], next: 3 });
		const tail = new LogTail('s');
		await tail.poll();
		await tail.poll();
		expect(ask.mock.calls.map((c) => c[1])).toEqual([0, 2]);
		expect(numbers(tail)).toEqual([1, 2, 3]);
	});

	it('starts over when hob counts from the beginning again', async () => {
		const ask = vi.spyOn(api, 'serverLog');
		ask.mockResolvedValueOnce({ lines: [line(50)], next: 50 });
		ask.mockResolvedValueOnce({ lines: [], next: 2 });
		ask.mockResolvedValueOnce({ lines: [line(1), line(2)], next: 2 });
		const tail = new LogTail('s');
		await tail.poll();
		await tail.poll();
		expect(numbers(tail)).toEqual([1, 2]);
	});

	it('keeps at most as many lines as hob', async () => {
		vi.spyOn(api, 'serverLog').mockResolvedValue({
			lines: Array.from({ length: 2100 }, (_, i) => line(i)),
			next: 2100
		});
		const tail = new LogTail('s');
		await tail.poll();
		expect(tail.lines).toHaveLength(2000);
		expect(tail.lines[0]?.n).toBe(100);
	});

	it('keeps the lines and says why when hob is gone, then goes on', async () => {
		const ask = vi.spyOn(api, 'serverLog');
		ask.mockResolvedValueOnce({ lines: [line(1)], next: 1 });
		ask.mockRejectedValueOnce(new ApiError(0, 'x', { code: 'network' }));
		ask.mockResolvedValue({ lines: [line(2)], next: 2 });
		const tail = new LogTail('s');
		const stop = tail.start();
		await vi.advanceTimersByTimeAsync(1000);
		expect(tail.error).toContain('cannot be reached');
		expect(numbers(tail)).toEqual([1]);
		await vi.advanceTimersByTimeAsync(1000);
		expect(tail.error).toBeNull();
		expect(numbers(tail)).toEqual([1, 2]);
		stop();
		const asked = ask.mock.calls.length;
		await vi.advanceTimersByTimeAsync(5000);
		expect(ask.mock.calls.length).toBe(asked);
	});

	it('rests while the tab is hidden', async () => {
		const ask = vi.spyOn(api, 'serverLog').mockResolvedValue({ lines: [], next: 0 });
		vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
		const stop = new LogTail('s').start();
		await vi.advanceTimersByTimeAsync(5000);
		expect(ask).not.toHaveBeenCalled();
		stop();
	});
});
