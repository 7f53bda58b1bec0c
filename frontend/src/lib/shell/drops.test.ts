import { expect, it } from 'vitest';
import { refuseDrops } from './drops';

it.each([
	['a file beside its places', ['Files'], false, true],
	['text', ['text/plain'], false, false],
	['a file that a place takes', ['Files'], true, true]
])('%s', (_, types, taken, prevented) => {
	const stop = refuseDrops();
	const place = document.createElement('div');
	document.body.append(place);
	if (taken) place.addEventListener('drop', (e) => e.preventDefault());
	const event = new Event('drop', { bubbles: true, cancelable: true });
	const dataTransfer = { types, dropEffect: 'copy' };
	place.dispatchEvent(Object.assign(event, { dataTransfer }));
	expect(event.defaultPrevented).toBe(prevented);
	expect(dataTransfer.dropEffect).toBe(prevented && !taken ? 'none' : 'copy');
	stop();
	place.remove();
});
