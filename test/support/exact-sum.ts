/** Sums and products in twice the precision of a number: what sums of float64 numbers are compared with. */

/** 2^27 + 1 splits a number into two halves of at most 26 bits (Veltkamp). */
const SPLITTER = 2 ** 27 + 1;

/** A sum of numbers and products, with an error of about 2^-100 of the sum of their magnitudes. */
export class ExactSum {
  private high = 0;
  private low = 0;
  /** The sum of the magnitudes of all terms. */
  magnitude = 0;

  get value(): number {
    return this.high + this.low;
  }

  add(x: number): this {
    this.magnitude += Math.abs(x);
    return this.take(x);
  }

  /** Adds a b, without rounding it (Dekker's product). */
  addProduct(a: number, b: number): this {
    const product = a * b;
    const [a1, a2] = halves(a);
    const [b1, b2] = halves(b);
    this.magnitude += Math.abs(product);
    return this.take(product).take(a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2));
  }

  private take(x: number): this {
    const sum = this.high + x;
    const added = sum - this.high;
    this.low += this.high - (sum - added) + (x - added);
    this.high = sum;
    return this;
  }
}

function halves(x: number): [number, number] {
  const scaled = SPLITTER * x;
  const high = scaled - (scaled - x);
  return [high, x - high];
}
