/**
 * Makes images fit for a model: upright, at most 2048 px on the longer side, in a format that every
 * engine reads. Runs where its canvas comes from: in a worker (see images.ts) or on the page.
 */

export const MAX_SIDE = 2048;
/** Larger files are written anew even when their sides fit. */
export const MAX_IMAGE_BYTES = 4 * 1024 * 1024;
/** llama.cpp reads no WebP, so that one is converted too. */
const KEPT_AS_IS: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif']);
const JPEG_QUALITY = 0.9;

export interface Prepared {
	/** Null: the file is good as it is. */
	blob: Blob | null;
	width: number;
	height: number;
	/** Its sides were larger. */
	smaller: boolean;
}

type Canvas = OffscreenCanvas | HTMLCanvasElement;
type Context = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;
export type MakeCanvas = (width: number, height: number) => Canvas;

/** The sides that an image of these gets. */
export function fit(width: number, height: number): { width: number; height: number } {
	const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
	return {
		width: Math.max(1, Math.round(width * scale)),
		height: Math.max(1, Math.round(height * scale))
	};
}

function draw(
	source: CanvasImageSource,
	width: number,
	height: number,
	make: MakeCanvas
): { canvas: Canvas; context: Context } {
	const canvas = make(width, height);
	const context = canvas.getContext('2d', { willReadFrequently: true }) as Context | null;
	if (!context) throw new Error('no canvas');
	context.imageSmoothingEnabled = true;
	context.imageSmoothingQuality = 'high';
	context.drawImage(source, 0, 0, width, height);
	return { canvas, context };
}

/** Never below half in one step: a larger one skips pixels and leaves jagged edges. */
function shrink(
	bitmap: ImageBitmap,
	to: { width: number; height: number },
	make: MakeCanvas
): { canvas: Canvas; context: Context } {
	let { width, height } = bitmap;
	let source: CanvasImageSource = bitmap;
	while (width > to.width * 2) {
		width = Math.ceil(width / 2);
		height = Math.max(to.height, Math.ceil(height / 2));
		source = draw(source, width, height, make).canvas;
	}
	return draw(source, to.width, to.height, make);
}

function hasAlpha(context: Context, width: number, height: number): boolean {
	const { data } = context.getImageData(0, 0, width, height);
	for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return true;
	return false;
}

function encode(canvas: Canvas, type: string): Promise<Blob> {
	if ('convertToBlob' in canvas) return canvas.convertToBlob({ type, quality: JPEG_QUALITY });
	return new Promise((resolve, reject) => {
		canvas.toBlob(
			(blob) => (blob ? resolve(blob) : reject(new Error('no image'))),
			type,
			JPEG_QUALITY
		);
	});
}

/** Throws when the browser cannot read the image. `mime` is what its bytes say. */
export async function downscale(file: Blob, mime: string, make: MakeCanvas): Promise<Prepared> {
	const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
	try {
		const to = fit(bitmap.width, bitmap.height);
		const smaller = to.width < bitmap.width || to.height < bitmap.height;
		if (!smaller && file.size <= MAX_IMAGE_BYTES && KEPT_AS_IS.has(mime))
			return { blob: null, ...to, smaller };
		const { canvas, context } = shrink(bitmap, to, make);
		const mayHaveAlpha = mime !== 'image/jpeg' && mime !== 'image/bmp';
		const keepAlpha = mayHaveAlpha && hasAlpha(context, to.width, to.height);
		const blob = await encode(canvas, keepAlpha ? 'image/png' : 'image/jpeg');
		return { blob, ...to, smaller };
	} finally {
		bitmap.close();
	}
}
