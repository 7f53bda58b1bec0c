/** The time that the sections by date are made for; changes at midnight. */
import { untilMidnight } from './sections';

class Today {
	now = $state.raw(new Date());

	/** Keeps `now` on the right day; returns what ends that. */
	watch(): () => void {
		let timer: ReturnType<typeof setTimeout>;
		const wait = (): void => {
			timer = setTimeout(turn, untilMidnight(new Date()) + 500);
		};
		const turn = (): void => {
			clearTimeout(timer);
			if (new Date().toDateString() !== this.now.toDateString()) this.now = new Date();
			wait();
		};
		wait();
		// Timers of a sleeping computer are late.
		document.addEventListener('visibilitychange', turn);
		return () => {
			clearTimeout(timer);
			document.removeEventListener('visibilitychange', turn);
		};
	}
}

export const today = new Today();
