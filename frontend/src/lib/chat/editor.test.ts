import { fireEvent, render, screen } from '@testing-library/svelte';
import { describe, expect, it, vi } from 'vitest';
import MessageEditor from './MessageEditor.svelte';

const field = (): HTMLElement => screen.getByRole('textbox');
function open(id: string) {
	const props = {
		id,
		text: 'as it was',
		label: 'Edit',
		save: 'Save',
		onsave: vi.fn(),
		oncancel: vi.fn()
	};
	return { ...render(MessageEditor, props), ...props };
}
async function write(text: string): Promise<void> {
	await fireEvent.input(field(), { target: { value: text } });
}

describe('the editor of a message', () => {
	it('keeps what was written when one goes elsewhere, for that message only', async () => {
		const first = open('a');
		await write('half of a new');
		first.unmount();
		const other = open('b');
		expect(field()).toHaveValue('as it was');
		other.unmount();
		open('a');
		expect(field()).toHaveValue('half of a new');
	});
	it.each([
		['given up', async () => fireEvent.keyDown(field(), { key: 'Escape' })],
		['saved', async () => fireEvent.keyDown(field(), { key: 'Enter', ctrlKey: true })]
	])('forgets what was %s', async (what, end) => {
		const first = open(what);
		await write('new');
		await end();
		first.unmount();
		open(what);
		expect(field()).toHaveValue('as it was');
	});
	it('keeps what could not be saved', async () => {
		const first = open('c');
		first.onsave.mockResolvedValue('hob is away');
		await write('new');
		await fireEvent.keyDown(field(), { key: 'Enter', ctrlKey: true });
		expect(await screen.findByRole('alert')).toHaveTextContent('hob is away');
		first.unmount();
		open('c');
		expect(field()).toHaveValue('new');
	});
	it('is not ended by keys of an input method', async () => {
		const { onsave, oncancel } = open('d');
		await fireEvent.keyDown(field(), { key: 'Escape', isComposing: true });
		await fireEvent.keyDown(field(), { key: 'Enter', ctrlKey: true, keyCode: 229 });
		expect(onsave).not.toHaveBeenCalled();
		expect(oncancel).not.toHaveBeenCalled();
	});
});
