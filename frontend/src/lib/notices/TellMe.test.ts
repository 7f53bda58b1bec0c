import { fireEvent, render, screen } from '@testing-library/svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { desktop, type Support } from './desktop.svelte';
import TellMe from './TellMe.svelte';

const button = (): HTMLElement | null =>
	screen.queryByRole('button', { name: 'Tell me when it is there' });
const status = (): HTMLElement => screen.getByRole('status');

/** What the browser makes of the wish. */
function answers(on: boolean, support: Support): void {
	vi.spyOn(desktop, 'set').mockImplementation(() => {
		Object.assign(desktop, { on, support });
		return Promise.resolve(on);
	});
}

beforeEach(() => {
	Object.assign(desktop, { on: false, support: 'yes' });
});

describe('beside a message that is answered later', () => {
	it('one is asked, and the browser only after a click', async () => {
		answers(true, 'yes');
		render(TellMe);
		expect(button()).toBeEnabled();
		expect(desktop.set).not.toHaveBeenCalled();
		await fireEvent.click(button() as HTMLElement);
		expect(desktop.set).toHaveBeenCalledExactlyOnceWith(true);
		expect(status()).toHaveTextContent('The browser tells you when the answer is there.');
		expect(button()).toBeNull();
	});
	it('who switched them on before is told so', () => {
		desktop.on = true;
		render(TellMe);
		expect(status()).toHaveTextContent('The browser tells you when the answer is there.');
		expect(button()).toBeNull();
	});
	it.each([
		['denied', 'The browser blocks notifications of this page.'],
		['no', 'This browser has no notifications for pages.']
	] as const)('nothing is promised when the browser refuses: %s', async (support, words) => {
		answers(false, support);
		render(TellMe);
		await fireEvent.click(button() as HTMLElement);
		await vi.waitFor(() => expect(status()).toHaveTextContent(words));
		expect(button()).toBeNull();
	});
	it('a question that was closed is not asked again', async () => {
		answers(false, 'yes');
		render(TellMe);
		await fireEvent.click(button() as HTMLElement);
		await vi.waitFor(() => expect(button()).toBeNull());
		expect(status()).toHaveTextContent(/^$/);
	});
	it('where there are none, it says why and offers nothing', () => {
		desktop.support = 'insecure';
		render(TellMe);
		expect(status()).toHaveTextContent('Notifications need https, or hob on this machine.');
		expect(button()).toBeNull();
	});
});
