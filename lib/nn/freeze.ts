/** Freezing: which parameters training leaves as they are. */
import { checkArguments, isList, shown } from '../core/check.js';
import { Value } from '../value/value.js';
import { Module } from './module.js';

/** What {@link freeze} takes: modules, whose parameters are meant, and parameters. */
export type Freezable = Module | Value | readonly (Module | Value)[];

/**
 * Freezes the parameters of modules, or parameters: sets their `trainable` to false. Trainings compiled from
 * now on leave them as they are, and spend neither a gradient nor moments nor an update on them. Batch
 * normalisation among them goes on to follow the statistics of its batches, as in PyTorch.
 *
 * @throws TypeError when it is anything else
 */
export function freeze(what: Freezable): void {
  checkArguments('freeze', arguments, 1);
  setTrainable('freeze', what, false);
}

/**
 * Undoes {@link freeze}: trainings compiled from now on train these parameters.
 *
 * @throws TypeError when it is anything but modules and parameters
 */
export function unfreeze(what: Freezable): void {
  checkArguments('unfreeze', arguments, 1);
  setTrainable('unfreeze', what, true);
}

function setTrainable(who: string, what: Freezable, trainable: boolean): void {
  const given: readonly unknown[] = isList(what) ? Array.from(what) : [what];
  const parameters = given.flatMap((each): Value[] => {
    if (each instanceof Module) return each.parameters();
    if (each instanceof Value && each.op === 'parameter') return [each];
    throw new TypeError(`${who}: ${shown(each)}, expected a module, a parameter, or a list of them`);
  });
  // Buffers, such as the running statistics of a norm, are never trained.
  for (const parameter of parameters) if (!parameter.extras?.isBuffer) parameter.trainable = trainable;
}
