import { fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testServer } from '$lib/servers/testing';
import { session } from '$lib/state/session.svelte';
import type { Settings } from '$lib/api/types';
import { FIELDS, isSet, read, readNumber, sameSettings, textsOf, type NumberKey } from './fields';
import type { Chat } from '$lib/state/chat.svelte';
import SettingsButton from './SettingsButton.svelte';
import SettingsForm from './SettingsForm.svelte';

const NONE: Settings = { options: {}, system_prompt: null };
const field = (key: NumberKey): (typeof FIELDS)[number] => {
	const found = FIELDS.find((f) => f.key === key);
	if (!found) throw new Error(key);
	return found;
};

describe('numbers', () => {
	it.each([
		['temperature', '', undefined],
		['temperature', ' 0.7 ', 0.7],
		['temperature', '0,7', 0.7],
		['temperature', '.5', 0.5],
		['temperature', '0', 0],
		['presence_penalty', '-1.5', -1.5],
		['seed', '-1', -1],
		['max_tokens', '10 000', 10_000]
	] as const)('%s "%s" is %s', (key, text, value) => {
		expect(readNumber(field(key), text)).toBe(value);
	});
	it.each([
		['temperature', '5.1', 'A number from 0 to 5'],
		['temperature', 'hot', 'A number from 0 to 5'],
		['temperature', '1e-3', 'A number'],
		['top_k', '1.5', 'A whole number from 0 to 100,000'],
		['max_tokens', '0', 'from 1 to 10,000,000'],
		['seed', '-2', "from -1 to 4,294,967,295, or nothing for the engine's default."]
	] as const)('%s "%s" is refused with the range', (key, text, words) => {
		expect(readNumber(field(key), text)).toContain(words);
	});
});

describe('settings', () => {
	const full: Settings = {
		options: { temperature: 0.2, seed: 7, stop: ['\n\n', 'a\\b', 'END'] },
		system_prompt: 'Be brief.\n'
	};
	it('stand in fields and come back the same', () => {
		expect(read(textsOf(full), NONE)).toEqual({ settings: full, errors: {} });
		expect(textsOf(full).stop).toBe('\\n\\n\na\\\\b\nEND');
		expect(read(textsOf(NONE), full).settings).toEqual(NONE);
	});
	it('keep what was saved of a field that makes no sense', () => {
		const texts = textsOf(full);
		texts.numbers.temperature = 'x';
		texts.stop = 's\n'.repeat(17);
		const { settings, errors } = read(texts, full);
		expect(settings).toEqual(full);
		expect(errors).toHaveProperty('temperature');
		expect(errors.stop).toContain('At most 16');
	});
	it('know whether anything is set, and whether they are alike', () => {
		expect(isSet(NONE)).toBe(false);
		expect(isSet({ options: {}, system_prompt: '' })).toBe(false);
		expect(isSet({ options: { temperature: 0 }, system_prompt: null })).toBe(true);
		expect(
			sameSettings(
				{ options: { stop: 'x' }, system_prompt: '' },
				read(textsOf({ options: { stop: ['x'] }, system_prompt: null }), NONE).settings
			)
		).toBe(true);
		expect(sameSettings(full, NONE)).toBe(false);
	});
});

it('the button reads what another tab may have changed, and nothing of a new conversation', async () => {
	const chat = (isNew: boolean) => ({
		isNew,
		settings: NONE,
		unsavedSettings: false,
		load: vi.fn(),
		saveSettings: vi.fn()
	});
	for (const [isNew, times] of [
		[false, 1],
		[true, 0]
	] as const) {
		const one = chat(isNew);
		const view = render(SettingsButton, { chat: one as unknown as Chat, serverId: null });
		expect(one.load).not.toHaveBeenCalled();
		await fireEvent.click(screen.getByRole('button', { name: 'Settings of this conversation' }));
		expect(await screen.findByLabelText('Temperature')).toBeInTheDocument();
		expect(one.load).toHaveBeenCalledTimes(times);
		view.unmount();
	}
});

