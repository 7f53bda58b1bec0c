/** Log lines of engines: colours become spans, every other terminal control goes. */
import Anser from 'anser';

export interface Part {
	text: string;
	/** classes of log.css */
	class: string;
}

/* eslint-disable no-control-regex -- terminal controls are what this file is about */
// CSI sequences other than colours (SGR, "m"), OSC strings, single escapes.
const CONTROLS =
	/\u001b\[[0-9;?<=>]*[ -/]*[@-ln-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[^[\]]/g;
const COLOURS = /\u001b\[[0-9;:]*m/g;
const LEFTOVERS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** The text alone, as search and screen readers need it. */
export function plainText(line: string): string {
	return line.replace(CONTROLS, '').replace(COLOURS, '').replace(LEFTOVERS, '');
}

export function colouredParts(line: string): Part[] {
	if (!line.includes('\u001b')) return [{ text: plainText(line), class: '' }];
	return Anser.ansiToJson(line.replace(CONTROLS, ''), { use_classes: true, remove_empty: true })
		.map((part) => ({
			text: part.content.replace(LEFTOVERS, ''),
			class: [part.fg ?? '', part.decorations.includes('bold') ? 'font-semibold' : '']
				.filter(Boolean)
				.join(' ')
		}))
		.filter((part) => part.text !== '');
}
/* eslint-enable no-control-regex */
