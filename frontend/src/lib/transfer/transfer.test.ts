import { describe, expect, it } from 'vitest';
import { importedLine, sentLine } from './words';

describe('importedLine', () => {
	const none = { conversations: 0, messages: 0, attachments: 0, folders: 0, skipped: 0 };
	it.each([
		[
			{ conversations: 12, messages: 340, skipped: 2 },
			'Imported 12 conversations with 340 messages; 2 were there already.'
		],
		[
			{ conversations: 1, messages: 1, skipped: 1 },
			'Imported 1 conversation with 1 message; 1 was there already.'
		],
		[{ conversations: 1200, messages: 5000 }, 'Imported 1,200 conversations with 5,000 messages.'],
		[{ skipped: 3 }, 'Nothing new: 3 conversations were there already.'],
		[{}, 'There are no conversations in this file.']
	])('%o', (counts, text) => {
		expect(importedLine({ ...none, ...counts })).toBe(text);
	});
});

describe('sentLine', () => {
	it.each([
		[12e6, 40e6, '12 MB of 40 MB, 30 %'],
		[0, 0, '0 bytes of 0 bytes, 0 %'],
		[39.99e6, 40e6, '40 MB of 40 MB, 99 %']
	])('%d of %d', (sent, total, text) => {
		expect(sentLine(sent, total)).toBe(text);
	});
});
