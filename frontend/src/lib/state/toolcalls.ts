/** Puts tool calls together that come in pieces, as OpenAI's streams bring them. Pure. */
import type { ToolCall, ToolCallDelta } from '$lib/api/types';

/** No model asks for more at once; a stream that says so is broken. */
const MAX_CALLS = 256;

/** Gives new objects for what changed, so that the screen sees it. */
export function addToolCalls(
	calls: readonly ToolCall[],
	deltas: readonly ToolCallDelta[]
): ToolCall[] {
	const list = [...calls];
	for (const delta of deltas) {
		const index = delta.index ?? Math.max(0, list.length - 1);
		if (!Number.isInteger(index) || index < 0 || index >= MAX_CALLS) continue;
		while (list.length <= index) list.push({});
		const before = list[index] ?? {};
		const id = delta.id ?? before.id;
		const type = delta.type ?? before.type;
		list[index] = {
			...(id === undefined ? {} : { id }),
			...(type === undefined ? {} : { type }),
			function: {
				name: (before.function?.name ?? '') + (delta.function?.name ?? ''),
				arguments: (before.function?.arguments ?? '') + (delta.function?.arguments ?? '')
			}
		};
	}
	return list;
}
