/** What a message says: its text, and its title where it begins a conversation. Pure. */
import type { Content } from '$lib/api/types';

const TITLE_CHARS = 60;

export function contentText(content: Content): string {
	if (typeof content === 'string') return content;
	return content
		.filter((p) => p.type === 'text')
		.map((p) => p.text)
		.join('\n');
}

/** The same files with another text. */
export function withText(content: Content, text: string): Content {
	const files = typeof content === 'string' ? [] : content.filter((p) => p.type !== 'text');
	if (files.length === 0) return text;
	return text ? [{ type: 'text', text }, ...files] : files;
}

export function titleOf(content: Content): string {
	const text = contentText(content).trim().replace(/\s+/g, ' ');
	if (!text) return 'New chat';
	return text.length > TITLE_CHARS ? `${text.slice(0, TITLE_CHARS - 1)}…` : text;
}
