import type { HTMLAnchorAttributes, HTMLButtonAttributes } from 'svelte/elements';
import { tv, type VariantProps } from 'tailwind-variants';

export const buttonVariants = tv({
	base: "inline-flex shrink-0 items-center justify-center gap-2 rounded-md text-sm font-medium whitespace-nowrap transition-colors duration-150 select-none disabled:pointer-events-none disabled:opacity-50 aria-disabled:pointer-events-none aria-disabled:opacity-50 [&_svg]:pointer-events-none [&_svg]:shrink-0 [&_svg:not([class*='size-'])]:size-4",
	variants: {
		variant: {
			default: 'bg-primary text-primary-foreground hover:bg-primary-hover',
			secondary: 'bg-muted text-foreground hover:bg-border',
			outline: 'border border-input bg-transparent hover:bg-muted',
			ghost: 'hover:bg-muted',
			destructive: 'bg-destructive text-destructive-foreground hover:opacity-90',
			link: 'text-accent-text underline underline-offset-4 hover:no-underline'
		},
		// A finger needs 40 px; a mouse does not.
		size: {
			default: 'h-10 px-4',
			sm: 'h-8 px-3 text-[13px] pointer-coarse:h-10',
			icon: 'size-10',
			'icon-sm': 'size-8 pointer-coarse:size-10'
		}
	},
	defaultVariants: { variant: 'default', size: 'default' }
});
export type ButtonVariant = VariantProps<typeof buttonVariants>['variant'];
export type ButtonSize = VariantProps<typeof buttonVariants>['size'];
export type ButtonProps = HTMLButtonAttributes &
	Pick<HTMLAnchorAttributes, 'href' | 'target' | 'rel' | 'download'> & {
		ref?: HTMLElement | null;
		variant?: ButtonVariant;
		size?: ButtonSize;
		/** Shows a spinner and takes no further click; the label stays. */
		busy?: boolean;
	};
