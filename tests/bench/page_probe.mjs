// Looks at a page while something happens to it. A frame is all that its main thread does from the beginning of one
// animation frame to that of the next: every task, with the style and the layout in it. It is measured twice: by the
// clock, and by the CPU time that the thread used, which other programs on the machine do not lengthen much.
export const FRAME_MS = 50;

/** In the page: marks each frame's beginning for the trace, and keeps the time between two of them. */
export function install() {
  const probe = (window.probe = { gaps: [] });
  let last = 0;
  const frame = (now) => {
    if (last) probe.gaps.push(now - last);
    last = now;
    performance.mark('frame');
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** {tasks, frames}: CPU ms of each since the mark; what comes before is the tracing itself. */
function workOf(trace) {
  const { traceEvents } = JSON.parse(trace);
  const threads = new Map();
  const threadOf = (e) => threads.get(`${e.pid}.${e.tid}`);
  for (const e of traceEvents)
    if (e.name === 'thread_name' && e.args.name === 'CrRendererMain')
      threads.set(`${e.pid}.${e.tid}`, { tasks: [], marks: [] });
  const begun = traceEvents.find((e) => e.name === 'probe')?.ts ?? 0;
  for (const e of traceEvents) {
    if (e.ts < begun) continue;
    if (e.name === 'RunTask' && e.ph === 'X') threadOf(e)?.tasks.push(e);
    else if (e.name === 'frame' && e.cat === 'blink.user_timing') threadOf(e)?.marks.push(e.ts);
  }
  const all = { tasks: [], frames: [] };
  for (const { tasks, marks } of threads.values()) {
    tasks.sort((a, b) => a.ts - b.ts);
    marks.sort((a, b) => a - b);
    let mark = 0;
    let frame = 0;
    for (const { ts, dur, tdur = dur } of tasks) {
      all.tasks.push(tdur / 1000);
      // The task that a mark lies in is the first of a new frame.
      const from = mark;
      while (mark < marks.length && marks[mark] < ts + dur) mark++;
      if (mark > from) {
        all.frames.push(frame / 1000);
        frame = 0;
      }
      frame += tdur;
    }
    all.frames.push(frame / 1000);
  }
  return all;
}

/**
 * Runs `act` and tells, in ms: {worstFrame, worstTask} by CPU time, {frames, lateFrames, worstGap} by the clock, and
 * its result.
 */
export async function observe(page, act) {
  const browser = page.context().browser();
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', 'blink.user_timing'] });
  await page.waitForTimeout(200);
  await page.evaluate(() => {
    if (window.probe) window.probe.gaps = [];
    performance.mark('probe');
  });
  const result = await act();
  const gaps = await page.evaluate(() => window.probe.gaps);
  const work = workOf(await browser.stopTracing());
  const worst = (values) => values.reduce((a, b) => Math.max(a, b), 0);
  return {
    worstFrame: worst(work.frames),
    worstTask: worst(work.tasks),
    frames: gaps.length,
    lateFrames: gaps.filter((gap) => gap > FRAME_MS).length,
    worstGap: worst(gaps),
    result
  };
}
