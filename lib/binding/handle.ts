/** The native half of a program, of its plan for rows, or of a generator; opaque. */
export type Handle = object;
