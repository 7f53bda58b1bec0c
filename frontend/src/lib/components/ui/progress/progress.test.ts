import { render, screen } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import { Progress } from '.';

const value = (): string | null => screen.getByRole('progressbar').getAttribute('aria-valuenow');

it('never runs backwards within one load, and may in the next', async () => {
	const view = render(Progress, { value: 0.4, label: 'Loading x', run: 1 });
	expect(value()).toBe('40');
	await view.rerender({ value: 0.3 });
	expect(value()).toBe('40');
	await view.rerender({ value: null });
	expect(value()).toBe('40');
	await view.rerender({ value: 1.7 });
	expect(value()).toBe('100');
	await view.rerender({ value: 0.1, run: 2 });
	expect(value()).toBe('10');
});

it('shows a stripe and no number where nothing is known', () => {
	const { container } = render(Progress, { value: null, label: 'Loading x' });
	expect(value()).toBeNull();
	expect(container.querySelector('[data-unknown]')).not.toBeNull();
	expect(screen.getByRole('progressbar', { name: 'Loading x' })).toBeInTheDocument();
});
