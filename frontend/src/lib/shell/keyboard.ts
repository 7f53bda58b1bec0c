/**
 * Keeps the page above the keyboard of a phone where the browser lays it over the page instead of making
 * room (Safari; others know interactive-widget=resizes-content). The shell is --app-height high.
 */

/** Less is a toolbar, not a keyboard. */
const KEYBOARD_PX = 120;

/** Watches until what it returns is called. */
export function watchKeyboard(): () => void {
	const viewport = window.visualViewport;
	if (!viewport) return () => undefined;
	const { style } = document.documentElement;
	const fit = (): void => {
		// Pinching changes the visual viewport as well, and must not move anything.
		const covered = viewport.scale === 1 ? window.innerHeight - viewport.height : 0;
		if (covered > KEYBOARD_PX) {
			style.setProperty('--app-height', `${String(Math.round(viewport.height))}px`);
			window.scrollTo(0, 0);
		} else style.removeProperty('--app-height');
	};
	viewport.addEventListener('resize', fit);
	return () => {
		viewport.removeEventListener('resize', fit);
		style.removeProperty('--app-height');
	};
}
