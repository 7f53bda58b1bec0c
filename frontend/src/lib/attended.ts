/**
 * Attachment: calls `hold` when somebody moves the pointer over an element or has the focus in it, and what that
 * returned when nobody does any more, also because the element is gone. A pointer that rests where the element
 * came up is nobody: what was clicked there had gone before.
 */
export function attended(hold: () => () => void): (element: HTMLElement) => () => void {
	return (element) => {
		let pointed = false;
		let focused = false;
		let release: (() => void) | null = null;
		const look = (): void => {
			if (pointed || focused) release ??= hold();
			else {
				release?.();
				release = null;
			}
		};
		const listening = new AbortController();
		const on = (name: string, heed: () => void): void =>
			element.addEventListener(
				name,
				() => {
					heed();
					look();
				},
				{ signal: listening.signal }
			);
		on('pointermove', () => (pointed = true));
		on('pointerleave', () => (pointed = false));
		on('focusin', () => (focused = true));
		on('focusout', () => (focused = false));
		return () => {
			listening.abort();
			// Not in the teardown itself: state that is read there is what it was before.
			if (release) queueMicrotask(release);
		};
	};
}
