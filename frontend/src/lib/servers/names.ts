/** A name for a new server made of a model: short, and not taken. */
export function serverName(modelName: string, taken: Iterable<string>): string {
	const used = new Set([...taken].map((name) => name.toLowerCase()));
	const base =
		modelName
			.replace(/^.*[/\\]/, '')
			.replace(/\.gguf$/i, '')
			.replace(/-\d{5}-of-\d{5}$/, '')
			.trim()
			.slice(0, 60) || 'model';
	let name = base;
	for (let n = 2; used.has(name.toLowerCase()); n++) name = `${base}-${String(n)}`;
	return name;
}
