/** Turns a learning rate (a number, function or generator) into the rate of each step. */
import { types } from 'node:util';
import { checkArguments, shown, checkFinite } from '../core/check.js';
import { quoted } from '../core/escape.js';
import * as schedules from './schedules.js';

/** A learning rate: a number, a function of the step (from 0), or a generator of rates. */
export type Schedule = number | ((step: number) => number) | Iterable<number> | Iterator<number>;

/**
 * The rate of each step. A generator belongs to the first training that it is given to.
 *
 * @throws TypeError when another training already takes its rates from this generator
 */
export function rates(schedule: Schedule): (step: number) => number {
  const next = ratesOf(schedule);
  return (step) => {
    const rate: unknown = next(step);
    if (Number.isFinite(rate) && (rate as number) >= 0) return rate as number;
    const Kind = typeof rate === 'number' ? RangeError : TypeError;
    throw new Kind(
      `learning rate ${shown(rate)} at step ${step} (counted from 0): expected a finite number from 0`,
    );
  };
}

/** Functions that make schedules, to recognise one that was passed without calling it. */
const MAKERS = { ...schedules, decay };

/** @throws TypeError when it is not a schedule */
export function checkSchedule(schedule: unknown): asserts schedule is Schedule {
  const maker = Object.entries(MAKERS).find(([, make]) => make === schedule);
  if (maker)
    throw new TypeError(
      `learningRate ${maker[0]} makes a schedule but is not one: call it, as in ` +
        `learningRate: ${maker[0]}(...)`,
    );
  if (types.isGeneratorFunction(schedule))
    throw new TypeError(
      `learningRate is a generator function${schedule.name === '' ? '' : ` ${quoted(schedule.name, 40)}`}: ` +
        'call it, to give the generator that it makes',
    );
  if (typeof schedule === 'number') checkFinite('learningRate', schedule, 0);
  if (typeof schedule === 'number' || typeof schedule === 'function') return;
  const isObject = typeof schedule === 'object' && schedule !== null;
  if (
    isObject &&
    (Symbol.iterator in schedule || typeof (schedule as Partial<Iterator<number>>).next === 'function')
  )
    return;
  throw new TypeError(
    `learningRate ${shown(schedule)}: expected a number, a function of the step, or a generator`,
  );
}

/** The iterators that trainings take their rates from. */
const taken = new WeakSet<Iterator<number>>();

function ratesOf(schedule: Schedule): (step: number) => number {
  checkSchedule(schedule);
  if (typeof schedule === 'number') return () => schedule;
  if (typeof schedule === 'function') return schedule;
  const iterator = Symbol.iterator in schedule ? schedule[Symbol.iterator]() : schedule;
  if (taken.has(iterator))
    throw new TypeError(
      'learningRate: another training takes its rates from this generator, which gives each only once: ' +
        'make an optimiser with a generator of its own for each training, or give a function of the step',
    );
  taken.add(iterator);
  return (step) => {
    const next = iterator.next();
    if (next.done)
      throw new RangeError(
        `the learning rates ended before step ${step} (counted from 0): give a generator that goes on`,
      );
    return next.value;
  };
}

/** Starts at `rate` and multiplies by `factor` after every step. */
export function decay(rate: number, factor: number): Generator<number> {
  checkArguments('decay', arguments, 2);
  // Checked here, and not in the generator, which begins with the first step.
  checkFinite('rate', rate, 0);
  checkFinite('factor', factor, 0);
  return decaying(rate, factor);
}

function* decaying(rate: number, factor: number): Generator<number> {
  for (; ; rate *= factor) yield rate;
}
