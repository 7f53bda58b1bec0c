/** A command line in a text field and the argv array that hob runs; hob never uses a shell. */

/** Splits at blanks; quotes and backslashes as in a shell, nothing else is special. Throws with advice. */
export function parseArgv(line: string): string[] {
	const argv: string[] = [];
	let word: string | null = null;
	let quote = '';
	for (let i = 0; i < line.length; i++) {
		const ch = line.charAt(i);
		if (quote) {
			if (ch === quote) quote = '';
			else if (ch === '\\' && quote === '"' && /["\\]/.test(line.charAt(i + 1)))
				word = (word ?? '') + line.charAt(++i);
			else word = (word ?? '') + ch;
		} else if (ch === '"' || ch === "'") {
			quote = ch;
			word ??= '';
		} else if (ch === '\\' && i + 1 < line.length) word = (word ?? '') + line.charAt(++i);
		else if (/\s/.test(ch)) {
			if (word !== null) argv.push(word);
			word = null;
		} else word = (word ?? '') + ch;
	}
	if (quote) throw new Error(`A ${quote} is opened and not closed. Close it, or remove it.`);
	if (word !== null) argv.push(word);
	return argv;
}

/** The line that parseArgv reads back as `argv`. */
export function formatArgv(argv: string[]): string {
	return argv
		.map((word) =>
			word !== '' && !/[\s"'\\]/.test(word)
				? word
				: word.includes("'")
					? `"${word.replace(/["\\]/g, '\\$&')}"`
					: `'${word}'`
		)
		.join(' ');
}
