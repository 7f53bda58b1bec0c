/** What one message may carry. hob refuses more, so the page says so before anything is uploaded. */

export const MAX_FILE_BYTES = 32 * 1024 * 1024;
/** Of what is typed; files do not count. */
export const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** The text is one part, each file another. */
export const MAX_PARTS = 32;
export const MAX_FILES = MAX_PARTS - 1;
const MAX_NAME_BYTES = 255;

export const LIMITS_TEXT = `Up to ${String(MAX_FILES)} files, 32 MiB each`;

const encoder = new TextEncoder();

/** Bytes of the text in UTF-8; exact only where it matters, near the limit and above. */
export function textBytes(text: string): number {
	return text.length * 3 < MAX_TEXT_BYTES ? text.length : encoder.encode(text).length;
}

/** "4.2 MiB", as the limits are given. */
export function mebibytes(bytes: number): string {
	return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** A name that hob takes: without control characters, at most 255 bytes, the extension kept. */
export function safeName(name: string): string {
	const clean =
		name
			.toWellFormed()
			.replace(/\p{Cc}/gu, '')
			.trim() || 'file';
	if (encoder.encode(clean).length <= MAX_NAME_BYTES) return clean;
	const dot = clean.lastIndexOf('.');
	const extension = dot > 0 && clean.length - dot <= 16 ? clean.slice(dot) : '';
	let stem = [...clean.slice(0, clean.length - extension.length)];
	while (encoder.encode(stem.join('') + extension).length > MAX_NAME_BYTES)
		stem = stem.slice(0, -1);
	return stem.join('') + extension;
}

/** "photo.heic" -> "photo.jpg" */
export function withExtension(name: string, extension: string): string {
	return `${name.replace(/\.[^./\\]{1,8}$/, '')}.${extension}`;
}
