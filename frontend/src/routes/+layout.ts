// Everything runs in the browser: hob serves the page as static files.
export const ssr = false;
export const prerender = false;
