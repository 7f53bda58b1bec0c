import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { api } from '$lib/api/client';
import type { Memory } from '$lib/api/types';
import MemorySettings from './MemorySettings.svelte';

const amount = {
	budget_bytes: 16e9,
	is_automatic: true,
	used_bytes: 0,
	total_bytes: 24e9,
	available_bytes: 20e9
};
const memory: Memory = {
	ram: amount,
	gpu: { ...amount, budget_bytes: 12e9, devices: [] },
	settings: { budget_bytes: null, gpu_budget_bytes: null, turn_s: 20, groups: {} },
	groups: []
};

describe('settings of memory', () => {
	it('sets a budget of the GPU by itself, and says what holds without one', async () => {
		const change = vi.spyOn(api, 'changeMemory').mockResolvedValue({ memory });
		render(MemorySettings, { open: true, memory });
		const field = screen.getByLabelText('GPU budget in GB');
		expect(field).toHaveAttribute('placeholder', 'Automatic: 12.0 GB now');
		await userEvent.type(field, 'lots');
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		expect(field).toHaveAccessibleDescription(/Type a number of gigabytes/);
		expect(change).not.toHaveBeenCalled();
		await userEvent.clear(field);
		await userEvent.type(field, '20');
		await userEvent.click(screen.getByRole('button', { name: 'Save' }));
		expect(change).toHaveBeenCalledWith({
			budget_bytes: null,
			gpu_budget_bytes: 20e9,
			turn_s: 20,
			groups: {}
		});
	});

	it('does not speak of GPUs where there are none', () => {
		render(MemorySettings, { open: true, memory: { ...memory, gpu: null } });
		expect(screen.getByLabelText('Budget in GB')).toBeInTheDocument();
		expect(screen.queryByLabelText('GPU budget in GB')).toBeNull();
	});
});
