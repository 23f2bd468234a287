/** A progress bar on a terminal; nothing where standard error is not a terminal. */
import { now as clock } from '../core/clock.js';
import type { Sink } from '../terminal/output.js';

const BAR = 30;
const EVERY_MS = 50;

interface ProgressBar {
  /** Call this after every step. Undefined where nobody watches, so that no step pays for it. */
  onStep: ((step: number, loss: number) => void) | undefined;
  /** Removes the bar from the screen. */
  clear(): void;
}

/** @param now the time in milliseconds; a parameter for tests */
export function progressBar(
  sink: Sink,
  label: string,
  steps: number,
  now: () => number = clock,
): ProgressBar {
  if (sink.isTTY !== true || process.env['TERM'] === 'dumb') {
    return { onStep: undefined, clear: () => undefined };
  }
  // A run shorter than the first interval shows no bar, which would only flicker.
  let next = now() + EVERY_MS;
  let isShown = false;
  return {
    onStep(step, loss) {
      const time = now();
      if (time < next) return;
      next = time + EVERY_MS;
      isShown = true;
      const done = Math.round((step / steps) * BAR);
      const bar = '█'.repeat(done) + '░'.repeat(BAR - done);
      const line = `${label.padEnd(8)} ${bar} step ${step}/${steps}  loss ${loss.toFixed(4)}`;
      // A terminal of unknown width reports 0.
      const width = (sink.columns || 80) - 1;
      sink.write(`\r\x1b[2K${line.slice(0, width)}`);
    },
    clear() {
      if (isShown) sink.write('\r\x1b[2K');
    },
  };
}
