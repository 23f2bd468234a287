/** Limits for what hangs, which no load of the machine reaches. */

/** Milliseconds after which a process that hangs is killed. */
export const WATCHDOG = 300_000;
