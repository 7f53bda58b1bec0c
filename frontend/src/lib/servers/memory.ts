/** Who sits in memory, for the bar on the Servers page; and budgets as people type them. */
import type { MemoryKind, Server } from '$lib/api/types';
import { formatBytes } from '$lib/format';

export interface Share {
	id: string;
	name: string;
	bytes: number;
	/** It is still on its way: it counts for what it will need. */
	coming: boolean;
	/** Of the bar, 0..1. */
	part: number;
}

/** Why a server waits, as a sentence: "Needs 4.2 GB, 1.1 GB free; qwen3 is still answering." free: null, not known. */
export function reasonLine({ memory }: Server, free: number | null): string {
	if (!memory.reason) return '';
	// Names at its beginning keep their letters.
	if (memory.waiting_for === null) return `${memory.reason.replace(/^waiting/, 'Waiting')}.`;
	const who = memory.reason.replace(/^waiting for memory(, )?/, '');
	const needs = memory.needs_bytes;
	const lacks =
		needs === null || free === null || free >= needs
			? ''
			: `Needs ${formatBytes(needs)}, ${free > 0 ? formatBytes(free) : 'nothing'} free`;
	const line = [lacks, who].filter(Boolean).join('; ');
	return line && `${line}.`;
}

/** What engines may still take. */
export function freeBytes(ram: MemoryKind | undefined, shares: readonly Share[]): number | null {
	if (ram?.budget_bytes == null) return null;
	return Math.max(0, ram.budget_bytes - shares.reduce((sum, share) => sum + share.bytes, 0));
}

function bytesOf({ engine, memory }: Server, kind: 'ram' | 'gpu'): number {
	const used = (kind === 'ram' ? memory.used_bytes : memory.gpu_used_bytes) ?? 0;
	const needs = (kind === 'ram' ? memory.needs_bytes : memory.gpu_bytes) ?? 0;
	if (engine.state === 'stopped' || engine.state === 'failed') return 0;
	if (engine.state === 'starting' || engine.state === 'loading') return Math.max(used, needs);
	return used;
}

/** The largest first. Whoever is over the budget makes the bar full, not longer. */
export function sharesOf(
	servers: readonly Server[],
	budget: number | null,
	kind: 'ram' | 'gpu' = 'ram'
): Share[] {
	const shares = servers
		.map((server) => ({
			id: server.id,
			name: server.name,
			bytes: bytesOf(server, kind),
			coming: server.engine.state === 'starting' || server.engine.state === 'loading',
			part: 0
		}))
		.filter((share) => share.bytes > 0)
		.sort((a, b) => b.bytes - a.bytes);
	const used = shares.reduce((sum, share) => sum + share.bytes, 0);
	const whole = Math.max(budget ?? 0, used);
	return shares.map((share) => ({ ...share, part: whole ? share.bytes / whole : 0 }));
}

/** "4.6 GB of 16.0 GB" */
export function memoryLine(kind: MemoryKind, shares: readonly Share[]): string {
	const used = formatBytes(shares.reduce((sum, share) => sum + share.bytes, 0));
	return kind.budget_bytes === null ? used : `${used} of ${formatBytes(kind.budget_bytes)}`;
}

/** What a field for a budget says while nothing is typed into it. */
export function automaticBudget(kind: MemoryKind | null): string {
	return kind?.is_automatic && kind.budget_bytes !== null
		? `Automatic: ${formatBytes(kind.budget_bytes)} now`
		: 'Automatic';
}

/** Gigabytes as they are typed, "24" or "7.5", to bytes; null where it is no amount. */
export function parseGigabytes(text: string): number | null {
	const value = Number(text.trim().replace(',', '.'));
	return text.trim() && Number.isFinite(value) && value > 0 && value <= 1e6
		? Math.round(value * 1e9)
		: null;
}
