import { afterEach, expect, it, vi } from 'vitest';
import { importFile } from './upload';

/** As much of XMLHttpRequest as an import needs; the test says what comes. */
class FakeRequest {
	static last: FakeRequest;
	status = 0;
	responseText = '';
	readonly upload: Record<string, (e: unknown) => void> = {};
	onload = (): void => undefined;
	onabort = (): void => undefined;
	onloadend = (): void => undefined;
	readonly open = vi.fn();
	readonly setRequestHeader = vi.fn();
	readonly send = vi.fn();
	constructor() {
		FakeRequest.last = this;
	}
	abort(): void {
		this.onabort();
		this.onloadend();
	}
	answer(status: number, text: string): void {
		this.status = status;
		this.responseText = text;
		this.onload();
		this.onloadend();
	}
}
afterEach(() => vi.unstubAllGlobals());

function begin(control = new AbortController()): Promise<unknown> {
	vi.stubGlobal('XMLHttpRequest', FakeRequest);
	return importFile(new Blob(['{}']), { onprogress: () => undefined, signal: control.signal });
}

it('an import ends with what hob says, or with why it did not work', async () => {
	const good = begin();
	FakeRequest.last.answer(200, '{"conversations":1}');
	expect(await good).toEqual({ conversations: 1 });
	const refused = begin();
	FakeRequest.last.answer(400, '{"error":{"message":"not hob\'s","code":"bad_import"}}');
	await expect(refused).rejects.toMatchObject({ status: 400, code: 'bad_import' });
	const proxied = begin();
	FakeRequest.last.answer(200, '<html>');
	await expect(proxied).rejects.toMatchObject({ status: 0 });
});

it('an import that is called off sends nothing more', async () => {
	const control = new AbortController();
	const running = begin(control);
	control.abort();
	await expect(running).rejects.toMatchObject({ name: 'AbortError' });
	await expect(begin(control)).rejects.toMatchObject({ name: 'AbortError' });
	expect(FakeRequest.last.send).toHaveBeenCalledOnce();
});
