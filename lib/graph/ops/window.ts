/** How the windows of convolutions and pooling lie over images: an attribute of theirs. */

/** Down and along an image. */
export type Pair = readonly [number, number];

/** How windows lie over images. */
export interface Window {
  /** The numbers of a window, and how far they are apart. */
  readonly size: Pair;
  readonly dilation: Pair;
  /** How far each window is from the one before. */
  readonly stride: Pair;
  /** How many zeros (of maxima: minus infinities) the first window may begin before the image. */
  readonly before: Pair;
  /** How many windows there are. */
  readonly count: Pair;
  /** Channels of the image, and of the result, are in as many groups, each convolved by itself. */
  readonly groups: number;
}