describe('the form', () => {
	const onsave = vi.fn<(settings: Settings) => Promise<void>>();
	let view: ReturnType<typeof render>;
	const show = (settings: Settings = NONE): void => {
		view = render(SettingsForm, {
			settings,
			onsave,
			unsaved: false,
			server: testServer({ system_prompt: 'You are a cook.' })
		});
	};
	const write = async (label: string, value: string): Promise<void> => {
		await fireEvent.input(screen.getByLabelText(label), { target: { value } });
	};
	beforeEach(() => {
		vi.useFakeTimers();
		onsave.mockReset();
		onsave.mockImplementation((settings) => view.rerender({ settings }));
	});
	afterEach(() => {
		vi.useRealTimers();
		session.user = null;
	});

	it('saves once one stops to write, and says so', async () => {
		show();
		await write('Temperature', '0.');
		await write('Temperature', '0.4');
		expect(onsave).not.toHaveBeenCalled();
		await vi.advanceTimersByTimeAsync(1000);
		expect(onsave).toHaveBeenCalledExactlyOnceWith({
			options: { temperature: 0.4 },
			system_prompt: null
		});
		expect(screen.getByRole('status')).toHaveTextContent('Saved');
	});
	it('follows what another tab saves, but for what is being written', async () => {
		show({ options: { seed: 3 }, system_prompt: null });
		await write('Temperature', '0.4');
		await view.rerender({ settings: { options: { temperature: 1 }, system_prompt: 'Rhyme.' } });
		expect(screen.getByLabelText('System prompt of this conversation')).toHaveValue('Rhyme.');
		expect(screen.getByLabelText('Seed')).toHaveValue('');
		await vi.advanceTimersByTimeAsync(1000);
		expect(onsave).toHaveBeenCalledExactlyOnceWith({
			options: { temperature: 0.4 },
			system_prompt: 'Rhyme.'
		});
	});
	it('keeps what was refused in its field and offers Retry', async () => {
		show();
		onsave.mockResolvedValue(undefined);
		await write('Top k', '40');
		await vi.advanceTimersByTimeAsync(1000);
		expect(screen.getByRole('status')).toHaveTextContent('Could not be saved');
		expect(screen.getByLabelText('Top k')).toHaveValue('40');
		onsave.mockImplementation((settings) => view.rerender({ settings }));
		await fireEvent.click(screen.getByRole('button', { name: 'Retry' }));
		await vi.advanceTimersByTimeAsync(10);
		expect(screen.getByRole('status')).toHaveTextContent('Saved');
	});
	it('says what is wrong with a value and saves the others', async () => {
		show({ options: { seed: 3 }, system_prompt: null });
		await write('Seed', 'lucky');
		await write('Min p', '0.1');
		await vi.advanceTimersByTimeAsync(1000);
		expect(screen.getByLabelText('Seed')).toBeInvalid();
		expect(screen.getByText(/^A whole number from -1/)).toBeInTheDocument();
		expect(onsave).toHaveBeenCalledWith({ options: { min_p: 0.1, seed: 3 }, system_prompt: null });
	});
	it('saves what was written when it is closed at once', async () => {
		show();
		await write('System prompt of this conversation', 'Answer in rhymes.');
		view.unmount();
		expect(onsave).toHaveBeenCalledWith({ options: {}, system_prompt: 'Answer in rhymes.' });
	});
	it('goes back to the defaults', async () => {
		show({ options: { temperature: 1 }, system_prompt: 'x' });
		await fireEvent.click(screen.getByRole('button', { name: 'Reset' }));
		expect(onsave).toHaveBeenCalledWith(NONE);
		expect(screen.getByLabelText('Temperature')).toHaveValue('');
	});
	it('brings back what Reset took, until something else is written', async () => {
		const long = { options: { temperature: 1 }, system_prompt: 'a long prompt' };
		show(long);
		const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }));
		screen.getByRole('button', { name: 'Reset' }).focus();
		await press('Reset');
		expect(screen.getByRole('button', { name: 'Undo reset' })).toHaveFocus();
		await press('Undo reset');
		expect(onsave).toHaveBeenLastCalledWith(long);
		expect(screen.getByLabelText('System prompt of this conversation')).toHaveValue(
			'a long prompt'
		);
		await press('Reset');
		await write('Temperature', '0.5');
		expect(screen.queryByRole('button', { name: 'Undo reset' })).toBeNull();
	});
	it.each([
		['admin', true],
		['user', false]
	] as const)('shows the prompt of the server; a link to change it for %s: %s', (role, link) => {
		session.user = { id: 'a', name: 'a', role };
		show();
		expect(screen.getByText('You are a cook.')).toBeInTheDocument();
		expect(screen.queryAllByRole('link')).toHaveLength(link ? 1 : 0);
	});
});
