import { DropdownMenu as MenuPrimitive } from 'bits-ui';
import Content from './dropdown-menu-content.svelte';
import Item from './dropdown-menu-item.svelte';

const { Root, Trigger, Group } = MenuPrimitive;
export { Root, Trigger, Group, Content, Item };
