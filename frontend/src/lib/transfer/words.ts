import type { ImportResult } from '$lib/api/types';
import { formatBytes, formatCount } from '$lib/format';

/** What an import has brought: "Imported 12 conversations with 340 messages; 2 were there already." */
export function importedLine({ conversations, messages, skipped }: ImportResult): string {
	if (conversations === 0 && skipped === 0) return 'There are no conversations in this file.';
	const verb = skipped === 1 ? 'was' : 'were';
	if (conversations === 0)
		return `Nothing new: ${formatCount(skipped, 'conversation')} ${verb} there already.`;
	const brought = `Imported ${formatCount(conversations, 'conversation')} with ${formatCount(messages, 'message')}`;
	return skipped > 0
		? `${brought}; ${skipped.toLocaleString('en')} ${verb} there already.`
		: `${brought}.`;
}

/** "12 MB of 40 MB, 30 %" */
export function sentLine(sent: number, total: number): string {
	const percent = String(Math.floor((sent / Math.max(1, total)) * 100));
	return `${formatBytes(sent)} of ${formatBytes(total)}, ${percent} %`;
}
