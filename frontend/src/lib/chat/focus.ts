/** Puts the focus into the message input. Not by touch: a keyboard that jumps up hides what one came to read. */
export function focusInput(
	input: HTMLElement | null = document.querySelector<HTMLElement>('#composer textarea')
): void {
	if (!matchMedia('(pointer: coarse)').matches) input?.focus();
}
