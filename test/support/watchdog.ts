/** Time limits for processes that hang; no load of the machine reaches them. */

/** After how many milliseconds a hanging process is killed. */
export const WATCHDOG = 300_000;
