// What a file of browser tests plays on.
import { after } from 'node:test';
import { launch } from './browser.mjs';
import { Hob } from './hob.mjs';

/** A hob and a browser, both ended after the file's tests; options as of Hob.start. */
export async function stage(options) {
  const hob = await Hob.start(options);
  const browser = await launch();
  after(async () => {
    await browser.close();
    // What closed pages asked for may still be written: hob would wait for its end.
    for (const { id } of hob.cookie ? (await hob.get('/api/servers')).servers : [])
      await hob.post(`/api/servers/${id}/stop`);
    await hob.stop();
  });
  return { hob, browser };
}
