// Looks at a page while something happens to it: frames by the wall clock, tasks of its main thread by CPU time.
export const FRAME_MS = 50;

/** In the page: the gaps between frames while `on`, and when something was first to be seen. */
export function install() {
  const probe = (window.probe = { gaps: [], on: false });
  let last = 0;
  const frame = (now) => {
    if (probe.on && last) probe.gaps.push(now - last);
    last = probe.on ? now : 0;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** CPU ms of every task of the page's main thread since the mark; what comes before is the tracing itself. */
function taskTimes(trace) {
  const { traceEvents } = JSON.parse(trace);
  const mains = new Set();
  const begun = traceEvents.find((e) => e.name === 'probe')?.ts ?? 0;
  for (const e of traceEvents)
    if (e.name === 'thread_name' && e.args.name === 'CrRendererMain') mains.add(`${e.pid}.${e.tid}`);
  return traceEvents
    .filter((e) => e.name === 'RunTask' && e.ph === 'X' && e.ts > begun && mains.has(`${e.pid}.${e.tid}`))
    .map((e) => (e.tdur ?? e.dur) / 1000);
}

/** Runs `act` and tells {frames, worstFrame, longFrames, worstTask, longTasks, tasks, result}; times in ms. */
export async function observe(page, act) {
  const browser = page.context().browser();
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', 'blink.user_timing'] });
  await page.waitForTimeout(200);
  await page.evaluate(() => {
    Object.assign(window.probe ?? {}, { gaps: [], on: true });
    performance.mark('probe');
  });
  const result = await act();
  const gaps = await page.evaluate(() => {
    window.probe.on = false;
    return window.probe.gaps;
  });
  const tasks = taskTimes(await browser.stopTracing());
  const long = (values) => values.filter((v) => v > FRAME_MS).length;
  return {
    frames: gaps.length,
    worstFrame: Math.max(0, ...gaps),
    longFrames: long(gaps),
    tasks: tasks.length,
    worstTask: tasks.reduce((a, b) => Math.max(a, b), 0),
    longTasks: long(tasks),
    result
  };
}
