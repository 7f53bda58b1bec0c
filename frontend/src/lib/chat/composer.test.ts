import { fireEvent, render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { aChat, pass, settle, hob, useFakeHob } from '$lib/state/fake_hob';
import { servers } from '$lib/state/servers.svelte';
import Composer from './Composer.svelte';

vi.mock('$app/navigation', () => ({ goto: vi.fn() }));
useFakeHob();

const input = (): HTMLElement => screen.getByRole('textbox', { name: 'Message' });
async function begin(touch: boolean): Promise<{ container: HTMLElement }> {
	vi.spyOn(window, 'matchMedia').mockImplementation(
		(query) =>
			({
				matches: touch && query.includes('coarse'),
				addEventListener: () => undefined,
				removeEventListener: () => undefined
			}) as unknown as MediaQueryList
	);
	servers.loaded = true;
	hob.onPost = () => null;
	const chat = aChat(true);
	chat.send('one', 's1');
	await settle();
	return render(Composer, {
		chat,
		serverId: 's1',
		onpick: () => undefined,
		onsend: () => undefined
	});
}
async function press(name: RegExp): Promise<void> {
	const user = userEvent.setup({ delay: null });
	screen.getByRole('button', { name }).focus();
	await user.keyboard('{Enter}');
	await pass(500);
}

describe.each([
	['a mouse', false],
	['touch, where it would raise a keyboard,', true]
])('with %s the focus', (_, touch) => {
	const expected = (): void => {
		if (touch) expect(input()).not.toHaveFocus();
		else expect(input()).toHaveFocus();
	};
	it('after Stop', async () => {
		await begin(touch);
		await press(/^Stop$/);
		expected();
	});
	it('after files were chosen', async () => {
		const { container } = await begin(touch);
		const picker = container.querySelector('input[type=file]') as HTMLInputElement;
		const files = [new File(['a'], 'a.txt', { type: 'text/plain' })];
		await fireEvent.change(picker, { target: { files } });
		await settle();
		expected();
	});
	it.each([/^Server:/, /^More ways to send$/])('after the menu of %s', async (name) => {
		await begin(touch);
		const button = screen.getByRole('button', { name });
		button.focus();
		await fireEvent.keyDown(button, { key: 'Enter' });
		await pass(500);
		await fireEvent.keyDown(screen.getByRole('menu', { hidden: true }), { key: 'Escape' });
		await pass(500);
		expect(screen.queryByRole('menu', { hidden: true })).not.toBeInTheDocument();
		expected();
		if (touch) expect(button).toHaveFocus();
	});
	it('after Send', async () => {
		await begin(touch);
		await press(/^Send$/);
		expect(input()).toHaveFocus();
	});
});
