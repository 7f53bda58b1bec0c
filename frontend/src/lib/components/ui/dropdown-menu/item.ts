/** What all rows of a menu look like. */
export const itemClass =
	"flex min-h-9 cursor-pointer items-center gap-2.5 rounded-sm px-2.5 outline-none select-none data-disabled:pointer-events-none data-disabled:opacity-50 data-highlighted:bg-muted dark:data-highlighted:bg-white/10 pointer-coarse:min-h-10 forced-colors:data-highlighted:outline-2 forced-colors:data-highlighted:-outline-offset-2 forced-colors:data-highlighted:outline-solid [&_svg:not([class*='size-'])]:size-4";
