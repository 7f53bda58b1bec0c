import { describe, expect, it } from 'vitest';
import { aConversation } from '$lib/api/fake';
import type { Conversation } from '$lib/api/types';
import { byAge } from '$lib/state/order';
import { isHeading, sectionRows, untilMidnight, type Row } from './sections';

const now = new Date(2026, 10, 24, 12, 0);
const at = (year: number, month: number, day: number, hour = 0, minute = 0): number =>
	new Date(year, month - 1, day, hour, minute).getTime();
const folder = (id: string, name: string) => ({ id, name, created_at: 0 });

function shown(rows: Row[]): string[] {
	return rows.map((r) => (isHeading(r) ? `# ${r.label} (${String(r.count)})` : r.id));
}
function rowsOf(list: Conversation[], folders = [] as ReturnType<typeof folder>[], folded = ['']) {
	return shown(sectionRows(list.toSorted(byAge), folders, new Set(folded), now));
}

describe('sections by date', () => {
	it.each([
		['this minute', at(2026, 11, 24, 12), 'Today'],
		['a clock that runs ahead', at(2026, 11, 25, 3), 'Today'],
		['midnight', at(2026, 11, 24), 'Today'],
		['a minute before midnight', at(2026, 11, 23, 23, 59), 'Yesterday'],
		['the day before yesterday', at(2026, 11, 22, 23), 'Previous 7 days'],
		['seven days ago', at(2026, 11, 17), 'Previous 7 days'],
		['eight days ago', at(2026, 11, 16, 23), 'Previous 30 days'],
		['thirty days ago', at(2026, 10, 25), 'Previous 30 days'],
		['before that', at(2026, 10, 24, 23, 59), 'October 2026'],
		['last year', at(2025, 12, 31), 'December 2025']
	])('%s', (_, updated_at, label) => {
		expect(rowsOf([aConversation('a', { updated_at })])).toEqual([`# ${label} (1)`, 'a']);
	});
	it('keeps one heading for neighbours and never repeats a month', () => {
		const list = [1, 2, 3].map((day) =>
			aConversation(`c${String(day)}`, { updated_at: at(2026, 9, day) })
		);
		list.push(aConversation('old', { updated_at: at(2026, 8, 31, 23) }));
		expect(rowsOf(list)).toEqual([
			'# September 2026 (3)',
			'c3',
			'c2',
			'c1',
			'# August 2026 (1)',
			'old'
		]);
	});
	it('knows when the day ends', () => {
		expect(untilMidnight(new Date(2026, 10, 24, 23, 59, 30))).toBe(30_000);
	});
});

describe('pinned ones and folders', () => {
	const today = at(2026, 11, 24, 9);
	const list = [
		aConversation('pin', { updated_at: at(2026, 1, 1), pinned: true, folder_id: 'f1' }),
		aConversation('work', { updated_at: today, folder_id: 'f1' }),
		aConversation('gone', { updated_at: today - 1, archived: true, pinned: true }),
		aConversation('lost', { updated_at: today - 2, folder_id: 'unknown' })
	];
	it('pinned first, then folders, then the rest; archived ones nowhere', () => {
		expect(rowsOf(list, [folder('f1', 'Work'), folder('f2', 'Empty')])).toEqual([
			'# Pinned (1)',
			'pin',
			'# Work (1)',
			'work',
			'# Empty (0)',
			'# Today (1)',
			'lost'
		]);
	});
	it('a folded folder counts what it hides', () => {
		expect(rowsOf(list, [folder('f1', 'Work')], ['f1'])).toEqual([
			'# Pinned (1)',
			'pin',
			'# Work (1)',
			'# Today (1)',
			'lost'
		]);
	});
	it('nothing at all gives nothing', () => {
		expect(rowsOf([])).toEqual([]);
	});
});
