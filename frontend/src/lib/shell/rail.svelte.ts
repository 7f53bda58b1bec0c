/** Is the rail open? Remembered in this browser; the phone's sheet always starts closed. */
const KEY = 'hob-rail';

function remembered(): boolean {
	try {
		return localStorage.getItem(KEY) === 'collapsed';
	} catch {
		return false; // storage is off
	}
}

class RailState {
	collapsed = $state(remembered());
	sheet = $state(false);

	/** Ctrl/Cmd-B: the rail on a desk, the sheet on a phone. */
	toggle(): void {
		if (!matchMedia('(min-width: 48rem)').matches) {
			this.sheet = !this.sheet;
			return;
		}
		this.collapsed = !this.collapsed;
		try {
			localStorage.setItem(KEY, this.collapsed ? 'collapsed' : 'open');
		} catch {
			// remembered for this visit only
		}
	}
}

export const rail = new RailState();
