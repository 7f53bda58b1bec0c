/** Puts the focus into the message input; false: it did not. Not by touch: a keyboard that jumps up hides what one came to read. */
export function focusInput(
	input: HTMLElement | null = document.querySelector<HTMLElement>('#composer textarea')
): boolean {
	if (!input || matchMedia('(pointer: coarse)').matches) return false;
	input.focus();
	return true;
}
