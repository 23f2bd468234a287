/** Layers that are applied one after the other. */
import { clipped } from '../core/escape.js';
import { isList, shown, shownList } from '../core/check.js';
import { checkValue, type Value } from '../value/value.js';
import { composed } from '../graph/node.js';
import { checkModule, MAX_LAYERS, Module } from './module.js';

/** A layer: a module of one input and one result, such as {@link Linear}, or a function, such as `tanh`. */
export type SequentialLayer = (Module & Applied) | ((x: Value) => Value);

/** What is applied to one value. */
export interface Applied {
  /** The result for x. */
  apply(x: Value): Value;
}

/**
 * Layers and functions that are applied one after the other. Its parameters are those of the layers, under
 * the names that these were given. As in PyTorch they are `0.weight` and `0.bias` with `new nn.Sequential([
 * new nn.Linear(2, 8, { random, name: '0' }), tanh])`.
 */
export class Sequential extends Module {
  /** @hidden */
  readonly steps: readonly SequentialLayer[];

  /**
   * @param layers at most 1,000 modules and functions
   * @throws TypeError when one is neither
   */
  constructor(layers: readonly SequentialLayer[]) {
    super({}, {}, false);
    if (!isList(layers) || layers.length > MAX_LAYERS)
      throw new TypeError(
        `Sequential: layers ${shownList(layers)}: expected an array of at most ${MAX_LAYERS} layers`,
      );
    this.steps = layers.map((layer, i) => {
      checkLayer(`Sequential: layers[${i}]`, layer);
      return layer instanceof Module ? this.include(layer, String(i)) : layer;
    });
  }

  /**
   * @param x what the first layer takes
   * @returns what the last layer gives
   * @throws TypeError when a layer returns no Value
   */
  apply(x: Value): Value {
    checkModule('Sequential.apply', this);
    checkValue('Sequential.apply', 'x', x);
    let y = x;
    // In a loop, since they can lie in each other to any depth.
    const open = [{ steps: this.steps, next: 0 }];
    for (let inner = open.at(-1); inner; inner = open.at(-1)) {
      const i = inner.next++;
      const layer = inner.steps[i];
      if (layer === undefined) open.pop();
      else if (isPlain(layer)) open.push({ steps: layer.steps, next: 0 });
      else {
        const who = `Sequential.apply: layers[${i}]`;
        const before = y;
        y = composed(who, [y], () => (typeof layer === 'function' ? layer(before) : layer.apply(before)));
        checkValue(who, 'its result', y);
      }
    }
    return y;
  }
}

/** Whether a layer is a Sequential, and no class derived from it that applies its layers otherwise. */
function isPlain(layer: SequentialLayer): layer is Sequential {
  return layer instanceof Sequential && layer.apply === Sequential.prototype.apply;
}

function checkLayer(what: string, layer: unknown): void {
  if (typeof layer === 'function') {
    if (!(layer.prototype instanceof Module)) return;
    throw new TypeError(
      `${what} is the class ${clipped(layer.name)}: make one, as in new nn.${clipped(layer.name)}(...)`,
    );
  }
  if (!(layer instanceof Module && typeof Reflect.get(layer, 'apply') === 'function'))
    throw new TypeError(`${what} is ${shown(layer)}: expected a module or a function of a Value`);
}
