/** What the sidebar lists, from top to bottom: pinned ones, folders, then the rest by date. */
import type { Conversation, Folder } from '$lib/api/types';

/** Stands above its conversations. Folders can be folded. */
export interface Heading {
	kind: 'heading';
	id: string;
	label: string;
	folder: Folder | null;
	/** Conversations below it, also when it is folded. */
	count: number;
	open: boolean;
}
/** A conversation is a row itself, so that nothing is made anew for it. */
export type Row = Heading | Conversation;

export function isHeading(row: Row): row is Heading {
	return 'kind' in row;
}

const monthName = new Intl.DateTimeFormat('en', { month: 'long', year: 'numeric' });

/** Midnight of the day `days` before the one of `now`, in local time (days may have 23 or 25 hours). */
function dayStart(now: Date, days: number): number {
	return new Date(now.getFullYear(), now.getMonth(), now.getDate() - days).getTime();
}

/** Milliseconds until the next local midnight. */
export function untilMidnight(now: Date): number {
	return dayStart(now, -1) - now.getTime();
}

/** Gives the sections by date of a list that is ordered newest first. */
class Dates {
	readonly #bounds: [number, string][];
	#from = Infinity;
	#label = '';

	constructor(now: Date) {
		this.#bounds = [
			[dayStart(now, 0), 'Today'],
			[dayStart(now, 1), 'Yesterday'],
			[dayStart(now, 7), 'Previous 7 days'],
			[dayStart(now, 30), 'Previous 30 days']
		];
	}

	/** The section of `at`; cheap while it is the one of the call before. */
	labelOf(at: number): string {
		if (at >= this.#from) return this.#label;
		const bound = this.#bounds.find(([from]) => at >= from);
		if (bound) [this.#from, this.#label] = bound;
		else {
			const date = new Date(at);
			this.#from = new Date(date.getFullYear(), date.getMonth(), 1).getTime();
			this.#label = monthName.format(date);
		}
		return this.#label;
	}
}

function heading(id: string, label: string, folder: Folder | null, open: boolean): Heading {
	return { kind: 'heading', id, label, folder, count: 0, open };
}

/**
 * `list` is ordered newest first; archived ones are left out. `folded`: ids of folders that hide their
 * conversations. What is in a folder that is not known stands among the others.
 */
export function sectionRows(
	list: readonly Conversation[],
	folders: readonly Folder[],
	folded: ReadonlySet<string>,
	now: Date
): Row[] {
	const pinned: Row[] = [heading('pinned', 'Pinned', null, true)];
	const groups = new Map<string, Row[]>();
	for (const f of folders)
		groups.set(f.id, [heading(`folder-${f.id}`, f.name, f, !folded.has(f.id))]);
	const dated: Row[] = [];
	const dates = new Dates(now);
	let section: Heading | undefined;
	for (const c of list) {
		if (c.archived) continue;
		const group = c.pinned ? pinned : c.folder_id ? groups.get(c.folder_id) : undefined;
		if (group) {
			const head = group[0] as Heading;
			head.count++;
			if (head.open) group.push(c);
			continue;
		}
		const label = dates.labelOf(c.updated_at);
		if (section?.label !== label) {
			section = heading(`date-${label}`, label, null, true);
			dated.push(section);
		}
		section.count++;
		dated.push(c);
	}
	return [...(pinned.length > 1 ? pinned : []), ...[...groups.values()].flat(), ...dated];
}
