import { Popover as PopoverPrimitive } from 'bits-ui';
import Content from './popover-content.svelte';

const { Root, Trigger, Close } = PopoverPrimitive;
export { Root, Trigger, Close, Content };
