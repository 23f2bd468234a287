/** The arrays of numbers that programs hold and that users give. */

/** Numbers as a program holds them: float64 or float32, row-major. */
export type TypedArray = Float64Array | Float32Array;

/** Numbers for a feed or a parameter: one number, a flat array, or nested arrays. */
export type Numbers = number | ArrayLike<number> | readonly Numbers[];

/** How a program holds its numbers. */
export type DType = 'float64' | 'float32';
