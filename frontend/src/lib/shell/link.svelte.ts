/** Whether live news from hob is missing. A blink of the network is not worth a word. */
import { live } from '$lib/api/events';

const PATIENCE_MS = 1500;

class Link {
	lost = $state(false);

	/** Watches until what it returns is called. */
	watch(): () => void {
		let timer: ReturnType<typeof setTimeout> | undefined;
		const hear = (link: string): void => {
			clearTimeout(timer);
			if (link === 'lost') timer = setTimeout(() => (this.lost = true), PATIENCE_MS);
			else if (link === 'open') this.lost = false;
		};
		hear(live.link);
		const off = live.onLink(hear);
		return () => {
			clearTimeout(timer);
			off();
		};
	}
}

export const link = new Link();
